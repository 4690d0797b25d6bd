/// Channel binding of the connection underneath, as the server sees it (RFC 5056, RFC 5929, RFC 9266).
public struct ChannelBinding: Sendable, Equatable {
    /// Registered unique prefix, such as `tls-exporter` or `tls-server-end-point`.
    public var type: String
    /// Binding data of this connection.
    public var bytes: [UInt8]

    /// The hash of the server's certificate (RFC 5929 §4).
    public static let serverEndPoint = "tls-server-end-point"

    public init(type: String, bytes: [UInt8]) {
        self.type = type
        self.bytes = bytes
    }
}

/// What a server announced to a client, in the form that XEP-0474 hashes so that nobody on the way can shorten the lists.
public enum DowngradeProtection {
    /// - Parameters:
    ///   - mechanisms: of the SASL profile that the client uses, in any order.
    ///   - bindingTypes: as announced by XEP-0440; empty when nothing was announced.
    /// - Returns: the string S of §5.1, before hashing.
    public static func text(mechanisms: [String], bindingTypes: [String]) -> [UInt8] {
        let names = sorted(mechanisms).joined(separator: "\u{1E}")
        if bindingTypes.isEmpty { return Array(names.utf8) }
        return Array((names + "\u{1F}" + sorted(bindingTypes).joined(separator: "\u{1E}")).utf8)
    }

    /// Collation i;octet (RFC 4790 §9.3).
    private static func sorted(_ words: [String]) -> [String] {
        words.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
