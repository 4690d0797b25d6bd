import Storage
import XMPPWire

/// SQL of publications.
enum PublicationStore {
    static let migration = Migration(
        "publications-1",
        [
            """
            CREATE TABLE publications (
                user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, source TEXT NOT NULL,
                event INTEGER NOT NULL, document BLOB NOT NULL, inputs TEXT NOT NULL, expires_ms BIGINT NOT NULL,
                stem BIGINT NOT NULL, tag_count BIGINT NOT NULL, PRIMARY KEY (user_id, source, event))
            """,
            "CREATE INDEX publications_by_end ON publications (expires_ms)",
        ])

    private static let separator = "\u{1E}"

    static func load(_ userID: Int64, in transaction: any Transaction) throws -> [PublicationRecord] {
        try transaction.query(
            """
            SELECT source, event, document, inputs, expires_ms, stem, tag_count FROM publications WHERE user_id = ?
            ORDER BY source
            """, [.integer(userID)]
        ).compactMap { row in
            guard let source = PresenceInput.Source(stored: row.text(0)),
                let event = Publication.Event(rawValue: row.integer(1))
            else { return nil }
            return PublicationRecord(
                source: source, event: event, document: row.blob(2),
                inputs: row.text(3).split(separator: separator).compactMap { PresenceInput(stored: String($0)) },
                expires: row.integer(4), stem: row.integer(5), count: row.integer(6))
        }
    }

    static func save(_ record: PublicationRecord, of userID: Int64, in transaction: any Transaction) throws {
        // The account may be gone meanwhile.
        try transaction.execute(
            """
            INSERT INTO publications (user_id, source, event, document, inputs, expires_ms, stem, tag_count)
            SELECT id, ?, ?, ?, ?, ?, ?, ? FROM users WHERE id = ?
            ON CONFLICT (user_id, source, event) DO UPDATE SET document = excluded.document, inputs = excluded.inputs,
                expires_ms = excluded.expires_ms, stem = excluded.stem, tag_count = excluded.tag_count
            """,
            [
                .text(record.source.description), .integer(record.event.rawValue), .blob(record.document),
                .text(record.inputs.map(\.stored).joined(separator: separator)), .integer(record.expires),
                .integer(record.stem), .integer(record.count), .integer(userID),
            ])
    }

    static func remove(
        _ source: String, _ event: Publication.Event, of userID: Int64, in transaction: any Transaction
    ) throws {
        try transaction.execute(
            "DELETE FROM publications WHERE user_id = ? AND source = ? AND event = ?",
            [.integer(userID), .text(source), .integer(event.rawValue)])
    }

    static func removeExpired(_ now: Int64, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM publications WHERE expires_ms <= ?", [.integer(now)])
    }

    /// Everybody with a publication that counts, as localpart and domain.
    static func publishers(_ now: Int64, in transaction: any Transaction) throws -> [JID] {
        try transaction.query(
            """
            SELECT DISTINCT localpart, domain FROM users JOIN publications ON publications.user_id = users.id
            WHERE publications.expires_ms > ?
            """, [.integer(now)]
        ).map { JID(preparedLocal: $0.text(0), domain: $0.text(1), resource: nil) }
    }
}
