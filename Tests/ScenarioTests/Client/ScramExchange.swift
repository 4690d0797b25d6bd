import Crypto
import CryptoExtras
import Foundation
import NIOConcurrencyHelpers
import XMPPWire

/// The client's side of one SCRAM exchange (RFC 5802 §3), without channel binding.
struct ScramExchange {
    enum Mechanism: String { case sha1 = "SCRAM-SHA-1", sha256 = "SCRAM-SHA-256" }

    private let mechanism: Mechanism
    private let password: String
    private let firstBare: String
    private let nonce: String
    private var serverSignature: [UInt8] = []

    init(_ mechanism: Mechanism, username: String, password: String) {
        self.mechanism = mechanism
        self.password = password
        nonce = UUID().uuidString
        firstBare = "n=\(username),r=\(nonce)"
    }

    var clientFirst: String { Base64.encode(Array(("n,," + firstBare).utf8)) }

    /// The answer to the server's challenge, both in base 64.
    mutating func clientFinal(_ challenge: String) throws -> String {
        guard let bytes = Base64.decode(Array(challenge.utf8)) else {
            throw SceneFailure("the challenge is no base 64")
        }
        let serverFirst = String(decoding: bytes, as: UTF8.self)
        var fields: [Character: String] = [:]
        for field in serverFirst.split(separator: ",") where field.count > 2 {
            fields[field.first!] = String(field.dropFirst(2))
        }
        guard let combined = fields["r"], combined.hasPrefix(nonce), let salt = fields["s"],
            let saltBytes = Base64.decode(Array(salt.utf8)), let iterations = fields["i"].flatMap({ Int($0) })
        else { throw SceneFailure("not a SCRAM challenge: \(serverFirst)") }
        let salted = try Self.salted(mechanism, password, saltBytes, iterations)
        let withoutProof = "c=biws,r=\(combined)"
        let transcript = Array("\(firstBare),\(serverFirst),\(withoutProof)".utf8)
        let clientKey = mac(salted, Array("Client Key".utf8))
        let signature = mac(hash(clientKey), transcript)
        let proof = zip(clientKey, signature).map { $0 ^ $1 }
        serverSignature = mac(mac(salted, Array("Server Key".utf8)), transcript)
        return Base64.encode(Array("\(withoutProof),p=\(Base64.encode(proof))".utf8))
    }

    /// Whether the server proved that it knows the password too (RFC 5802 §3).
    func accepts(_ serverFinal: String) -> Bool {
        guard let bytes = Base64.decode(Array(serverFinal.utf8)) else { return false }
        return String(decoding: bytes, as: UTF8.self) == "v=" + Base64.encode(serverSignature)
    }

    private func mac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: key)
        return mechanism == .sha1
            ? Array(HMAC<Insecure.SHA1>.authenticationCode(for: message, using: key))
            : Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
    }

    private func hash(_ bytes: [UInt8]) -> [UInt8] {
        mechanism == .sha1 ? Array(Insecure.SHA1.hash(data: bytes)) : Array(SHA256.hash(data: bytes))
    }

    /// Stretched passwords by everything they depend on: scenes log in hundreds of times with the same one.
    private static let known = NIOLockedValueBox<[String: [UInt8]]>([:])

    private static func salted(
        _ mechanism: Mechanism, _ password: String, _ salt: [UInt8], _ iterations: Int
    ) throws -> [UInt8] {
        let key = "\(mechanism.rawValue) \(password) \(Base64.encode(salt)) \(iterations)"
        if let value = known.withLockedValue({ $0[key] }) { return value }
        let value = try KDF.Insecure.PBKDF2.deriveKey(
            from: Array(password.utf8), salt: salt, using: mechanism == .sha1 ? .insecureSHA1 : .sha256,
            outputByteCount: mechanism == .sha1 ? 20 : 32, unsafeUncheckedRounds: iterations
        ).withUnsafeBytes(Array.init)
        known.withLockedValue { $0[key] = value }
        return value
    }
}
