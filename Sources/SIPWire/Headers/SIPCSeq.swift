/// `CSeq: number method` (RFC 3261 §20.16).
public struct SIPCSeq: Sendable, Equatable {
    /// Below 2^31 (§8.1.1.5).
    public let number: UInt32
    public let method: SIPMethod

    public init(_ number: UInt32, _ method: SIPMethod) {
        self.number = number
        self.method = method
    }

    public init?(_ text: SIPBytes) {
        var cursor = Cursor(text)
        guard let number = cursor.run(Lexical.digit).integer(UInt32.self), number <= 0x7FFF_FFFF else { return nil }
        let from = cursor.index
        cursor.skipBlanks()
        guard cursor.index > from, let method = cursor.token() else { return nil }
        cursor.skipBlanks()
        guard cursor.isAtEnd else { return nil }
        self.number = number
        self.method = SIPMethod(method)
    }
}
