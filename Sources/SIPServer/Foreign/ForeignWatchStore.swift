import IMCore
import SIPWire
import Storage
import XMPPWire

/// SQL of subscriptions of ours to foreign people: what goes on after a restart.
enum ForeignWatchStore {
    static let migration = Migration(
        "sip-foreign-watches-1",
        [
            """
            CREATE TABLE sip_foreign_watches (
                watcher TEXT NOT NULL, target TEXT NOT NULL, is_approved INTEGER NOT NULL, call_id BLOB NOT NULL,
                local_tag BLOB NOT NULL, remote_tag BLOB NOT NULL, remote_target BLOB NOT NULL, routes BLOB NOT NULL,
                cseq BIGINT NOT NULL, remote_cseq BIGINT NOT NULL, expires_ms BIGINT NOT NULL,
                PRIMARY KEY (watcher, target))
            """
        ])

    struct Record: Sendable {
        var watcher: JID
        var target: JID
        var isApproved: Bool
        var callID: [UInt8]
        var localTag: [UInt8]
        /// Empty without a dialog.
        var remoteTag: [UInt8]
        var remoteTarget: [UInt8]
        var routes: [[UInt8]]
        var cseq: Int64
        var remoteCSeq: Int64
        /// Milliseconds since 1970.
        var expires: Int64
    }

    static func save(_ record: Record, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO sip_foreign_watches (watcher, target, is_approved, call_id, local_tag, remote_tag, remote_target,
                routes, cseq, remote_cseq, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (watcher, target) DO UPDATE SET is_approved = excluded.is_approved, call_id = excluded.call_id,
                local_tag = excluded.local_tag, remote_tag = excluded.remote_tag,
                remote_target = excluded.remote_target, routes = excluded.routes, cseq = excluded.cseq,
                remote_cseq = excluded.remote_cseq, expires_ms = excluded.expires_ms
            """,
            [
                .text(record.watcher.description), .text(record.target.description), .bool(record.isApproved),
                .blob(record.callID), .blob(record.localTag), .blob(record.remoteTag), .blob(record.remoteTarget),
                // No line break is in a header field.
                .blob(Array(record.routes.joined(separator: [10]))), .integer(record.cseq),
                .integer(record.remoteCSeq), .integer(record.expires),
            ])
    }

    static func remove(_ name: ForeignWatch.Name, in transaction: any Transaction) throws {
        try transaction.execute(
            "DELETE FROM sip_foreign_watches WHERE watcher = ? AND target = ?",
            [.text(name.watcher.description), .text(name.target.description)])
    }

    static func load(in transaction: any Transaction) throws -> [Record] {
        try transaction.query(
            """
            SELECT watcher, target, is_approved, call_id, local_tag, remote_tag, remote_target, routes, cseq,
                remote_cseq, expires_ms FROM sip_foreign_watches
            """, []
        ).compactMap { row in
            guard let watcher = try? JID(parsing: row.text(0)), let target = try? JID(parsing: row.text(1)) else {
                return nil
            }
            return Record(
                watcher: watcher, target: target, isApproved: row.integer(2) != 0, callID: row.blob(3),
                localTag: row.blob(4), remoteTag: row.blob(5), remoteTarget: row.blob(6),
                routes: row.blob(7).split(separator: 10).map { Array($0) }, cseq: row.integer(8),
                remoteCSeq: row.integer(9), expires: row.integer(10))
        }
    }
}

/// Watches that wait to be written.
struct ForeignWatchBook {
    var dirty: [ForeignWatch] = []
    var removed: [ForeignWatch.Name] = []
    var isWriting = false
}

extension ForeignPresence {
    /// To be written with the next second's.
    func keep(_ watch: ForeignWatch) {
        guard !watch.isDirty, !watch.isEnding else { return }
        watch.isDirty = true
        book.dirty.append(watch)
    }

    func forget(_ watch: ForeignWatch) { if watch.isStored { book.removed.append(watch.name) } }

    func save() {
        guard !book.dirty.isEmpty || !book.removed.isEmpty, !book.isWriting else { return }
        var records: [ForeignWatchStore.Record] = []
        for watch in book.dirty {
            watch.isDirty = false
            guard !watch.isEnding else { continue }
            watch.isStored = true
            records.append(record(of: watch))
        }
        let removed = book.removed
        book.dirty = []
        book.removed = []
        guard !records.isEmpty || !removed.isEmpty else { return }
        book.isWriting = true
        server.router.journal.perform { [records] transaction in
            // Who was given up may have been asked for again.
            for name in removed { try ForeignWatchStore.remove(name, in: transaction) }
            for record in records { try ForeignWatchStore.save(record, in: transaction) }
        } completion: { [weak self] error in
            guard let self else { return }
            book.isWriting = false
            if let error { server.logger.error("foreign watches were not stored", metadata: ["error": "\(error)"]) }
        }
    }

    private func record(of watch: ForeignWatch) -> ForeignWatchStore.Record {
        let dialog = watch.dialog
        let isInside = watch.isEstablished
        return ForeignWatchStore.Record(
            watcher: watch.name.watcher, target: watch.name.target, isApproved: watch.isApproved,
            callID: dialog.callID.array, localTag: dialog.localTag.array,
            remoteTag: isInside ? dialog.remoteTag?.array ?? [] : [], remoteTarget: dialog.remoteTarget?.array ?? [],
            routes: dialog.routes.map(\.array), cseq: Int64(dialog.cseq), remoteCSeq: Int64(dialog.remoteCSeq),
            expires: server.time.now + max(0, watch.expires - now) * 1_000)
    }

    // MARK: After a restart

    /// Takes up dialogs that have not run out, and asks again for those whose person has not answered.
    func restore() {
        server.router.journal.perform({ try ForeignWatchStore.load(in: $0) }) { [weak self] result in
            guard let self, case .success(let records) = result else { return }
            for record in records { take(record) }
        }
    }

    private func take(_ record: ForeignWatchStore.Record) {
        let name = ForeignWatch.Name(watcher: record.watcher, target: record.target)
        let left = (record.expires - server.time.now) / 1_000
        guard watches[name] == nil else { return }
        let watch = insert(name)
        watch.isStored = true
        watch.isApproved = record.isApproved
        guard left > 0, !record.remoteTag.isEmpty else {
            // Asked anew when one of the user's clients comes; or now, while there is no answer.
            return record.isApproved ? end(watch) : schedule(watch, now + 1)
        }
        watch.dialog.resume(
            callID: record.callID, localTag: record.localTag, remoteTag: record.remoteTag,
            remoteTarget: record.remoteTarget, routes: record.routes, cseq: record.cseq,
            remoteCSeq: record.remoteCSeq)
        watch.isEstablished = true
        watch.expires = now + left
        server.dialogs.addHalf(watch, callID: watch.dialog.callID, localTag: watch.dialog.localTag)
        schedule(watch, now + Self.refresh(left))
    }
}
