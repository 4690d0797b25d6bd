/// What an Authorization or Proxy-Authorization carries (RFC 7616 §3.4).
public struct DigestCredentials: Sendable {
    public private(set) var username = SIPBytes.empty
    public private(set) var realm = SIPBytes.empty
    public private(set) var nonce = SIPBytes.empty
    public private(set) var uri = SIPBytes.empty
    public private(set) var response = SIPBytes.empty
    public private(set) var algorithm = DigestAlgorithm.md5
    public private(set) var cnonce = SIPBytes.empty
    /// Eight hexadecimal digits as written; empty when absent.
    public private(set) var nc = SIPBytes.empty
    /// nil: the form of RFC 2069.
    public private(set) var qop: SIPBytes?
    public private(set) var opaque = SIPBytes.empty

    /// nil when it is not digest, when something needed is missing or given twice, or for an algorithm or a `qop` that we do not have.
    public init?(_ header: SIPBytes) {
        guard var fields = DigestFields(header) else { return nil }
        var seen: UInt16 = 0
        while let (name, value) = fields.next() {
            guard let bit = take(name, value) else { return nil }
            if seen & bit != 0 { return nil }
            seen |= bit
        }
        guard !fields.isBroken else { return nil }
        let needed: UInt16 = 0x1F
        guard seen & needed == needed else { return nil }
        if let qop {
            guard qop.matches("auth"), seen & 0xC0 == 0xC0, nc.count == 8, Lexical.all(nc, Lexical.hex) else {
                return nil
            }
        }
    }

    /// The bit of what was taken; nil when it cannot be used.
    private mutating func take(_ name: SIPBytes, _ value: SIPBytes) -> UInt16? {
        if name.matches("username") {
            username = value
            return 1
        }
        if name.matches("realm") {
            realm = value
            return 2
        }
        if name.matches("nonce") {
            nonce = value
            return 4
        }
        if name.matches("uri") {
            uri = value
            return 8
        }
        if name.matches("response") {
            response = value
            return 16
        }
        if name.matches("algorithm") {
            guard let known = DigestAlgorithm(value) else { return nil }
            algorithm = known
            return 32
        }
        if name.matches("cnonce") {
            cnonce = value
            return 64
        }
        if name.matches("nc") {
            nc = value
            return 128
        }
        if name.matches("qop") {
            qop = value
            return 256
        }
        if name.matches("opaque") {
            opaque = value
            return 512
        }
        // userhash is never offered by us (RFC 7616 §3.4.4).
        if name.matches("userhash") { return value.matches("false") ? 1_024 : nil }
        return 0
    }

    /// The nonce count; nil when it is absent or malformed.
    public var count: UInt32? {
        guard nc.count == 8 else { return nil }
        var value: UInt32 = 0
        for byte in nc {
            guard Lexical.table[Int(byte)] & Lexical.hex != 0 else { return nil }
            value = value << 4 | UInt32(Lexical.hexValue(byte))
        }
        return value
    }
}

/// What a server asks for, as a client reads it (RFC 7616 §3.3).
public struct DigestChallenge: Sendable {
    public let realm: SIPBytes
    public let nonce: SIPBytes
    public let opaque: SIPBytes?
    public let algorithm: DigestAlgorithm
    public let offersAuth: Bool
    public let isStale: Bool

    /// nil when it is not digest, or not one that we compute.
    public init?(_ header: SIPBytes) {
        guard var fields = DigestFields(header) else { return nil }
        var realm: SIPBytes?
        var nonce: SIPBytes?
        var opaque: SIPBytes?
        var algorithm: DigestAlgorithm? = .md5
        var qop: SIPBytes?
        var isStale = false
        while let (name, value) = fields.next() {
            if name.matches("realm") { realm = value }
            if name.matches("nonce") { nonce = value }
            if name.matches("opaque") { opaque = value }
            if name.matches("algorithm") { algorithm = DigestAlgorithm(value) }
            if name.matches("qop") { qop = value }
            if name.matches("stale") { isStale = value.matches("true") }
        }
        guard !fields.isBroken, let realm, let nonce, let algorithm else { return nil }
        var offersAuth = false
        if let qop {
            offersAuth = qop.split(separator: 0x2C).contains { SIPBytes(Array($0)).trimmed.matches("auth") }
            guard offersAuth else { return nil }
        }
        self.realm = realm
        self.nonce = nonce
        self.opaque = opaque
        self.algorithm = algorithm
        self.offersAuth = offersAuth
        self.isStale = isStale
    }

    /// The value of an Authorization header that answers it.
    ///
    /// - Parameters:
    ///   - cnonce: any token, new for each nonce.
    ///   - count: how often the nonce has been used, with this time.
    public func authorization(
        user: String, password: String, method: SIPMethod, uri: SIPBytes, cnonce: SIPBytes, count: UInt32
    ) -> SIPBytes {
        let ha1 = Digest.ha1(user: user, realm: realm.string, password: password, algorithm: algorithm)
        let digits = String(count, radix: 16)
        let nc = SIPBytes(String(repeating: "0", count: 8 - digits.count) + digits)
        let response = Digest.response(
            ha1: ha1, nonce: nonce, qop: offersAuth ? SIPBytes("auth" as StaticString) : nil, count: nc,
            cnonce: cnonce, method: method.token, uri: uri, algorithm: algorithm)
        var text = "Digest username=\"\(Self.quoted(user))\", realm=\"\(Self.quoted(realm.string))\", "
        text += "nonce=\"\(nonce)\", uri=\"\(uri)\", response=\"\(String(decoding: response, as: UTF8.self))\", "
        text += "algorithm=\(algorithm.name)"
        if offersAuth { text += ", qop=auth, nc=\(nc), cnonce=\"\(cnonce)\"" }
        if let opaque { text += ", opaque=\"\(opaque)\"" }
        return SIPBytes(text)
    }

    private static func quoted(_ text: String) -> String {
        var result = ""
        for character in text {
            if character == "\"" || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result
    }
}

/// `Digest name=value, name="value"`: names as written, values without quotes.
struct DigestFields {
    private var cursor: Cursor
    private var count = 0
    /// The list broke the grammar, or was longer than 20: known once `next` has given nil.
    private(set) var isBroken = false

    /// nil when the scheme is another.
    init?(_ header: SIPBytes) {
        guard header.count > 7, header.count <= 4_096, header.hasPrefix("digest"), Lexical.isBlank(header[6]) else {
            return nil
        }
        cursor = Cursor(header.part(7, header.count))
    }

    mutating func next() -> (SIPBytes, SIPBytes)? {
        while cursor.takeSpaced(0x2C) {}
        if cursor.isAtEnd { return nil }
        count += 1
        guard count <= 20, let name = cursor.token(), cursor.takeSpaced(0x3D) else {
            isBroken = true
            return nil
        }
        if cursor.byte == 0x22 {
            guard let quoted = cursor.quotedString() else {
                isBroken = true
                return nil
            }
            return (name, quoted.unquoted)
        }
        let from = cursor.index
        while !cursor.isAtEnd, cursor.byte != 0x2C, !Lexical.isBlank(cursor.byte) { cursor.index += 1 }
        return (name, cursor.bytes.part(from, cursor.index))
    }
}
