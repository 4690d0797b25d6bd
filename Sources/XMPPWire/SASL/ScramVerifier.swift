/// Salted verifier of one password for one hash: what a server keeps in place of the password (RFC 5802 §3).
public struct ScramVerifier: Sendable, Equatable {
    public var hash: ScramHash
    /// Rounds of PBKDF2; RFC 5802 §5.1 asks for at least 4096.
    public var iterations: Int
    public var salt: [UInt8]
    /// H(ClientKey), ``ScramHash/outputBytes`` long.
    public var storedKey: [UInt8]
    /// HMAC(SaltedPassword, "Server Key"), ``ScramHash/outputBytes`` long.
    public var serverKey: [UInt8]

    public init(hash: ScramHash, iterations: Int, salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) {
        self.hash = hash
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// Computes the verifier of a password. Takes time in proportion to `iterations`: call it off the event loop.
    ///
    /// - Parameters:
    ///   - preparedPassword: result of ``JIDPreparation/password(_:)``.
    ///   - iterations: 1 … 2^31 - 1; values below 1 count as 1.
    ///   - salt: random, 16 bytes or more by custom.
    public static func derive(
        preparedPassword: String, hash: ScramHash, iterations: Int, salt: [UInt8]
    ) -> ScramVerifier {
        let rounds = min(max(iterations, 1), Int(Int32.max))
        let salted = hash.stretch(Array(preparedPassword.utf8), salt: salt, iterations: rounds)
        let clientKey = hash.authenticate(Array("Client Key".utf8), key: salted)
        return ScramVerifier(
            hash: hash, iterations: rounds, salt: salt, storedKey: hash.digest(clientKey),
            serverKey: hash.authenticate(Array("Server Key".utf8), key: salted))
    }

    /// Tells whether this is the verifier of the password. Costs a ``derive(preparedPassword:hash:iterations:salt:)``;
    /// the comparison takes constant time.
    public func matches(preparedPassword: String) -> Bool {
        let derived = Self.derive(preparedPassword: preparedPassword, hash: hash, iterations: iterations, salt: salt)
        // Both are compared in full, so that time does not tell which one differs.
        let isStoredSame = ConstantTime.same(derived.storedKey, storedKey)
        let isServerSame = ConstantTime.same(derived.serverKey, serverKey)
        return isStoredSame && isServerSame
    }

    /// A verifier for a user who does not exist. It looks like a real one, is the same at every attempt, and no
    /// password and no proof matches it (RFC 5802 §9 on probing for users).
    ///
    /// - Parameters:
    ///   - username: prepared name that the client gave.
    ///   - secret: random, kept for the life of the installation, known to nobody else.
    ///   - iterations: what new verifiers get, so that the number gives nothing away.
    public static func decoy(username: String, secret: [UInt8], hash: ScramHash, iterations: Int) -> ScramVerifier {
        // Purpose and hash are part of the message: the salts of two hashes must differ, as those of real users do.
        func bytes(_ purpose: String) -> [UInt8] {
            ScramHash.sha256.authenticate(Array("\(purpose) \(hash.rawValue) \(username)".utf8), key: secret)
        }
        return ScramVerifier(
            hash: hash, iterations: max(iterations, 1), salt: Array(bytes("decoy salt").prefix(decoySaltBytes)),
            storedKey: Array(bytes("decoy stored key").prefix(hash.outputBytes)),
            serverKey: Array(bytes("decoy server key").prefix(hash.outputBytes)))
    }

    /// Length of salts that the server makes, and so of decoys.
    public static let decoySaltBytes = 16
}
