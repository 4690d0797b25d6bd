import Crypto

/// Client side of digest authentication (RFC 7616 §3, RFC 8760), with `qop=auth` or without: one user's answers to one
/// challenge, whose nonce is kept and counted.
struct DigestClient {
    /// One challenge of a server.
    struct Challenge: Equatable {
        var realm: [UInt8] = []
        var nonce: [UInt8] = []
        var opaque: [UInt8]?
        var algorithm = SIPLoadOptions.Algorithm.md5
        /// Whether `qop` names `auth`.
        var offersAuth = false
        var isStale = false

        /// - Returns: nil when it is no digest challenge, lacks realm or nonce, or asks for another algorithm or `qop`.
        init?(_ value: UnsafeRawBufferPointer) {
            guard value.count > 7, SIPText.isName(value.part(0, 6), "digest"), SIPText.isSpace(value[6]) else {
                return nil
            }
            var hasNonce = false
            var hasRealm = false
            var qop: UnsafeRawBufferPointer?
            for (name, text) in Self.parameters(value, from: 7) {
                if SIPText.isName(name, "realm") {
                    realm = Array(text)
                    hasRealm = true
                } else if SIPText.isName(name, "nonce") {
                    nonce = Array(text)
                    hasNonce = true
                } else if SIPText.isName(name, "opaque") {
                    opaque = Array(text)
                } else if SIPText.isName(name, "stale") {
                    isStale = SIPText.isName(text, "true")
                } else if SIPText.isName(name, "qop") {
                    qop = text
                } else if SIPText.isName(name, "algorithm") {
                    if SIPText.isName(text, "md5") {
                        algorithm = .md5
                    } else if SIPText.isName(text, "sha-256") {
                        algorithm = .sha256
                    } else {
                        return nil
                    }
                }
            }
            guard hasNonce, hasRealm else { return nil }
            if let qop {
                offersAuth = qop.split(separator: UInt8(ascii: ",")).contains { token in
                    String(decoding: token, as: UTF8.self).trimmingSpaces == "auth"
                }
                guard offersAuth else { return nil }
            }
        }

        /// Names and values, without their quotes.
        private static func parameters(
            _ value: UnsafeRawBufferPointer, from start: Int
        ) -> [(UnsafeRawBufferPointer, UnsafeRawBufferPointer)] {
            var found: [(UnsafeRawBufferPointer, UnsafeRawBufferPointer)] = []
            var place = start
            while place < value.count {
                while place < value.count, SIPText.isSpace(value[place]) || value[place] == 0x2C { place += 1 }
                guard let equals = value.offset(of: UInt8(ascii: "="), from: place) else { break }
                let name = value.part(place, equals)
                place = equals + 1
                if place < value.count, value[place] == 0x22 {
                    guard let close = value.offset(of: 0x22, from: place + 1) else { break }
                    found.append((name, value.part(place + 1, close)))
                    place = close + 1
                } else {
                    let end = value.offset(of: 0x2C, from: place) ?? value.count
                    var last = end
                    while last > place, SIPText.isSpace(value[last - 1]) { last -= 1 }
                    found.append((name, value.part(place, last)))
                    place = end
                }
            }
            return found
        }
    }

    let challenge: Challenge
    private let username: [UInt8]
    private let clientNonce: [UInt8]
    /// H(username:realm:password) in hexadecimal digits.
    private let secret: [UInt8]
    /// How often the nonce has been used.
    private(set) var count: UInt32 = 0

    init(_ challenge: Challenge, username: String, password: String, clientNonce: String) {
        self.challenge = challenge
        self.username = Array(username.utf8)
        self.clientNonce = Array(clientNonce.utf8)
        secret = Self.hash(
            challenge.algorithm, self.username + [0x3A] + challenge.realm + [0x3A] + Array(password.utf8))
    }

    /// The value of `response` for the next use of the nonce, and that use's number.
    mutating func response(method: String, uri: [UInt8]) -> (digits: [UInt8], count: [UInt8]) {
        count &+= 1
        var number = [UInt8](repeating: 0, count: 8)
        number.withUnsafeMutableBytes { Stamp.writeHex(UInt64(count), digits: 8, to: $0, at: 0) }
        let request = Self.hash(challenge.algorithm, Array(method.utf8) + [0x3A] + uri)
        var text = secret + [0x3A] + challenge.nonce
        if challenge.offersAuth { text += [0x3A] + number + [0x3A] + clientNonce + Array(":auth".utf8) }
        return (Self.hash(challenge.algorithm, text + [0x3A] + request), number)
    }

    /// The credentials for a request: what stands behind `Authorization: ` or `Proxy-Authorization: `.
    mutating func credentials(method: String, uri: [UInt8]) -> [UInt8] {
        let (digits, number) = response(method: method, uri: uri)
        var value = Array("Digest username=\"".utf8) + username + Array("\", realm=\"".utf8) + challenge.realm
        value += Array("\", nonce=\"".utf8) + challenge.nonce + Array("\", uri=\"".utf8) + uri
        value += Array("\", response=\"".utf8) + digits + Array("\", algorithm=".utf8)
        value += Array(challenge.algorithm.rawValue.utf8)
        if challenge.offersAuth {
            value += Array(", qop=auth, nc=".utf8) + number + Array(", cnonce=\"".utf8) + clientNonce + [0x22]
        }
        if let opaque = challenge.opaque { value += Array(", opaque=\"".utf8) + opaque + [0x22] }
        return value
    }

    /// The digest of `bytes` in small hexadecimal digits.
    static func hash(_ algorithm: SIPLoadOptions.Algorithm, _ bytes: [UInt8]) -> [UInt8] {
        switch algorithm {
        case .md5: digits(Insecure.MD5.hash(data: bytes))
        case .sha256: digits(SHA256.hash(data: bytes))
        }
    }

    private static func digits(_ digest: some Sequence<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in digest {
            for half in [byte >> 4, byte & 15] { text.append(half < 10 ? half + 0x30 : half + 0x57) }
        }
        return text
    }
}

extension String {
    /// The text without spaces and tabs at both ends.
    fileprivate var trimmingSpaces: Substring {
        var rest = self[...]
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return rest
    }
}
