/// One value of a Via (RFC 3261 §20.42, RFC 3581).
public struct SIPVia: Sendable {
    public let text: SIPBytes
    public let transport: SIPTransportName
    /// As written; an IPv6 reference with its brackets.
    public let host: SIPBytes
    public let port: UInt16?
    public let parameters: SIPParameters

    public init?(_ text: SIPBytes) {
        var cursor = Cursor(text)
        cursor.skipBlanks()
        guard let name = cursor.token(), name.matches("sip"), cursor.takeSpaced(0x2F),
            let version = cursor.token(), version.equals("2.0"), cursor.takeSpaced(0x2F),
            let transport = cursor.token(), Lexical.isBlank(cursor.byte)
        else { return nil }
        cursor.skipBlanks()
        guard let host = cursor.host() else { return nil }
        var port: UInt16?
        let afterHost = cursor.index
        if cursor.takeSpaced(0x3A) {
            guard let number = cursor.run(Lexical.digit).integer(UInt16.self) else { return nil }
            port = number
        } else {
            cursor.index = afterHost
        }
        let parametersStart = cursor.index
        guard cursor.parameters() else { return nil }
        self.text = text
        self.transport = SIPTransportName(transport)
        self.host = host
        self.port = port
        parameters = SIPParameters(text.part(parametersStart, text.count))
    }

    public var branch: SIPBytes? { parameters.raw("branch") }
    /// An address; an IPv6 one with or without brackets (RFC 5118 §4.5).
    public var received: SIPBytes? { parameters.raw("received") }
    /// nil when it is absent or has no value yet.
    public var rport: UInt16? { parameters.raw("rport")?.integer(UInt16.self) }
    /// Whether the sender asks for answers at the port it sent from (RFC 3581 §3).
    public var wantsRport: Bool { parameters.has("rport") }
    public var maddr: SIPBytes? { parameters["maddr"] }
    /// The magic cookie, and something behind it (RFC 3261 §8.1.1.7).
    public var hasMagicBranch: Bool { branch.map { $0.count > 7 && $0.hasPrefix("z9hg4bk") } ?? false }
    /// Port, or the default of the transport.
    public var effectivePort: UInt16 { port ?? (transport == .tls || transport == .wss ? 5_061 : 5_060) }
}
