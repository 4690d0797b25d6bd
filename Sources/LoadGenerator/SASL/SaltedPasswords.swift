/// The salted passwords of the run's accounts (RFC 5802 §3 lets a client keep them).
///
/// PBKDF2 costs more than the rest of a login together. A real client pays once; so does the generator, and its
/// figures stay the server's.
final class SaltedPasswords {
    private struct Entry {
        var parameters: ScramClient.Parameters
        var key: [UInt8]
    }

    private let hash: ScramHash
    private let file: String?
    private var entries: [String: Entry] = [:]
    private var isChanged = false
    /// How often a key had to be derived.
    private(set) var derivations = 0

    /// - Parameter file: where keys are kept between runs, nil keeps none; unreadable lines are ignored.
    init(hash: ScramHash, file: String?) {
        self.hash = hash
        self.file = file
        guard let file, let text = SystemFile.readText(file, limit: 268_435_456) else { return }
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count == 5, fields[0] == "\(hash)", let iterations = Int(fields[2]),
                let salt = Base64.decode(fields[3]), let key = Base64.decode(fields[4]), key.count == hash.byteCount
            else { continue }
            entries[fields[1]] = Entry(
                parameters: ScramClient.Parameters(salt: salt, iterations: iterations), key: key)
        }
    }

    /// The key of `account`, derived when its parameters are new or have changed.
    func key(
        account: String, password: String, _ parameters: ScramClient.Parameters
    ) throws(ScramFailure) -> [UInt8] {
        if let entry = entries[account], entry.parameters == parameters { return entry.key }
        let key = try hash.saltedPassword(password, salt: parameters.salt, iterations: parameters.iterations)
        entries[account] = Entry(parameters: parameters, key: key)
        derivations += 1
        isChanged = true
        return key
    }

    /// Writes the file when there is one and something is new.
    func save() throws(LoadFailure) {
        guard let file, isChanged else { return }
        let lines = entries.sorted { $0.key < $1.key }.map { account, entry in
            "\(hash) \(account) \(entry.parameters.iterations) "
                + "\(Base64.encode(entry.parameters.salt)) \(Base64.encode(entry.key))\n"
        }
        try SystemFile.write(lines.joined(), to: file, appending: false, mode: 0o600)
        isChanged = false
    }
}
