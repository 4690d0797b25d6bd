import Storage
import XMPPWire

/// An enabled push service as a value that may travel to the storage thread.
struct PushRecord: Sendable {
    var service: JID
    /// Empty when the client named none.
    var node: String
    /// Resource of the client that enabled it.
    var resource: String
    /// The form of publish options, serialised; nil without one.
    var options: [UInt8]?
}

enum PushSchema {
    static let migrations = [
        Migration(
            "push-1",
            [
                """
                CREATE TABLE push_services (
                    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, service TEXT NOT NULL,
                    node TEXT NOT NULL, resource TEXT NOT NULL, options BLOB,
                    PRIMARY KEY (user_id, service, node))
                """
            ])
    ]
}

/// SQL of enabled push services (XEP-0357).
enum PushStore {
    static func load(_ userID: Int64, in transaction: any Transaction) throws -> [PushRecord] {
        try transaction.query(
            "SELECT service, node, resource, options FROM push_services WHERE user_id = ?", [.integer(userID)]
        ).compactMap { row in
            guard let service = try? JID(parsing: row.text(0)) else { return nil }
            return PushRecord(
                service: service, node: row.text(1), resource: row.text(2), options: row.optionalBlob(3))
        }
    }

    static func save(_ record: PushRecord, of userID: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO push_services (user_id, service, node, resource, options) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (user_id, service, node) DO UPDATE SET resource = excluded.resource,
                options = excluded.options
            """,
            [
                .integer(userID), .text(record.service.description), .text(record.node), .text(record.resource),
                .optional(record.options),
            ])
    }

    static func remove(_ service: JID, _ node: String, of userID: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            "DELETE FROM push_services WHERE user_id = ? AND service = ? AND node = ?",
            [.integer(userID), .text(service.description), .text(node)])
    }
}
