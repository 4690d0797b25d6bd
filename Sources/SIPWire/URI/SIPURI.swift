/// The scheme of a URI.
public enum SIPScheme: UInt8, Sendable, Hashable {
    case sip, sips, tel
    case other
}

/// A `sip:`, `sips:` or `tel:` URI, or one of another scheme that is only passed on (RFC 3261 §19.1, RFC 3966).
///
/// The parts are places in the text; the host is in lower case.
public struct SIPURI: Sendable {
    /// The whole URI. As written, but for the case of the host.
    public private(set) var text: SIPBytes
    public let scheme: SIPScheme
    public let port: UInt16?
    private let userStart: UInt16
    /// Equal to `userStart` when there is none: an empty user is not in the grammar.
    private let userEnd: UInt16
    private let passwordEnd: UInt16
    private let hostStart: UInt16
    private let hostEnd: UInt16
    private let parametersStart: UInt16
    /// The question mark before headers, or the end.
    private let headersStart: UInt16

    /// Longest URI that is read, in bytes.
    public static let longest = 8_192

    public init?(_ text: SIPBytes) {
        guard text.count >= 3, text.count <= Self.longest else { return nil }
        guard let colon = text.firstIndex(of: 0x3A), colon > 0 else { return nil }
        let scheme: SIPScheme =
            if colon == 3, text.hasPrefix("sip") {
                .sip
            } else if colon == 4, text.hasPrefix("sips") {
                .sips
            } else if colon == 3, text.hasPrefix("tel") {
                .tel
            } else { .other }
        switch scheme {
        case .sip, .sips: self.init(text, scheme: scheme, from: colon + 1)
        case .tel: self.init(telephone: text, from: colon + 1)
        case .other: self.init(foreign: text, colon: colon)
        }
    }

    public init?(_ text: String) { self.init(SIPBytes(text)) }

    /// The same with a hold on the message that its bytes are in.
    func owned(by message: AnyObject) -> SIPURI {
        var held = self
        held.text = text.owned(by: message)
        return held
    }

    private init?(_ text: SIPBytes, scheme: SIPScheme, from: Int) {
        var cursor = Cursor(text)
        cursor.index = from
        var userEnd = from
        var passwordEnd = from
        if let at = text.firstIndex(of: 0x40, from: from) {
            let colon = text.firstIndex(of: 0x3A, from: from) ?? at
            userEnd = min(colon, at)
            passwordEnd = at
            guard userEnd > from, Lexical.allOrEscaped(text.part(from, userEnd), Lexical.user) else { return nil }
            if userEnd < at {
                guard Lexical.allOrEscaped(text.part(userEnd + 1, at), Lexical.password) else { return nil }
            }
            cursor.index = at + 1
        }
        let hostStart = cursor.index
        guard let host = cursor.host() else { return nil }
        let hostEnd = cursor.index
        var port: UInt16?
        if cursor.take(0x3A) {
            guard let number = cursor.run(Lexical.digit).integer(UInt16.self) else { return nil }
            port = number
        }
        let parametersStart = cursor.index
        guard let headersStart = Self.readParameters(&cursor) else { return nil }
        var hasCapitals = false
        for index in 0..<host.count where host.start[index] &- 0x41 < 26 { hasCapitals = true }
        self.text = hasCapitals ? Self.lowered(text, hostStart, hostEnd) : text
        self.scheme = scheme
        self.port = port
        self.userStart = UInt16(from)
        self.userEnd = UInt16(userEnd)
        self.passwordEnd = UInt16(passwordEnd)
        self.hostStart = UInt16(hostStart)
        self.hostEnd = UInt16(hostEnd)
        self.parametersStart = UInt16(parametersStart)
        self.headersStart = UInt16(headersStart)
    }

    /// Checks `uri-parameters` and `headers`; the place of the question mark, or of the end.
    private static func readParameters(_ cursor: inout Cursor) -> Int? {
        let text = cursor.bytes
        while cursor.take(0x3B) {
            let from = cursor.index
            while !cursor.isAtEnd, cursor.byte != 0x3B, cursor.byte != 0x3F { cursor.index += 1 }
            let equals = text.firstIndex(of: 0x3D, from: from, to: cursor.index) ?? cursor.index
            guard equals > from, Lexical.allOrEscaped(text.part(from, equals), Lexical.parameter) else { return nil }
            if equals < cursor.index {
                guard equals + 1 < cursor.index,
                    Lexical.allOrEscaped(text.part(equals + 1, cursor.index), Lexical.parameter | Lexical.token)
                else { return nil }
            }
        }
        let headersStart = cursor.index
        if cursor.take(0x3F) {
            while true {
                let from = cursor.index
                while !cursor.isAtEnd, cursor.byte != 0x26 { cursor.index += 1 }
                guard let equals = text.firstIndex(of: 0x3D, from: from, to: cursor.index), equals > from,
                    Lexical.allOrEscaped(text.part(from, equals), Lexical.header),
                    Lexical.allOrEscaped(text.part(equals + 1, cursor.index), Lexical.header)
                else { return nil }
                if !cursor.take(0x26) { break }
            }
        }
        return cursor.isAtEnd ? headersStart : nil
    }

    private init?(telephone text: SIPBytes, from: Int) {
        var cursor = Cursor(text)
        cursor.index = from
        while !cursor.isAtEnd, cursor.byte != 0x3B { cursor.index += 1 }
        let end = cursor.index
        let number = text.part(from, end)
        var digits = 0
        for (index, byte) in number.enumerated() {
            switch byte {
            case 0x30...0x39, 0x41...0x46, 0x61...0x66, 0x2A, 0x23: digits += 1
            case 0x2D, 0x2E, 0x28, 0x29: continue
            case 0x2B where index == 0: continue
            default: return nil
            }
        }
        guard digits > 0, Self.readParameters(&cursor) == text.count else { return nil }
        self.text = text
        scheme = .tel
        port = nil
        userStart = UInt16(from)
        userEnd = UInt16(end)
        passwordEnd = UInt16(end)
        hostStart = UInt16(end)
        hostEnd = UInt16(end)
        parametersStart = UInt16(end)
        headersStart = UInt16(text.count)
    }

    private init?(foreign text: SIPBytes, colon: Int) {
        let table = Lexical.table
        guard table[Int(text.start[0])] & Lexical.letter != 0 else { return nil }
        for byte in text.part(0, colon) {
            guard
                table[Int(byte)] & (Lexical.letter | Lexical.digit) != 0 || byte == 0x2B || byte == 0x2D || byte == 0x2E
            else { return nil }
        }
        guard Lexical.allOrEscaped(text.part(colon + 1, text.count), Lexical.uric) else { return nil }
        self.text = text
        scheme = .other
        port = nil
        let end = UInt16(text.count)
        userStart = end
        userEnd = end
        passwordEnd = end
        hostStart = end
        hostEnd = end
        parametersStart = end
        headersStart = end
    }

    private static func lowered(_ text: SIPBytes, _ from: Int, _ to: Int) -> SIPBytes {
        var copy = text.array
        for index in from..<to { copy[index] = Lexical.lower(copy[index]) }
        return SIPBytes(copy)
    }

    /// As written, with escapes; nil when there is none. Of a `tel:` URI the number.
    public var user: SIPBytes? { userEnd > userStart ? text.part(Int(userStart), Int(userEnd)) : nil }
    public var password: SIPBytes? {
        passwordEnd > userEnd ? text.part(Int(userEnd) + 1, Int(passwordEnd)) : nil
    }
    /// In lower case; an IPv6 reference with its brackets. Empty for `tel:` and other schemes.
    public var host: SIPBytes { text.part(Int(hostStart), Int(hostEnd)) }
    /// Host, colon and port as they stand in the text.
    public var hostPort: SIPBytes { text.part(Int(hostStart), Int(parametersStart)) }
    public var parameters: SIPParameters { SIPParameters(text.part(Int(parametersStart), Int(headersStart))) }
    /// `name=value&name=value` without the question mark; nil when there is none.
    public var headers: SIPBytes? {
        Int(headersStart) < text.count ? text.part(Int(headersStart) + 1, text.count) : nil
    }

    /// The user part with its escapes taken back, as bytes that need not be UTF-8.
    public var decodedUser: [UInt8]? { user.map { Self.unescaped($0) } }
    /// `lr`: the proxy of this Route value obeys RFC 3261 (§19.1.1).
    public var isLooseRouter: Bool { parameters.has("lr") }
    /// `ob`: the flow is to be used (RFC 5626 §4.3).
    public var wantsOutbound: Bool { parameters.has("ob") }
    /// `gr`: nil when this is no GRUU, empty for a temporary one (RFC 5627 §5.4).
    public var gruu: SIPBytes? { parameters["gr"] }
    public var transport: SIPTransportName? { parameters["transport"].map { SIPTransportName($0) } }
    public var isSecure: Bool { scheme == .sips }

    /// Everything before parameters and headers: scheme, user, host and port.
    public var address: SIPBytes { text.part(0, Int(parametersStart)) }

    /// The bytes with `%hh` taken back.
    public static func unescaped(_ bytes: SIPBytes) -> [UInt8] {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes.start[index]
            if byte == 0x25, index + 2 < bytes.count {
                plain.append(Lexical.hexValue(bytes.start[index + 1]) << 4 | Lexical.hexValue(bytes.start[index + 2]))
                index += 3
            } else {
                plain.append(byte)
                index += 1
            }
        }
        return plain
    }

    /// A user part with everything escaped that may not stand there.
    public static func escapedUser(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var written: [UInt8] = []
        for byte in bytes {
            if Lexical.table[Int(byte)] & Lexical.user != 0 {
                written.append(byte)
            } else {
                written.append(0x25)
                written.append(hexDigits[Int(byte >> 4)])
                written.append(hexDigits[Int(byte & 15)])
            }
        }
        return written
    }

    private static let hexDigits: [UInt8] = Array("0123456789ABCDEF".utf8)
}

extension SIPURI: CustomStringConvertible {
    public var description: String { text.string }
}
