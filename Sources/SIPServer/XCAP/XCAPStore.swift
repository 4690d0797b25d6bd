import PresenceWire
import Storage
import XMLWire

/// What clients put into their documents beside what the core keeps (see `RosterDocument`, `RulesDocument`).
enum XCAPSchema {
    static let migration = Migration(
        "xcap-1",
        [
            """
            CREATE TABLE xcap_documents (
                user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, application TEXT NOT NULL,
                content BLOB NOT NULL, PRIMARY KEY (user_id, application))
            """
        ])
}

/// SQL of documents.
enum XCAPStore {
    /// Nil when there is none; one that cannot be read any more counts as none.
    static func load(_ application: String, of userID: Int64, in transaction: any Transaction) throws -> XMLElement? {
        try transaction.query(
            "SELECT content FROM xcap_documents WHERE user_id = ? AND application = ?",
            [.integer(userID), .text(application)]
        ).first.flatMap { try? XCAPDocument.parse($0.blob(0)) }
    }

    /// - Parameter content: nil removes it.
    static func save(
        _ content: [UInt8]?, _ application: String, of userID: Int64, in transaction: any Transaction
    ) throws {
        guard let content else {
            try transaction.execute(
                "DELETE FROM xcap_documents WHERE user_id = ? AND application = ?",
                [.integer(userID), .text(application)])
            return
        }
        try transaction.execute(
            """
            INSERT INTO xcap_documents (user_id, application, content) VALUES (?, ?, ?)
            ON CONFLICT (user_id, application) DO UPDATE SET content = excluded.content
            """,
            [.integer(userID), .text(application), .blob(content)])
    }
}
