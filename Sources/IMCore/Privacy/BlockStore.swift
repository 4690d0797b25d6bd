import Storage
import XMPPWire

/// SQL of blocked addresses (XEP-0191).
enum BlockStore {
    static func load(_ userID: Int64, in transaction: any Transaction) throws -> Set<JID> {
        let rows = try transaction.query("SELECT address FROM blocked WHERE user_id = ?", [.integer(userID)])
        return Set(rows.compactMap { try? JID(parsing: $0.text(0)) })
    }

    static func add(_ jids: [JID], of userID: Int64, in transaction: any Transaction) throws {
        for jid in jids {
            try transaction.execute(
                "INSERT INTO blocked (user_id, address) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [.integer(userID), .text(jid.description)])
        }
    }

    static func remove(_ jids: [JID], of userID: Int64, in transaction: any Transaction) throws {
        for jid in jids {
            try transaction.execute(
                "DELETE FROM blocked WHERE user_id = ? AND address = ?", [.integer(userID), .text(jid.description)])
        }
    }
}
