import Crypto
import CryptoExtras

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Why a SCRAM exchange ended.
enum ScramFailure: Error, Equatable {
    /// The challenge lacks an attribute, or one is outside its bounds.
    case badChallenge
    /// The server's nonce does not begin with ours.
    case foreignNonce
    /// The server does not know the password either.
    case badServerSignature
    /// The key could not be derived.
    case derivation
}

/// The hash function of a SCRAM mechanism.
enum ScramHash: Sendable {
    case sha1, sha256

    var byteCount: Int { self == .sha1 ? 20 : 32 }

    func hmac(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: key)
        switch self {
        case .sha1: return Array(HMAC<Insecure.SHA1>.authenticationCode(for: message, using: key))
        case .sha256: return Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
        }
    }

    func digest(_ message: [UInt8]) -> [UInt8] {
        switch self {
        case .sha1: Array(Insecure.SHA1.hash(data: message))
        case .sha256: Array(SHA256.hash(data: message))
        }
    }

    /// `Hi()` of RFC 5802 §2.2.
    func saltedPassword(_ password: String, salt: [UInt8], iterations: Int) throws(ScramFailure) -> [UInt8] {
        do {
            // Unchecked, because the server decides on the rounds and older accounts have fewer than today's advice.
            let key = try KDF.Insecure.PBKDF2.deriveKey(
                from: Array(password.utf8), salt: salt, using: self == .sha1 ? .insecureSHA1 : .sha256,
                outputByteCount: byteCount, unsafeUncheckedRounds: iterations)
            return key.withUnsafeBytes { Array($0) }
        } catch {
            throw .derivation
        }
    }
}

/// Client side of one SCRAM exchange without channel binding (RFC 5802, RFC 7677).
struct ScramClient {
    /// What the server says about the account.
    struct Parameters: Equatable {
        var salt: [UInt8]
        /// 1 … 10,000,000.
        var iterations: Int
    }

    private let hash: ScramHash
    private let nonce: String
    private let firstBare: String
    private var serverSignature: [UInt8] = []

    /// - Parameters:
    ///   - username: prepared localpart.
    ///   - nonce: printable ASCII without a comma; random unless a test wants otherwise.
    init(hash: ScramHash, username: String, nonce: String = ScramClient.randomNonce()) {
        self.hash = hash
        self.nonce = nonce
        let name = username.reduce(into: "") { result, character in
            switch character {
            case "=": result += "=3D"
            case ",": result += "=2C"
            default: result.append(character)
            }
        }
        firstBare = "n=\(name),r=\(nonce)"
    }

    /// `client-first-message`, which announces no channel binding.
    var firstMessage: String { "n,," + firstBare }

    /// Answers `server-first-message`.
    ///
    /// - Parameter saltedPassword: gives the salted password for the account's parameters.
    /// - Returns: `client-final-message`.
    mutating func answer(
        _ challenge: String, saltedPassword: (Parameters) throws(ScramFailure) -> [UInt8]
    ) throws(ScramFailure) -> String {
        var combined = ""
        var salt: [UInt8] = []
        var iterations = 0
        for attribute in challenge.split(separator: ",") {
            let value = String(attribute.dropFirst(2))
            switch attribute.prefix(2) {
            case "r=": combined = value
            case "s=": salt = Base64.decode(value) ?? []
            case "i=": iterations = Int(value) ?? 0
            case "m=": throw .badChallenge
            default: continue
            }
        }
        guard (1...1_024).contains(salt.count), (1...10_000_000).contains(iterations) else { throw .badChallenge }
        guard combined.hasPrefix(nonce), combined.utf8.count > nonce.utf8.count else { throw .foreignNonce }
        let key = try saltedPassword(Parameters(salt: salt, iterations: iterations))
        let withoutProof = "c=biws,r=\(combined)"
        let authMessage = Array("\(firstBare),\(challenge),\(withoutProof)".utf8)
        let clientKey = hash.hmac(Array("Client Key".utf8), key: key)
        let signature = hash.hmac(authMessage, key: hash.digest(clientKey))
        let proof = zip(clientKey, signature).map { $0 ^ $1 }
        serverSignature = hash.hmac(authMessage, key: hash.hmac(Array("Server Key".utf8), key: key))
        return "\(withoutProof),p=\(Base64.encode(proof))"
    }

    /// Checks `server-final-message`.
    func verify(_ final: String) throws(ScramFailure) {
        let verifier = final.split(separator: ",").first { $0.hasPrefix("v=") }
        guard !serverSignature.isEmpty, let verifier,
            Base64.decode(String(verifier.dropFirst(2))) == serverSignature
        else { throw .badServerSignature }
    }

    /// 144 random bits.
    static func randomNonce() -> String {
        var generator = SystemRandomNumberGenerator()
        return Base64.encode((0..<18).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }
}

/// RFC 4648 §4.
enum Base64 {
    static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    /// nil when `text` is not Base64.
    static func decode(_ text: String) -> [UInt8]? { Data(base64Encoded: text).map { [UInt8]($0) } }
}
