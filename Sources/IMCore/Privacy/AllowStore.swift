import Storage
import XMPPWire

/// Table of allowed addresses.
enum AllowSchema {
    static let migration = Migration(
        "privacy-2",
        [
            """
            CREATE TABLE allowed (
                user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, address TEXT NOT NULL,
                PRIMARY KEY (user_id, address))
            """
        ])
}

/// SQL of allowed addresses.
enum AllowStore {
    static func load(_ userID: Int64, in transaction: any Transaction) throws -> Set<JID> {
        let rows = try transaction.query("SELECT address FROM allowed WHERE user_id = ?", [.integer(userID)])
        return Set(rows.compactMap { try? JID(parsing: $0.text(0)) })
    }

    static func add(_ jids: [JID], of userID: Int64, in transaction: any Transaction) throws {
        for jid in jids {
            try transaction.execute(
                "INSERT INTO allowed (user_id, address) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [.integer(userID), .text(jid.description)])
        }
    }

    static func remove(_ jids: [JID], of userID: Int64, in transaction: any Transaction) throws {
        for jid in jids {
            try transaction.execute(
                "DELETE FROM allowed WHERE user_id = ? AND address = ?", [.integer(userID), .text(jid.description)])
        }
    }
}
