import Crypto
import CryptoExtras

/// Hash functions of the SCRAM family (RFC 5802, RFC 7677).
public enum ScramHash: String, Sendable, CaseIterable {
    case sha1 = "SHA-1"
    case sha256 = "SHA-256"

    /// Name without channel binding, such as `SCRAM-SHA-1`.
    public var mechanismName: String { "SCRAM-" + rawValue }
    /// Name with channel binding, such as `SCRAM-SHA-1-PLUS`.
    public var plusMechanismName: String { mechanismName + "-PLUS" }

    public var outputBytes: Int {
        switch self {
        case .sha1: Insecure.SHA1.byteCount
        case .sha256: SHA256.byteCount
        }
    }

    /// H(): the hash of `bytes`.
    func digest(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .sha1: Array(Insecure.SHA1.hash(data: bytes))
        case .sha256: Array(SHA256.hash(data: bytes))
        }
    }

    /// HMAC() of `message` (RFC 2104).
    func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: key)
        switch self {
        case .sha1: return Array(HMAC<Insecure.SHA1>.authenticationCode(for: message, using: key))
        case .sha256: return Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
        }
    }

    /// Hi(): PBKDF2 with HMAC, one output block long (RFC 5802 §2.2, RFC 8018 §5.2).
    ///
    /// - Parameter iterations: values below 1 count as 1.
    func stretch(_ password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
        let function: KDF.Insecure.PBKDF2.HashFunction =
            switch self {
            case .sha1: .insecureSHA1
            case .sha256: .sha256
            }
        // Rounds are unchecked because the usual 4096 of RFC 5802 lies below what the library calls safe.
        let key = try? KDF.Insecure.PBKDF2.deriveKey(
            from: password, salt: salt, using: function, outputByteCount: outputBytes,
            unsafeUncheckedRounds: max(iterations, 1))
        // The library fails only when out of memory. Random bytes then refuse every password.
        return (key ?? SymmetricKey(size: .bits256)).withUnsafeBytes(Array.init)
    }
}

/// Comparison whose time depends on the lengths alone.
enum ConstantTime {
    static func same(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}
