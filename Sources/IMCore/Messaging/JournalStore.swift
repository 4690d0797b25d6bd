import Ground
import Storage

/// SQL of the journal; its writes are in `Journal`.
public enum JournalStore {
    /// A stored message.
    struct StoredMessage: Sendable {
        var id: MessageID
        var stanza: [UInt8]
        /// The recipient's archive has it too.
        var isArchived: Bool
    }

    /// Some stored messages, oldest first.
    struct Page: Sendable {
        var messages: [StoredMessage]
        /// Nothing comes after them.
        var isLast: Bool
    }

    static func count(_ userID: Int64, in transaction: any Transaction) throws -> Int {
        Int(try transaction.query("SELECT count(*) FROM journal WHERE user_id = ?", [.integer(userID)])[0].integer(0))
    }

    public static func countAll(in transaction: any Transaction) throws -> Int {
        Int(try transaction.query("SELECT count(*) FROM journal", [])[0].integer(0))
    }

    /// At most `limit` messages after `id`, and no more than one beyond `bytes` in all.
    static func page(
        _ userID: Int64, after id: MessageID, limit: Int, bytes: Int64, in transaction: any Transaction
    ) throws -> Page {
        let sizes = try transaction.query(
            """
            SELECT j.id, length(j.stanza) + coalesce(length(m.stanza), 0)
            FROM journal j LEFT JOIN messages m ON m.id = j.id
            WHERE j.user_id = ? AND j.id > ? ORDER BY j.id LIMIT ?
            """,
            [.integer(userID), .integer(id.value), .integer(Int64(limit))])
        var last = id.value
        var (taken, total) = (0, Int64(0))
        for size in sizes where total < bytes {
            last = size.integer(0)
            total += size.integer(1)
            taken += 1
        }
        let messages = try transaction.query(
            """
            \(selection) WHERE j.user_id = ? AND j.id > ? AND j.id <= ? ORDER BY j.id
            """,
            [.integer(userID), .integer(id.value), .integer(last)]
        ).map(stored)
        return Page(messages: messages, isLast: taken == sizes.count && taken < limit)
    }

    /// Whether a message has that id already.
    static func isTaken(_ id: MessageID, in transaction: any Transaction) throws -> Bool {
        try ["journal", "messages"].contains {
            try !transaction.query("SELECT 1 FROM \($0) WHERE id = ?", [.integer(id.value)]).isEmpty
        }
    }

    /// Stores a message to be delivered; without stanza when the archive has it under the same id.
    static func add(
        _ id: MessageID, stanza: [UInt8], of userID: Int64, in transaction: any Transaction
    ) throws {
        try transaction.execute(
            "INSERT INTO journal (id, user_id, stanza) VALUES (?, ?, ?)",
            [.integer(id.value), .integer(userID), .blob(stanza)])
    }

    static func remove(_ id: MessageID, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM journal WHERE id = ?", [.integer(id.value)])
    }

    private static let selection = """
        SELECT j.id, j.stanza, m.stanza, CASE WHEN m.recipient_archive = j.user_id THEN 1 ELSE 0 END
        FROM journal j LEFT JOIN messages m ON m.id = j.id
        """

    /// An archived message has its stanza there, perhaps retracted by now.
    private static func stored(_ row: Row) -> StoredMessage {
        StoredMessage(
            id: MessageID(row.integer(0)), stanza: row.optionalBlob(2) ?? row.blob(1), isArchived: row.integer(3) != 0)
    }

    /// Ids of everything stored for a user, oldest first.
    static func ids(_ userID: Int64, in transaction: any Transaction) throws -> [MessageID] {
        try transaction.query("SELECT id FROM journal WHERE user_id = ? ORDER BY id", [.integer(userID)])
            .map { MessageID($0.integer(0)) }
    }

    /// The stored messages among `ids`, in that order, and how many of the ids were looked at: no more than one
    /// message beyond `bytes`.
    static func messages(
        _ userID: Int64, _ ids: [MessageID], bytes: Int64, in transaction: any Transaction
    ) throws -> (messages: [StoredMessage], taken: Int) {
        var messages: [StoredMessage] = []
        var (taken, total) = (0, Int64(0))
        for id in ids where total < bytes {
            taken += 1
            let rows = try transaction.query(
                "\(selection) WHERE j.id = ? AND j.user_id = ?", [.integer(id.value), .integer(userID)])
            guard let message = rows.first.map(stored) else { continue }
            total += Int64(message.stanza.count)
            messages.append(message)
        }
        return (messages, taken)
    }

    static func remove(_ ids: [MessageID], of userID: Int64, in transaction: any Transaction) throws {
        for id in ids {
            try transaction.execute(
                "DELETE FROM journal WHERE id = ? AND user_id = ?", [.integer(id.value), .integer(userID)])
        }
    }

    /// The greatest id ever stored, so that ids grow over restarts.
    public static func lastID(in transaction: any Transaction) throws -> MessageID {
        let ids = try ["journal", "messages"].map {
            try transaction.query("SELECT coalesce(max(id), 0) FROM \($0)", [])[0].integer(0)
        }
        return MessageID(max(ids[0], ids[1]))
    }
}
