/// The one message of the PLAIN mechanism: `[authzid] NUL authcid NUL passwd` (RFC 4616 §2).
public struct PlainMessage: Equatable, Sendable {
    /// The identity to act as; nil when the client leaves it to the server.
    public let authzid: String?
    /// authcid, not prepared.
    public let username: String
    /// passwd, not prepared.
    public let password: String

    /// Longest identity or password. RFC 4616 sets 255 octets; a prepared localpart may have 1023 (RFC 7622 §3.3), and
    /// a bare address as authzid twice as many and the `@`.
    public static let maximumFieldBytes = 2047

    /// - Returns: nil when there are not exactly two NULs, when authcid or passwd is empty, when a field is longer than
    ///   ``maximumFieldBytes``, or when the bytes are not UTF-8.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count <= 3 * Self.maximumFieldBytes + 2 else { return nil }
        let fields = bytes.split(separator: 0, omittingEmptySubsequences: false)
        guard fields.count == 3, !fields[1].isEmpty, !fields[2].isEmpty,
            fields.allSatisfy({ $0.count <= Self.maximumFieldBytes }),
            let authzid = String(validating: fields[0], as: UTF8.self),
            let username = String(validating: fields[1], as: UTF8.self),
            let password = String(validating: fields[2], as: UTF8.self)
        else { return nil }
        self.authzid = authzid.isEmpty ? nil : authzid
        self.username = username
        self.password = password
    }
}
