import Storage
import XMPPWire

/// Accounts that are in each other's way, or whose directory URI is missing or wrong. The directory URI of an account is the
/// mail address that its card names.
public enum UserValidationStore {
    /// What is wrong with one account, or with several that share something.
    public struct Finding: Sendable, Equatable {
        /// What they share, or what is wrong; empty when it is missing.
        public var value: String
        public var users: [JID]
    }

    /// Findings of one kind, the first of them.
    public struct Section: Sendable, Equatable {
        public var findings: [Finding] = []
        /// Of all that there are.
        public var count = 0
    }

    /// The same user ID, in any case, at several domains.
    public static func duplicateUserIDs(limit: Int, in transaction: any Transaction) throws -> Section {
        try duplicates(
            """
            SELECT lower(localpart) AS value FROM users GROUP BY lower(localpart) HAVING count(*) > 1
            """, limit: limit, in: transaction
        ) { value in
            try transaction.query(
                "SELECT localpart, domain FROM users WHERE lower(localpart) = ? ORDER BY domain LIMIT 100",
                [.text(value)])
        }
    }

    public static func withoutURI(limit: Int, in transaction: any Transaction) throws -> Section {
        let condition = "NOT EXISTS (SELECT 1 FROM search_entries e WHERE e.user_id = u.id AND e.field = 4)"
        let count = try transaction.query("SELECT count(*) FROM users u WHERE \(condition)", [])[0].integer(0)
        let rows = try transaction.query(
            "SELECT localpart, domain FROM users u WHERE \(condition) ORDER BY domain, localpart LIMIT ?",
            [.integer(Int64(limit))])
        return Section(findings: rows.map { Finding(value: "", users: [jid($0)]) }, count: Int(count))
    }

    /// Neither `user@domain` nor anything that a server could take for it.
    public static func invalidURIs(limit: Int, in transaction: any Transaction) throws -> Section {
        var section = Section()
        var after: (Int64, String) = (0, "")
        let page = 2_000
        while true {
            let rows = try transaction.query(
                """
                SELECT u.localpart, u.domain, e.value, u.id, e.folded FROM search_entries e
                JOIN users u ON u.id = e.user_id
                WHERE e.field = 4 AND (u.id > ? OR (u.id = ? AND e.folded > ?)) ORDER BY u.id, e.folded LIMIT ?
                """, [.integer(after.0), .integer(after.0), .text(after.1), .integer(Int64(page))])
            for row in rows where !isURI(row.text(2)) {
                section.count += 1
                if section.findings.count < limit {
                    section.findings.append(Finding(value: row.text(2), users: [jid(row)]))
                }
            }
            guard rows.count == page, let last = rows.last else { return section }
            after = (last.integer(3), last.text(4))
        }
    }

    public static func duplicateURIs(limit: Int, in transaction: any Transaction) throws -> Section {
        try duplicates(
            """
            SELECT folded AS value FROM search_entries WHERE field = 4
            GROUP BY folded HAVING count(DISTINCT user_id) > 1
            """, limit: limit, in: transaction
        ) { value in
            try transaction.query(
                """
                SELECT u.localpart, u.domain FROM search_entries e JOIN users u ON u.id = e.user_id
                WHERE e.field = 4 AND e.folded = ? ORDER BY u.domain, u.localpart LIMIT 100
                """, [.text(value)])
        }
    }

    static func isURI(_ text: String) -> Bool {
        guard let jid = try? JID(parsing: text), jid.isBare, let local = jid.local else { return false }
        return !local.isEmpty && jid.domain.split(separator: ".").count > 1 && !text.contains(" ")
    }

    private static func duplicates(
        _ values: String, limit: Int, in transaction: any Transaction, users: (String) throws -> [Row]
    ) throws -> Section {
        let count = try transaction.query("SELECT count(*) FROM (\(values)) AS found", [])[0].integer(0)
        let found = try transaction.query("\(values) ORDER BY value LIMIT ?", [.integer(Int64(limit))])
        return Section(
            findings: try found.map { row in
                Finding(value: row.text(0), users: try users(row.text(0)).map(jid))
            }, count: Int(count))
    }

    private static func jid(_ row: Row) -> JID {
        JID(preparedLocal: row.text(0), domain: row.text(1), resource: nil)
    }
}
