import Crypto
import Ground

/// The hashes of digest authentication (RFC 7616, RFC 8760); the session variants of them are not offered.
public enum DigestAlgorithm: UInt8, Sendable, Hashable, CaseIterable {
    case md5
    case sha256

    public var name: StaticString {
        switch self {
        case .md5: "MD5"
        case .sha256: "SHA-256"
        }
    }

    /// nil for an algorithm that we do not compute. Without one in the header it is MD5.
    public init?(_ token: SIPBytes) {
        if token.matches("md5") {
            self = .md5
        } else if token.matches("sha-256") {
            self = .sha256
        } else {
            return nil
        }
    }

    /// Characters of a digest in hexadecimal.
    public var hexCount: Int { self == .md5 ? 32 : 64 }

    /// The hash of the bytes in lower-case hexadecimal.
    public func hex(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: hexCount) { output, count in
            count = hexCount
            write(bytes, to: output)
        }
    }

    /// Writes `hexCount` characters.
    @inline(__always)
    func write(_ bytes: UnsafeRawBufferPointer, to output: UnsafeMutableBufferPointer<UInt8>) {
        switch self {
        case .md5:
            var hash = Insecure.MD5()
            hash.update(bufferPointer: bytes)
            hash.finalize().withUnsafeBytes { Self.hexadecimal($0, output) }
        case .sha256:
            var hash = SHA256()
            hash.update(bufferPointer: bytes)
            hash.finalize().withUnsafeBytes { Self.hexadecimal($0, output) }
        }
    }

    private static func hexadecimal(_ bytes: UnsafeRawBufferPointer, _ output: UnsafeMutableBufferPointer<UInt8>) {
        for index in 0..<bytes.count {
            let byte = bytes[index]
            output[index * 2] = digit(byte >> 4)
            output[index * 2 + 1] = digit(byte & 15)
        }
    }

    @inline(__always)
    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? value &+ 0x30 : value &+ 0x57 }
}

/// The computations of RFC 7616 §3.4. All hashes are in lower-case hexadecimal.
public enum Digest {
    /// `H(user:realm:password)`: what a server keeps in place of the password.
    public static func ha1(user: String, realm: String, password: String, algorithm: DigestAlgorithm) -> [UInt8] {
        let text = Array("\(user):\(realm):\(password)".utf8)
        return text.withUnsafeBytes { algorithm.hex($0) }
    }

    /// The response for these credentials, with `qop=auth` when they name one, else that of RFC 2069.
    public static func response(ha1: [UInt8], credentials: DigestCredentials, method: SIPBytes) -> [UInt8] {
        response(
            ha1: ha1, nonce: credentials.nonce, qop: credentials.qop,
            count: credentials.nc, cnonce: credentials.cnonce, method: method, uri: credentials.uri,
            algorithm: credentials.algorithm)
    }

    public static func response(
        ha1: [UInt8], nonce: SIPBytes, qop: SIPBytes?, count: SIPBytes, cnonce: SIPBytes, method: SIPBytes,
        uri: SIPBytes, algorithm: DigestAlgorithm
    ) -> [UInt8] {
        let hexCount = algorithm.hexCount
        let sum = nonce.count + (qop?.count ?? 0) + count.count + cnonce.count
        let capacity = max(method.count + 1 + uri.count, ha1.count + sum + hexCount + 5)
        return withUnsafeTemporaryAllocation(byteCount: capacity + hexCount, alignment: 8) { scratch in
            var text = DigestText(scratch, capacity: capacity)
            text.append(method)
            text.colon()
            text.append(uri)
            let ha2 = UnsafeMutableBufferPointer(
                start: (scratch.baseAddress! + capacity).assumingMemoryBound(to: UInt8.self), count: hexCount)
            algorithm.write(text.written, to: ha2)
            text.count = 0
            ha1.withUnsafeBytes { text.append($0) }
            text.colon()
            text.append(nonce)
            text.colon()
            if let qop {
                text.append(count)
                text.colon()
                text.append(cnonce)
                text.colon()
                text.append(qop)
                text.colon()
            }
            text.append(UnsafeRawBufferPointer(ha2))
            return algorithm.hex(text.written)
        }
    }

    /// Whether the peer knows what `ha1` was made of. Takes the same time wherever the first difference is.
    public static func verify(_ credentials: DigestCredentials, ha1: [UInt8], method: SIPBytes) -> Bool {
        let expected = response(ha1: ha1, credentials: credentials, method: method)
        guard credentials.response.count == expected.count else { return false }
        return credentials.response.withBytes { given in
            var difference: UInt8 = 0
            for index in 0..<expected.count { difference |= Lexical.lower(given[index]) ^ expected[index] }
            return difference == 0
        }
    }
}

/// Text put together in scratch memory.
private struct DigestText {
    private let base: UnsafeMutableRawBufferPointer
    private let capacity: Int
    var count = 0

    init(_ base: UnsafeMutableRawBufferPointer, capacity: Int) {
        self.base = base
        self.capacity = capacity
    }

    mutating func append(_ bytes: SIPBytes) { bytes.withBytes { append($0) } }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, count + bytes.count <= capacity else { return }
        (base.baseAddress! + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    mutating func colon() {
        guard count < capacity else { return }
        base[count] = 0x3A
        count += 1
    }

    var written: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: base[..<count]) }
}
