import Storage
import XMPPWire

/// An uploaded file, without its bytes.
public struct FileRecord: Sendable, Equatable {
    /// On the disk and in its address: random, made by the server.
    public var name: String
    /// What its user calls it.
    public var filename: String
    /// Media type without parameters, in lower case.
    public var type: String
    /// Bytes.
    public var size: Int
    /// Milliseconds since 1970.
    public var storedAt: Int64

    public init(name: String, filename: String, type: String, size: Int, storedAt: Int64) {
        self.name = name
        self.filename = filename
        self.type = type
        self.size = size
        self.storedAt = storedAt
    }
}

/// SQL of uploaded files.
public enum FileStore {
    /// What a user uploaded, for the quota.
    struct Use: Sendable, Equatable {
        /// Milliseconds since 1970.
        var at: Int64
        /// Bytes.
        var size: Int
    }

    /// - Returns: false when there is no such account any more.
    static func add(_ file: FileRecord, of userID: Int64, _ owner: JID, in transaction: any Transaction) throws -> Bool
    {
        try transaction.execute(
            """
            INSERT INTO files (name, user_id, filename, type, size, stored_ms)
            SELECT ?, id, ?, ?, ?, ? FROM users WHERE id = ? AND domain = ? AND localpart = ?
            """,
            [
                .text(file.name), .text(file.filename), .text(file.type), .integer(Int64(file.size)),
                .integer(file.storedAt), .integer(userID), .text(owner.domain), .text(owner.local ?? ""),
            ]) > 0
    }

    /// The file, unless its user is gone.
    static func file(_ name: String, in transaction: any Transaction) throws -> FileRecord? {
        try transaction.query(
            """
            SELECT name, filename, type, size, stored_ms FROM files WHERE name = ? AND user_id IS NOT NULL
            """, [.text(name)]
        ).first.map {
            FileRecord(
                name: $0.text(0), filename: $0.text(1), type: $0.text(2), size: Int($0.integer(3)),
                storedAt: $0.integer(4))
        }
    }

    /// What a user uploaded after an instant, oldest first; at most `limit`.
    static func uses(
        of userID: Int64, since instant: Int64, limit: Int, in transaction: any Transaction
    ) throws -> [Use] {
        try transaction.query(
            "SELECT stored_ms, size FROM files WHERE user_id = ? AND stored_ms > ? ORDER BY stored_ms LIMIT ?",
            [.integer(userID), .integer(instant), .integer(Int64(limit))]
        ).map { Use(at: $0.integer(0), size: Int($0.integer(1))) }
    }

    /// Names of files that were stored before an instant, or whose user is gone; at most `limit` of each.
    static func ended(before instant: Int64, limit: Int, in transaction: any Transaction) throws -> [String] {
        let orphans = try transaction.query(
            "SELECT name FROM files WHERE user_id IS NULL LIMIT ?", [.integer(Int64(limit))])
        let old = try transaction.query(
            "SELECT name FROM files WHERE stored_ms < ? AND user_id IS NOT NULL ORDER BY stored_ms LIMIT ?",
            [.integer(instant), .integer(Int64(limit))])
        return (orphans + old).map { $0.text(0) }
    }

    static func remove(_ names: [String], in transaction: any Transaction) throws {
        for name in names { try transaction.execute("DELETE FROM files WHERE name = ?", [.text(name)]) }
    }
}
