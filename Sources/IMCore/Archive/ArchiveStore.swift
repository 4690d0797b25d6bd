import Ground
import Storage

/// SQL of the archive. Every function runs inside the transaction it is given.
enum ArchiveStore {
    // MARK: Writing

    /// Writes a message once, whoever keeps it. `archive` follows with `index`.
    static func add(
        _ id: MessageID, _ record: ArchiveRecord, stanza: [UInt8], in transaction: any Transaction
    ) throws {
        let (sender, senderResource) = parts(record.from)
        let (recipient, recipientResource) = parts(record.to)
        // An account may have been removed meanwhile: it keeps nothing. The row may be there: a commit can reach the
        // disk and still be reported as failed.
        try transaction.execute(
            """
            INSERT INTO messages (id, sender_archive, recipient_archive, sender, sender_resource, recipient,
                recipient_resource, stanza)
            VALUES (?, (SELECT id FROM users WHERE id = ?), (SELECT id FROM users WHERE id = ?), ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO NOTHING
            """,
            [
                .integer(id.value), record.sender.map { .integer($0) } ?? .null,
                record.recipient.map { .integer($0) } ?? .null, .text(sender), .text(senderResource),
                .text(recipient), .text(recipientResource), .blob(stanza),
            ])
    }

    /// Bare address and resource; no localpart or domain has a slash.
    private static func parts(_ address: [UInt8]) -> (bare: String, resource: String) {
        guard let slash = address.firstIndex(of: 47) else { return (String(decoding: address, as: UTF8.self), "") }
        return (
            String(decoding: address[..<slash], as: UTF8.self), String(decoding: address[(slash + 1)...], as: UTF8.self)
        )
    }

    /// Enters the messages up to `last` that are not there yet into the archives of their owners.
    ///
    /// In the order of the index, so that neighbouring rows change the same pages: this is why it is done in batches.
    static func index(upTo last: Int64, in transaction: any Transaction) throws {
        let done =
            try transaction.query("SELECT id FROM archive_progress WHERE name = 'indexed'", []).first?.integer(0) ?? 0
        guard done < last else { return }
        try index(after: done, upTo: last, in: transaction)
        try transaction.execute(
            """
            INSERT INTO archive_progress (name, id) VALUES ('indexed', ?)
            ON CONFLICT (name) DO UPDATE SET id = excluded.id
            """, [.integer(last)])
    }

    /// Enters one message that was committed after younger ones had been entered.
    static func indexLate(_ id: MessageID, in transaction: any Transaction) throws {
        try index(after: id.value - 1, upTo: id.value, in: transaction)
    }

    private static func index(after first: Int64, upTo last: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO archive (archive, id, peer, resource)
            SELECT owner, id, peer, resource FROM (
                SELECT sender_archive AS owner, id, recipient AS peer, recipient_resource AS resource FROM messages
                WHERE id > ? AND id <= ? AND sender_archive IS NOT NULL
                UNION ALL
                SELECT recipient_archive, id, sender, sender_resource FROM messages
                WHERE id > ? AND id <= ? AND recipient_archive IS NOT NULL
                    AND (sender_archive IS NULL OR sender_archive <> recipient_archive)
            ) AS fresh
            WHERE owner > 0 ORDER BY owner, peer, id ON CONFLICT DO NOTHING
            """, [.integer(first), .integer(last), .integer(first), .integer(last)])
    }

    /// Puts another stanza in the place of an archived one, in every archive that has it: a tombstone.
    static func replace(_ id: MessageID, with stanza: [UInt8], in transaction: any Transaction) throws {
        try transaction.execute("UPDATE messages SET stanza = ? WHERE id = ?", [.blob(stanza), .integer(id.value)])
    }

    // MARK: Reading

    /// Which messages of an archive are meant.
    struct Selection: Sendable {
        var archive: Int64
        /// Bare address of the peer, and its resource when that matters.
        var peer: String?
        var resource: String?
        /// Ids between these, both excluded.
        var after: Int64 = 0
        var before: Int64 = .max

        fileprivate var condition: String {
            "a.archive = ?\(peer == nil ? "" : " AND a.peer = ?")\(resource == nil ? "" : " AND a.resource = ?")"
                + " AND a.id > ? AND a.id < ?"
        }

        fileprivate var arguments: [SQLValue] {
            [.integer(archive)] + (peer.map { [.text($0)] } ?? []) + (resource.map { [.text($0)] } ?? [])
                + [.integer(after), .integer(before)]
        }
    }

    struct Message: Sendable {
        var id: MessageID
        var stanza: [UInt8]
    }

    /// Some messages, in the order of the archive.
    struct Page: Sendable {
        var messages: [Message] = []
        /// Nothing more is in the direction that was read.
        var isLast = true
    }

    /// At most `limit` messages from the beginning of the selection or from its end, and one beyond `bytes` in all.
    static func page(
        _ selection: Selection, backwards: Bool, limit: Int, bytes: Int64, in transaction: any Transaction
    ) throws -> Page {
        let order = backwards ? "DESC" : "ASC"
        // The archive first, whatever the planner thinks of its size: CROSS JOIN keeps the order.
        let sizes = try transaction.query(
            """
            SELECT a.id, length(m.stanza) FROM archive a CROSS JOIN messages m
            WHERE \(selection.condition) AND m.id = a.id ORDER BY a.id \(order) LIMIT ?
            """, selection.arguments + [.integer(Int64(limit) + 1)])
        var page = Page()
        var total: Int64 = 0
        for size in sizes.prefix(limit) where total < bytes {
            total += size.integer(1)
            guard
                let row = try transaction.query("SELECT stanza FROM messages WHERE id = ?", [.integer(size.integer(0))])
                    .first
            else { continue }
            page.messages.append(Message(id: MessageID(size.integer(0)), stanza: row.blob(0)))
        }
        page.isLast = page.messages.count == sizes.count
        if backwards { page.messages.reverse() }
        return page
    }

    /// How many messages there are, counted up to `limit`.
    static func count(_ selection: Selection, limit: Int, in transaction: any Transaction) throws -> Int {
        Int(
            try transaction.query(
                "SELECT count(*) FROM (SELECT 1 FROM archive a WHERE \(selection.condition) LIMIT ?) AS counted",
                selection.arguments + [.integer(Int64(limit))])[0].integer(0))
    }

    static func contains(_ id: MessageID, archive: Int64, in transaction: any Transaction) throws -> Bool {
        try !transaction.query(
            "SELECT 1 FROM archive WHERE archive = ? AND id = ?", [.integer(archive), .integer(id.value)]
        ).isEmpty
    }

    /// The oldest and the newest message.
    static func bounds(
        of archive: Int64, in transaction: any Transaction
    ) throws -> (first: MessageID, last: MessageID)? {
        let ends = try ["ASC", "DESC"].compactMap { order in
            try transaction.query(
                "SELECT id FROM archive WHERE archive = ? ORDER BY id \(order) LIMIT 1", [.integer(archive)]
            ).first?.integer(0)
        }
        return ends.count == 2 ? (MessageID(ends[0]), MessageID(ends[1])) : nil
    }

    // MARK: Forgetting

    /// The account is being removed: its archive is to be swept.
    static func giveUp(_ archive: Int64, in transaction: any Transaction) throws {
        try index(upTo: try JournalStore.lastID(in: transaction).value, in: transaction)
        try transaction.execute(
            "INSERT INTO archive_leftovers (archive) VALUES (?) ON CONFLICT DO NOTHING", [.integer(archive)])
    }

    /// Removes up to `limit` messages older than `cutoff`, and as many entries of archives without account. Messages that
    /// are still to be delivered stay.
    /// - Returns: whether there may be more.
    static func sweep(before cutoff: Int64, limit: Int, in transaction: any Transaction) throws -> Bool {
        let old =
            cutoff <= 0
            ? []
            : try transaction.query(
                """
                SELECT id, sender_archive, recipient_archive FROM messages
                WHERE id < ? AND id NOT IN (SELECT id FROM journal) ORDER BY id LIMIT ?
                """, [.integer(cutoff), .integer(Int64(limit))])
        for row in old {
            for owner in [row.optionalInteger(1), row.optionalInteger(2)].compactMap({ $0 }) {
                try transaction.execute(
                    "DELETE FROM archive WHERE archive = ? AND id = ?", [.integer(owner), .integer(row.integer(0))])
            }
            try transaction.execute("DELETE FROM messages WHERE id = ?", [.integer(row.integer(0))])
        }
        return try sweepLeftovers(limit: limit, in: transaction) || old.count == limit
    }

    private static func sweepLeftovers(limit: Int, in transaction: any Transaction) throws -> Bool {
        guard
            let archive = try transaction.query("SELECT archive FROM archive_leftovers LIMIT 1", []).first?.integer(0)
        else { return false }
        let ids = try transaction.query(
            "SELECT id FROM archive WHERE archive = ? ORDER BY id LIMIT ?", [.integer(archive), .integer(Int64(limit))])
        for row in ids {
            let id = row.integer(0)
            try transaction.execute(
                "DELETE FROM archive WHERE archive = ? AND id = ?", [.integer(archive), .integer(id)])
            // Gone when nobody else keeps it: the two who may are named in the row itself.
            try transaction.execute(
                """
                DELETE FROM messages WHERE id = ? AND id NOT IN (SELECT id FROM journal) AND NOT EXISTS (
                    SELECT 1 FROM archive a
                    WHERE a.id = messages.id AND a.archive IN (messages.sender_archive, messages.recipient_archive))
                """, [.integer(id)])
        }
        if ids.count < limit {
            try transaction.execute("DELETE FROM archive_leftovers WHERE archive = ?", [.integer(archive)])
        }
        return true
    }
}
