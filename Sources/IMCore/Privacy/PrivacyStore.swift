import Storage
import XMLWire
import XMPPWire

/// Tables of privacy lists (XEP-0016).
enum PrivacySchema {
    static let migration = Migration(
        "privacy-1",
        [
            """
            CREATE TABLE privacy_lists (
                user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, name TEXT NOT NULL,
                is_default INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (user_id, name))
            """
        ])
}

/// SQL of privacy lists. The table of blocked addresses always holds those of the default list, so that whoever has no
/// lists pays nothing for them.
enum PrivacyStore {
    /// Nil when the user has no lists.
    static func load(_ userID: Int64, in transaction: any Transaction) throws -> PrivacyLists? {
        let rows = try transaction.query(
            "SELECT is_default, content FROM privacy_lists WHERE user_id = ? ORDER BY name", [.integer(userID)])
        guard !rows.isEmpty else { return nil }
        var lists = PrivacyLists(lists: [], defaultName: nil)
        for row in rows {
            guard let list = XMLElement(stored: row.blob(1)).flatMap({ try? PrivacyList($0) }) else { continue }
            lists.lists.append(list)
            if row.bool(0) { lists.defaultName = list.name }
        }
        return lists
    }

    /// Stores everything anew: lists are few and change seldom.
    static func save(
        _ lists: PrivacyLists?, blocked: Set<JID>, of userID: Int64, in transaction: any Transaction
    ) throws {
        try transaction.execute("DELETE FROM privacy_lists WHERE user_id = ?", [.integer(userID)])
        for list in lists?.lists ?? [] {
            try transaction.execute(
                "INSERT INTO privacy_lists (user_id, name, is_default, content) VALUES (?, ?, ?, ?)",
                [
                    .integer(userID), .text(list.name), .bool(list.name == lists?.defaultName),
                    .blob(list.element.standaloneBytes),
                ])
        }
        try transaction.execute("DELETE FROM blocked WHERE user_id = ?", [.integer(userID)])
        try BlockStore.add(Array(blocked), of: userID, in: transaction)
    }
}
