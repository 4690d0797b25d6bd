import Storage
import XMPPWire

/// SQL of what digest authentication knows of passwords; written by `AccountStore` alone, with the other credentials.
public enum DigestCredentialStore {
    static let migration = Migration(
        "digest-credentials-1",
        [
            """
            CREATE TABLE digest_credentials (
                user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
                md5 BLOB NOT NULL, sha256 BLOB NOT NULL)
            """
        ])

    /// Exchanges them; nil when the password came as verifiers only, so that those of an earlier one do not stay.
    static func save(_ digests: PasswordDigests?, of userID: Int64, in transaction: any Transaction) throws {
        guard let digests else {
            try transaction.execute("DELETE FROM digest_credentials WHERE user_id = ?", [.integer(userID)])
            return
        }
        try transaction.execute(
            """
            INSERT INTO digest_credentials (user_id, md5, sha256) VALUES (?, ?, ?)
            ON CONFLICT (user_id) DO UPDATE SET md5 = excluded.md5, sha256 = excluded.sha256
            """,
            [.integer(userID), .blob(Array(digests.md5)), .blob(Array(digests.sha256))])
    }

    public static func digests(of jid: JID, in transaction: any Transaction) throws -> PasswordDigests? {
        try transaction.query(
            """
            SELECT d.md5, d.sha256 FROM users u JOIN digest_credentials d ON d.user_id = u.id
            WHERE u.domain = ? AND u.localpart = ?
            """,
            [.text(jid.domain), .text(jid.local ?? "")]
        ).first.flatMap { PasswordDigests(md5: $0.blob(0), sha256: $0.blob(1)) }
    }

    /// Accounts that cannot log in with digests until their next PLAIN login or password change.
    /// - Parameter after: only those behind it.
    /// - Returns: how many there are in all, and the first of them in the order of domain and localpart.
    public static func missing(
        after: JID? = nil, limit: Int, in transaction: any Transaction
    ) throws -> (count: Int, first: [JID]) {
        let lacking = "FROM users WHERE id NOT IN (SELECT user_id FROM digest_credentials)"
        let count = try transaction.query("SELECT count(*) \(lacking)", [])[0].integer(0)
        let rows = try transaction.query(
            """
            SELECT localpart, domain \(lacking) AND (domain > ? OR (domain = ? AND localpart > ?))
            ORDER BY domain, localpart LIMIT ?
            """,
            [
                .text(after?.domain ?? ""), .text(after?.domain ?? ""), .text(after?.local ?? ""),
                .integer(Int64(limit)),
            ])
        return (
            Int(count), rows.map { JID(preparedLocal: $0.text(0), domain: $0.text(1), resource: nil) }
        )
    }
}
