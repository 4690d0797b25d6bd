import Crypto

/// The mechanisms HT-SHA-256-… that XEP-0484 uses with tokens (draft-schmaus-kitten-sasl-ht-09).
///
/// Those whose binding needs keying material of the connection, `-EXPR` and `-UNIQ`, are not among them (decision 0006).
public enum HashedTokenMechanism: String, Sendable, CaseIterable {
    /// Bound to the server's certificate (RFC 5929 §4).
    case endpoint = "HT-SHA-256-ENDP"
    /// Bound to nothing.
    case none = "HT-SHA-256-NONE"

    /// Registered prefix of the channel binding that the mechanism needs; nil when it needs none.
    public var bindingType: String? { self == .endpoint ? ChannelBinding.serverEndPoint : nil }
}

/// initiator-message: `authcid NUL hashed-token` (§3.1).
public struct HashedTokenMessage: Equatable, Sendable {
    /// authcid, not prepared.
    public let username: String
    /// HMAC-SHA-256 of the token over "Initiator" and the binding, 32 bytes.
    public let proof: [UInt8]

    /// - Returns: nil when there is no NUL, the name is empty, too long or not UTF-8, or the hash has another length.
    public init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: 0), end > 0, end <= PlainMessage.maximumFieldBytes,
            bytes.count - end - 1 == SHA256.byteCount,
            let username = String(validating: bytes[..<end], as: UTF8.self)
        else { return nil }
        self.username = username
        proof = Array(bytes[(end + 1)...])
    }
}

/// What a server keeps in place of a token: enough to check it and to answer, not enough to sign in with.
///
/// As SCRAM does with its StoredKey (RFC 5802 §3), only the hash of the client's proof is kept; the server's answer is
/// sealed with a key that is derived from the proof, so that it can be opened only when a client presents it.
public struct HashedTokenVerifier: Equatable, Sendable {
    /// SHA-256 of the expected initiator hash.
    public let proofHash: [UInt8]
    /// The responder hash, sealed.
    public let sealedResponse: [UInt8]

    /// From the store.
    public init(proofHash: [UInt8], sealedResponse: [UInt8]) {
        self.proofHash = proofHash
        self.sealedResponse = sealedResponse
    }

    /// - Parameters:
    ///   - token: as the client has it.
    ///   - binding: data of the channel binding; empty without one.
    public init(token: String, binding: [UInt8]) {
        let proof = Self.hash(token, "Initiator", binding)
        proofHash = Array(SHA256.hash(data: proof))
        sealedResponse = zip(Self.hash(token, "Responder", binding), Self.seal(proof)).map { $0 ^ $1 }
    }

    /// The responder hash that goes back to the client when the proof is right, else nil. Takes constant time.
    public func response(to proof: [UInt8]) -> [UInt8]? {
        guard ConstantTime.same(Array(SHA256.hash(data: proof)), proofHash), sealedResponse.count == SHA256.byteCount
        else { return nil }
        return zip(sealedResponse, Self.seal(proof)).map { $0 ^ $1 }
    }

    private static func hash(_ token: String, _ role: String, _ binding: [UInt8]) -> [UInt8] {
        ScramHash.sha256.authenticate(Array(role.utf8) + binding, key: Array(token.utf8))
    }

    private static func seal(_ proof: [UInt8]) -> [UInt8] {
        ScramHash.sha256.authenticate(Array("sealed response".utf8), key: proof)
    }
}
