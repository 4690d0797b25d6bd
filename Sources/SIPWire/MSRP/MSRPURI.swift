/// `msrp://host:port/session;tcp` (RFC 4975 §6).
public struct MSRPURI: Sendable, Hashable {
    public let text: SIPBytes
    public let isSecure: Bool
    public let host: SIPBytes
    public let port: UInt16?
    public let session: SIPBytes

    public init?(_ text: SIPBytes) {
        guard text.count <= 1_024 else { return nil }
        let start: Int
        if text.hasPrefix("msrp://") {
            start = 7
            isSecure = false
        } else if text.hasPrefix("msrps://") {
            start = 8
            isSecure = true
        } else {
            return nil
        }
        var cursor = Cursor(text)
        cursor.index = start
        if let at = text.firstIndex(of: 0x40, from: start) {
            guard Lexical.allOrEscaped(text.part(start, at), Lexical.unreserved) else { return nil }
            cursor.index = at + 1
        }
        guard let host = cursor.host() else { return nil }
        self.host = host
        if cursor.take(0x3A) {
            guard let number = cursor.run(Lexical.digit).integer(UInt16.self) else { return nil }
            port = number
        } else {
            port = nil
        }
        if cursor.take(0x2F) {
            let from = cursor.index
            while !cursor.isAtEnd, cursor.byte != 0x3B { cursor.index += 1 }
            let name = text.part(from, cursor.index)
            // unreserved of RFC 3986 and `+`, `=`, `/`.
            for byte in name {
                guard
                    Lexical.table[Int(byte)] & (Lexical.token | Lexical.unreserved) != 0 || byte == 0x3D || byte == 0x2F
                else { return nil }
            }
            session = name
        } else {
            session = .empty
        }
        guard cursor.take(0x3B), let transport = cursor.token() else { return nil }
        guard !transport.isEmpty, cursor.parameters() else { return nil }
        self.text = text
    }

    /// - Parameter host: an IPv6 address with its brackets.
    public init(host: String, port: UInt16, session: String, isSecure: Bool) {
        let text = SIPBytes("\(isSecure ? "msrps" : "msrp")://\(host):\(port)/\(session);tcp")
        self.text = text
        self.isSecure = isSecure
        self.host = SIPBytes(host)
        self.port = port
        self.session = SIPBytes(session)
    }

    /// As RFC 4975 §6.1 compares them: scheme, host, port and session; parameters do not count.
    public func isSame(as other: MSRPURI) -> Bool {
        isSecure == other.isSecure && host.matches(other.host) && port == other.port && session == other.session
    }
}
