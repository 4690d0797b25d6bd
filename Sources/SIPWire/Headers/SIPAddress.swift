/// `name-addr` or `addr-spec` with parameters, as in From, To, Contact, Route and Refer-To (RFC 3261 §20.10).
public struct SIPAddress: Sendable {
    /// The whole value.
    public let text: SIPBytes
    /// As written, with quotes; nil when there is none.
    public let rawDisplayName: SIPBytes?
    public let uri: SIPURI
    /// Parameters of the header, not those of the URI.
    public let parameters: SIPParameters

    /// - Parameter text: one value, without commas outside quotes and brackets. Must fit the grammar to the last byte.
    public init?(_ text: SIPBytes) {
        var cursor = Cursor(text)
        cursor.skipBlanks()
        var name: SIPBytes?
        if cursor.byte == 0x22 {
            guard let quoted = cursor.quotedString() else { return nil }
            name = quoted
            cursor.skipBlanks()
            guard cursor.byte == 0x3C else { return nil }
        }
        if cursor.byte != 0x3C, let bracket = text.firstIndex(of: 0x3C, from: cursor.index),
            Self.areTokens(text.part(cursor.index, bracket))
        {
            name = text.part(cursor.index, bracket).trimmed
            cursor.index = bracket
        }
        if cursor.take(0x3C) {
            guard let end = text.firstIndex(of: 0x3E, from: cursor.index),
                let uri = SIPURI(text.part(cursor.index, end))
            else { return nil }
            self.uri = uri
            cursor.index = end + 1
        } else {
            // Without brackets what follows a semicolon belongs to the header, and a URI with
            // a comma or question mark must have brackets (RFC 3261 §20).
            let from = cursor.index
            while !cursor.isAtEnd, cursor.byte != 0x3B, !Lexical.isBlank(cursor.byte) { cursor.index += 1 }
            guard let uri = SIPURI(text.part(from, cursor.index)), uri.headers == nil else { return nil }
            self.uri = uri
        }
        cursor.skipBlanks()
        let parametersStart = cursor.index
        guard cursor.parameters() else { return nil }
        self.text = text
        rawDisplayName = name?.isEmpty == true ? nil : name
        parameters = SIPParameters(text.part(parametersStart, text.count))
    }

    private init(text: SIPBytes, rawDisplayName: SIPBytes?, uri: SIPURI, parameters: SIPParameters) {
        self.text = text
        self.rawDisplayName = rawDisplayName
        self.uri = uri
        self.parameters = parameters
    }

    /// The same with a hold on the message that its bytes are in.
    func owned(by message: AnyObject) -> SIPAddress {
        SIPAddress(
            text: text.owned(by: message), rawDisplayName: rawDisplayName?.owned(by: message),
            uri: uri.owned(by: message), parameters: SIPParameters(parameters.text.owned(by: message)))
    }

    /// `*( token LWS )`
    private static func areTokens(_ bytes: SIPBytes) -> Bool {
        let table = Lexical.table
        for byte in bytes where table[Int(byte)] & Lexical.token == 0 && !Lexical.isBlank(byte) { return false }
        return true
    }

    /// Without quotes.
    public var displayName: SIPBytes? { rawDisplayName?.unquoted }
    public var tag: SIPBytes? { parameters.raw("tag") }
}
