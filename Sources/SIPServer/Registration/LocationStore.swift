import Storage
import XMPPWire

/// SQL of registered contacts.
enum LocationStore {
    static let migration = Migration(
        "sip-bindings-1",
        [
            """
            CREATE TABLE sip_bindings (
                id BIGINT PRIMARY KEY, user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                contact BLOB NOT NULL, instance BLOB NOT NULL, reg_id BIGINT NOT NULL, path BLOB NOT NULL,
                call_id BLOB NOT NULL, cseq BIGINT NOT NULL, agent BLOB NOT NULL, features BLOB NOT NULL,
                q INTEGER NOT NULL, outbound INTEGER NOT NULL, flow TEXT, since_ms BIGINT NOT NULL,
                expires_ms BIGINT NOT NULL)
            """,
            "CREATE INDEX sip_bindings_by_user ON sip_bindings (user_id)",
        ])

    /// A row.
    struct Record: Sendable {
        var id: Int64
        var user: JID
        var contact: [UInt8]
        var instance: [UInt8] = []
        var regID: UInt32 = 0
        var path: [UInt8] = []
        var callID: [UInt8] = []
        var cseq: UInt32 = 0
        var agent: [UInt8] = []
        var features: [UInt8] = []
        var q: Int = 1_000
        var isOutbound = false
        /// `udp 192.0.2.1 5060`: where it registered from; nil where that is not used.
        var flow: String?
        /// Milliseconds since 1970.
        var since: Int64 = 0
        var expires: Int64 = 0
    }

    static func save(_ record: Record, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO sip_bindings (id, user_id, contact, instance, reg_id, path, call_id, cseq, agent, features, q,
                outbound, flow, since_ms, expires_ms)
            SELECT ?, id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM users WHERE domain = ? AND localpart = ?
            ON CONFLICT (id) DO UPDATE SET contact = excluded.contact, instance = excluded.instance,
                reg_id = excluded.reg_id, path = excluded.path, call_id = excluded.call_id, cseq = excluded.cseq,
                agent = excluded.agent, features = excluded.features, q = excluded.q, outbound = excluded.outbound,
                flow = excluded.flow, since_ms = excluded.since_ms, expires_ms = excluded.expires_ms
            """,
            [
                .integer(record.id), .blob(record.contact), .blob(record.instance), .integer(Int64(record.regID)),
                .blob(record.path), .blob(record.callID), .integer(Int64(record.cseq)), .blob(record.agent),
                .blob(record.features), .integer(Int64(record.q)), .bool(record.isOutbound), .optional(record.flow),
                .integer(record.since), .integer(record.expires), .text(record.user.domain),
                .text(record.user.local ?? ""),
            ])
    }

    static func remove(_ id: Int64, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM sip_bindings WHERE id = ?", [.integer(id)])
    }

    /// What is over goes; the rest is given, by user.
    /// - Parameter now: milliseconds since 1970.
    static func load(now: Int64, in transaction: any Transaction) throws -> [Record] {
        try transaction.execute("DELETE FROM sip_bindings WHERE expires_ms <= ?", [.integer(now)])
        return try transaction.query(
            """
            SELECT b.id, u.localpart, u.domain, b.contact, b.instance, b.reg_id, b.path, b.call_id, b.cseq, b.agent,
                b.features, b.q, b.outbound, b.flow, b.since_ms, b.expires_ms
            FROM sip_bindings b JOIN users u ON u.id = b.user_id ORDER BY b.user_id, b.id
            """, []
        ).map { row in
            Record(
                id: row.integer(0), user: JID(preparedLocal: row.text(1), domain: row.text(2), resource: nil),
                contact: row.blob(3), instance: row.blob(4), regID: UInt32(clamping: row.integer(5)), path: row.blob(6),
                callID: row.blob(7), cseq: UInt32(clamping: row.integer(8)), agent: row.blob(9), features: row.blob(10),
                q: Int(row.integer(11)), isOutbound: row.bool(12), flow: row.optionalText(13), since: row.integer(14),
                expires: row.integer(15))
        }
    }
}
