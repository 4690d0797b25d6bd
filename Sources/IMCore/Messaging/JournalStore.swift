import Ground
import Storage

/// SQL of the journal; its writes are in `Journal`.
public enum JournalStore {
    /// A stored message.
    struct StoredMessage: Sendable {
        var id: MessageID
        var stanza: [UInt8]
    }

    static func count(_ userID: Int64, in transaction: any Transaction) throws -> Int {
        Int(try transaction.query("SELECT count(*) FROM journal WHERE user_id = ?", [.integer(userID)])[0].integer(0))
    }

    public static func countAll(in transaction: any Transaction) throws -> Int {
        Int(try transaction.query("SELECT count(*) FROM journal", [])[0].integer(0))
    }

    /// At most `limit` messages after `id`, oldest first.
    static func page(
        _ userID: Int64, after id: MessageID, limit: Int, in transaction: any Transaction
    ) throws -> [StoredMessage] {
        try transaction.query(
            "SELECT id, stanza FROM journal WHERE user_id = ? AND id > ? ORDER BY id LIMIT ?",
            [.integer(userID), .integer(id.value), .integer(Int64(limit))]
        ).map { StoredMessage(id: MessageID($0.integer(0)), stanza: $0.blob(1)) }
    }

    /// The greatest id ever stored, so that ids grow over restarts.
    public static func lastID(in transaction: any Transaction) throws -> MessageID {
        MessageID(try transaction.query("SELECT coalesce(max(id), 0) FROM journal", [])[0].integer(0))
    }
}
