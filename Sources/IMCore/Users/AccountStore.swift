import Storage
import XMPPWire

/// An account as stored, without its secrets.
public struct Account: Sendable, Equatable {
    public var id: Int64
    public var localpart: String
    public var domain: String
    public var name: String?
    public var isAdmin: Bool
    /// Milliseconds since 1970.
    public var createdAt: Int64
    /// When the last session ended, milliseconds since 1970.
    public var lastSeenAt: Int64?
    /// The status text of the last unavailable presence (XEP-0012 §4).
    public var lastStatus: String?
    public var rosterVersion: Int64
    public var scramIterations: Int

    public var jid: JID { JID(preparedLocal: localpart, domain: domain, resource: nil) }
}

/// What replaces a password: one salt, a verifier for each hash, and what digest authentication needs.
public struct Credentials: Sendable, Equatable {
    public var iterations: Int
    public var salt: [UInt8]
    public var sha1: ScramVerifier
    public var sha256: ScramVerifier
    /// Nil for an account that came with verifiers only, or from a time without digests.
    public var digests: PasswordDigests?

    /// Derives all of them; costs two PBKDF2 runs, so call it off the event loops.
    ///
    /// - Parameter jid: whose password it is: digests are made of the address too.
    public init(preparedPassword: String, of jid: JID, iterations: Int, salt: [UInt8]) {
        self.iterations = iterations
        self.salt = salt
        digests = PasswordDigests(preparedPassword: preparedPassword, of: jid)
        sha1 = .derive(preparedPassword: preparedPassword, hash: .sha1, iterations: iterations, salt: salt)
        sha256 = .derive(preparedPassword: preparedPassword, hash: .sha256, iterations: iterations, salt: salt)
    }

    /// Matches no password: an account on its way in.
    static let none = Credentials(
        iterations: 1, salt: [],
        sha1: ScramVerifier(hash: .sha1, iterations: 1, salt: [], storedKey: [], serverKey: []),
        sha256: ScramVerifier(hash: .sha256, iterations: 1, salt: [], storedKey: [], serverKey: []))

    private init(iterations: Int, salt: [UInt8], sha1: ScramVerifier, sha256: ScramVerifier) {
        (self.iterations, self.salt, self.sha1, self.sha256) = (iterations, salt, sha1, sha256)
    }

    init(row: Row, from column: Int) {
        iterations = Int(row.integer(column))
        salt = row.blob(column + 1)
        sha1 = ScramVerifier(
            hash: .sha1, iterations: iterations, salt: salt, storedKey: row.blob(column + 2),
            serverKey: row.blob(column + 3))
        sha256 = ScramVerifier(
            hash: .sha256, iterations: iterations, salt: salt, storedKey: row.blob(column + 4),
            serverKey: row.blob(column + 5))
        digests = PasswordDigests(md5: row.blob(column + 6), sha256: row.blob(column + 7))
    }

    var values: [SQLValue] {
        [
            .integer(Int64(iterations)), .blob(salt), .blob(sha1.storedKey), .blob(sha1.serverKey),
            .blob(sha256.storedKey), .blob(sha256.serverKey),
        ]
    }

    public func verifier(for hash: ScramHash) -> ScramVerifier { hash == .sha1 ? sha1 : sha256 }
}

/// SQL of accounts. Every function runs inside the transaction it is given.
public enum AccountStore {
    static let columns =
        "id, localpart, domain, name, is_admin, created_ms, last_seen_ms, last_status, roster_version, scram_iterations"

    /// Stores a new account.
    /// - Returns: its id, or nil when the address is taken.
    public static func add(
        _ jid: JID, name: String?, isAdmin: Bool, credentials: Credentials, now: Int64, in transaction: any Transaction
    ) throws -> Int64? {
        let rows = try transaction.query(
            """
            INSERT INTO users (id, localpart, domain, name, is_admin, created_ms, roster_version, scram_iterations,
                scram_salt, sha1_stored, sha1_server, sha256_stored, sha256_server)
            VALUES ((SELECT coalesce(max(id), 0) + 1 FROM (
                    SELECT max(id) AS id FROM users UNION ALL SELECT max(archive) FROM archive_leftovers) AS used),
                ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id
            """,
            [
                .text(jid.local ?? ""), .text(jid.domain), .optional(name), .bool(isAdmin), .integer(now),
                // Versions of a new account's roster follow those of an earlier account with the same name.
                .integer(now),
            ]
                + credentials.values)
        guard let id = rows.first?.integer(0) else { return nil }
        if let digests = credentials.digests {
            try DigestCredentialStore.save(digests, of: id, in: transaction)
        }
        if let name, !name.isEmpty { try SearchStore.replace([.init(.name, name)], of: id, in: transaction) }
        return id
    }

    /// Removes the account and all it owns. False when there is none.
    ///
    /// Its archive, which may be large, is only given up: `ArchiveStore.sweep` removes it bit by bit, and until that is
    /// done no other account gets the id.
    public static func remove(_ jid: JID, in transaction: any Transaction) throws -> Bool {
        try PubSubStore.forget(jid, in: transaction)
        if let account = try account(jid, in: transaction) { try ArchiveStore.giveUp(account.id, in: transaction) }
        return try transaction.execute(
            "DELETE FROM users WHERE domain = ? AND localpart = ?", [.text(jid.domain), .text(jid.local ?? "")]) > 0
    }

    /// Sets a new password; tokens that clients got with the old one are void (XEP-0484).
    /// - Returns: false when there is no such account.
    public static func setCredentials(
        _ credentials: Credentials, of jid: JID, in transaction: any Transaction
    ) throws -> Bool {
        try FastTokenStore.void(of: jid, in: transaction)
        return try write(credentials, of: jid, in: transaction)
    }

    /// Says who it is and whether it administers the server.
    public static func describe(_ userID: Int64, name: String?, isAdmin: Bool, in transaction: any Transaction) throws {
        try transaction.execute(
            "UPDATE users SET name = ?, is_admin = ? WHERE id = ?",
            [.optional(name), .bool(isAdmin), .integer(userID)])
        if let name, !name.isEmpty { try SearchStore.replace([.init(.name, name)], of: userID, in: transaction) }
    }

    /// Gives an account that came without a verifier for every hash the others too: its password is proven.
    public static func completeCredentials(
        _ credentials: Credentials, of jid: JID, in transaction: any Transaction
    ) throws {
        guard let old = try Self.credentials(jid, in: transaction), !old.isComplete else { return }
        try write(credentials, of: jid, in: transaction)
    }

    /// Gives an account without digests those of the password that a login has just proven.
    ///
    /// - Parameter proven: what the password was checked with: nothing is stored when it has changed since.
    public static func learnDigests(
        _ digests: PasswordDigests, of jid: JID, proven: Credentials, in transaction: any Transaction
    ) throws {
        guard let now = try Self.credentials(jid, in: transaction), now == proven, now.digests == nil,
            let account = try Self.account(jid, in: transaction)
        else { return }
        try DigestCredentialStore.save(digests, of: account.id, in: transaction)
    }

    @discardableResult
    static func write(_ credentials: Credentials, of jid: JID, in transaction: any Transaction) throws -> Bool {
        let rows = try transaction.query(
            """
            UPDATE users SET scram_iterations = ?, scram_salt = ?, sha1_stored = ?, sha1_server = ?,
                sha256_stored = ?, sha256_server = ? WHERE domain = ? AND localpart = ? RETURNING id
            """,
            credentials.values + [.text(jid.domain), .text(jid.local ?? "")])
        guard let id = rows.first?.integer(0) else { return false }
        try DigestCredentialStore.save(credentials.digests, of: id, in: transaction)
        return true
    }

    public static func account(_ jid: JID, in transaction: any Transaction) throws -> Account? {
        try transaction.query(
            "SELECT \(columns) FROM users WHERE domain = ? AND localpart = ?",
            [.text(jid.domain), .text(jid.local ?? "")]
        ).first.map(account(row:))
    }

    public static func credentials(_ jid: JID, in transaction: any Transaction) throws -> Credentials? {
        try transaction.query(
            """
            SELECT scram_iterations, scram_salt, sha1_stored, sha1_server, sha256_stored, sha256_server, md5, sha256
            FROM users LEFT JOIN digest_credentials ON user_id = id WHERE domain = ? AND localpart = ?
            """,
            [.text(jid.domain), .text(jid.local ?? "")]
        ).first.map { Credentials(row: $0, from: 0) }
    }

    /// Every account in the order of domain and localpart.
    public static func all(in transaction: any Transaction) throws -> [Account] {
        try transaction.query("SELECT \(columns) FROM users ORDER BY domain, localpart", []).map(account(row:))
    }

    /// How much an account owns.
    public struct Holdings: Sendable {
        public var rosterItems: Int
        public var blockedItems: Int
        public var storedMessages: Int
    }

    public static func holdings(_ userID: Int64, in transaction: any Transaction) throws -> Holdings {
        let counts = try ["roster", "blocked", "journal"].map { table in
            Int(
                try transaction.query("SELECT count(*) FROM \(table) WHERE user_id = ?", [.integer(userID)])[0]
                    .integer(0))
        }
        return Holdings(rosterItems: counts[0], blockedItems: counts[1], storedMessages: counts[2])
    }

    public static func count(in transaction: any Transaction) throws -> Int {
        Int(try transaction.query("SELECT count(*) FROM users", [])[0].integer(0))
    }

    public static func setLastSeen(
        _ userID: Int64, at instant: Int64, status: String?, in transaction: any Transaction
    ) throws {
        try transaction.execute(
            "UPDATE users SET last_seen_ms = ?, last_status = ? WHERE id = ?",
            [.integer(instant), .optional(status), .integer(userID)])
    }

    /// Reads a value of the installation, making and storing it when it is missing.
    public static func installationValue(
        _ key: String, in transaction: any Transaction, make: () -> [UInt8]
    ) throws -> [UInt8] {
        if let row = try transaction.query("SELECT value FROM installation WHERE key = ?", [.text(key)]).first {
            return row.blob(0)
        }
        let value = make()
        try transaction.execute("INSERT INTO installation (key, value) VALUES (?, ?)", [.text(key), .blob(value)])
        return value
    }

    static func account(row: Row) -> Account {
        Account(
            id: row.integer(0), localpart: row.text(1), domain: row.text(2), name: row.optionalText(3),
            isAdmin: row.bool(4), createdAt: row.integer(5), lastSeenAt: row.optionalInteger(6),
            lastStatus: row.optionalText(7), rosterVersion: row.integer(8), scramIterations: Int(row.integer(9)))
    }
}
