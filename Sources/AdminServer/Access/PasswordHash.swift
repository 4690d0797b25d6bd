import Crypto
import CryptoExtras
import Foundation

/// A password of an administrator as it is stored: scrypt (RFC 7914) with a salt of its own.
struct PasswordHash: Sendable, Equatable {
    /// How much work a guess is.
    struct Cost: Sendable, Equatable {
        /// N, a power of two.
        var rounds = 32_768
        /// r
        var blockSize = 8
        /// p
        var parallelism = 3
    }

    var cost: Cost
    var salt: [UInt8]
    var key: [UInt8]

    /// Takes a noticeable part of a second: never on an event loop.
    init(_ password: String, cost: Cost, salt: [UInt8] = SecretBytes.make(16)) {
        self.cost = cost
        self.salt = salt
        key = Self.derive(password, cost, salt)
    }

    /// Whether it is the password; takes the same time for any that is not.
    func matches(_ password: String) -> Bool {
        SecretBytes.same(Self.derive(password, cost, salt), key)
    }

    private static func derive(_ password: String, _ cost: Cost, _ salt: [UInt8]) -> [UInt8] {
        let key = try? KDF.Scrypt.deriveKey(
            from: Array(password.utf8), salt: salt, outputByteCount: 32, rounds: cost.rounds,
            blockSize: cost.blockSize, parallelism: cost.parallelism)
        // Nothing equals an empty key: `same` asks for a length.
        return key?.withUnsafeBytes { Array($0) } ?? []
    }

    /// `scrypt$N$r$p$salt$key`
    var text: String {
        "scrypt$\(cost.rounds)$\(cost.blockSize)$\(cost.parallelism)$" + Data(salt).base64EncodedString() + "$"
            + Data(key).base64EncodedString()
    }

    init?(text: String) {
        let parts = text.split(separator: "$").map(String.init)
        guard parts.count == 6, parts[0] == "scrypt", let rounds = Int(parts[1]), let blockSize = Int(parts[2]),
            let parallelism = Int(parts[3]), let salt = Data(base64Encoded: parts[4]),
            let key = Data(base64Encoded: parts[5])
        else { return nil }
        cost = Cost(rounds: rounds, blockSize: blockSize, parallelism: parallelism)
        self.salt = Array(salt)
        self.key = Array(key)
    }
}

/// Random bytes, and comparing secrets.
enum SecretBytes {
    /// From the system's generator, which is fit for secrets.
    static func make(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Takes the same time wherever they differ; false when either is empty.
    static func same(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard !left.isEmpty, left.count == right.count else { return false }
        return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// For a URL, a header or a cookie: base64url without padding (RFC 4648 §5).
    static func text(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    static func hash(_ text: String) -> [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }
}
