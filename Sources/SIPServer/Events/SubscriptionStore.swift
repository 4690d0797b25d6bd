import IMCore
import SIPWire
import Storage
import XMPPWire

/// SQL of subscriptions: what goes on after a restart.
enum SubscriptionStore {
    static let migration = Migration(
        "sip-subscriptions-1",
        [
            """
            CREATE TABLE sip_subscriptions (
                id BIGINT PRIMARY KEY, package TEXT NOT NULL, target TEXT NOT NULL, watcher TEXT NOT NULL,
                is_local INTEGER NOT NULL, is_list INTEGER NOT NULL, event_id BLOB NOT NULL, head BLOB NOT NULL,
                line_end INTEGER NOT NULL, local_cseq BIGINT NOT NULL, remote_cseq BIGINT NOT NULL,
                version BIGINT NOT NULL, expires_ms BIGINT NOT NULL)
            """
        ])

    struct Record: Sendable {
        var id: Int64
        var package: String
        var target: JID
        var watcher: JID
        var isLocal: Bool
        var isList: Bool
        var eventID: [UInt8]
        var head: [UInt8]
        var lineEnd: Int64
        var localCSeq: Int64
        var remoteCSeq: Int64
        var version: Int64
        var expires: Int64
    }

    static func save(_ record: Record, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO sip_subscriptions (id, package, target, watcher, is_local, is_list, event_id, head, line_end,
                local_cseq, remote_cseq, version, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET head = excluded.head, line_end = excluded.line_end,
                local_cseq = excluded.local_cseq, remote_cseq = excluded.remote_cseq, version = excluded.version,
                expires_ms = excluded.expires_ms
            """,
            [
                .integer(record.id), .text(record.package), .text(record.target.description),
                .text(record.watcher.description), .bool(record.isLocal), .bool(record.isList),
                .blob(record.eventID), .blob(record.head), .integer(record.lineEnd), .integer(record.localCSeq),
                .integer(record.remoteCSeq), .integer(record.version), .integer(record.expires),
            ])
    }

    static func remove(_ id: Int64, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM sip_subscriptions WHERE id = ?", [.integer(id)])
    }

    static func removeExpired(_ now: Int64, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM sip_subscriptions WHERE expires_ms <= ?", [.integer(now)])
    }

    static func load(_ now: Int64, in transaction: any Transaction) throws -> [Record] {
        try transaction.query(
            """
            SELECT id, package, target, watcher, is_local, is_list, event_id, head, line_end, local_cseq, remote_cseq,
                version, expires_ms FROM sip_subscriptions WHERE expires_ms > ? ORDER BY id
            """, [.integer(now)]
        ).compactMap { row in
            guard let target = try? JID(parsing: row.text(2)), let watcher = try? JID(parsing: row.text(3)) else {
                return nil
            }
            return Record(
                id: row.integer(0), package: row.text(1), target: target, watcher: watcher,
                isLocal: row.integer(4) != 0, isList: row.integer(5) != 0, eventID: row.blob(6), head: row.blob(7),
                lineEnd: row.integer(8), localCSeq: row.integer(9), remoteCSeq: row.integer(10),
                version: row.integer(11), expires: row.integer(12))
        }
    }
}

/// Subscriptions that wait to be written.
struct SubscriptionBook {
    var dirty: [Subscription] = []
    var removed: [Int64] = []
    var lastID: Int64 = 0
    var isWriting = false
    /// Rows of one write.
    static let batch = 512
    var lastSweep = Int64.min / 2
}

extension EventEngine {
    /// To be written with the next second's, unless the store has an end that is later.
    func keep(_ subscription: Subscription) {
        let (now, end) = (server.time.now, server.time.now + (subscription.expires - second) * 1_000)
        // A list that came with the request is nowhere but here; its client names it anew.
        guard subscription.list?.given == nil else { return }
        guard subscription.rowID == 0 || subscription.storedExpires < end else { return }
        subscription.storedExpires = end + (end - now)
        guard !subscription.isDirty else { return }
        subscription.isDirty = true
        storage.dirty.append(subscription)
    }

    func forget(_ subscription: Subscription) {
        if subscription.rowID != 0 { storage.removed.append(subscription.rowID) }
    }

    /// Writes what has come together, a batch after the other: a row takes more memory than the subscription.
    ///
    /// - Parameter isLast: the server goes down: all of it at once, also while a write is under way.
    func saveSubscriptions(isLast: Bool = false) {
        if server.time.uptime - storage.lastSweep > 3_600_000 {
            storage.lastSweep = server.time.uptime
            let now = server.time.now
            router.journal.perform { try SubscriptionStore.removeExpired(now, in: $0) }
        }
        guard !storage.dirty.isEmpty || !storage.removed.isEmpty, isLast || !storage.isWriting else { return }
        var records: [SubscriptionStore.Record] = []
        let part = isLast ? storage.dirty[...] : storage.dirty.prefix(SubscriptionBook.batch)
        records.reserveCapacity(part.count)
        for subscription in part {
            subscription.isDirty = false
            // What came and went within the second is never written.
            guard subscription.state != .terminated else { continue }
            if subscription.rowID == 0 {
                storage.lastID = max(storage.lastID + 1, server.time.now << 20)
                subscription.rowID = storage.lastID
            }
            records.append(subscription.record)
        }
        let removed = storage.removed
        storage.dirty.removeFirst(part.count)
        storage.removed.removeAll()
        guard !records.isEmpty || !removed.isEmpty else { return }
        storage.isWriting = true
        router.journal.perform { [records] transaction in
            for record in records { try SubscriptionStore.save(record, in: transaction) }
            for id in removed { try SubscriptionStore.remove(id, in: transaction) }
        } completion: { [weak self] error in
            guard let self else { return }
            storage.isWriting = false
            defer { if !storage.dirty.isEmpty { saveSubscriptions() } }
            if let error { server.logger.error("subscriptions were not stored", metadata: ["error": "\(error)"]) }
        }
    }

    // MARK: After a restart

    /// Takes up what was there before; each watcher is told how things are now, some at a time.
    func restore(_ done: @escaping () -> Void = {}) {
        let now = server.time.now
        router.journal.perform({ try SubscriptionStore.load(now, in: $0) }) { [weak self] result in
            guard let self, case .success(let records) = result else { return done() }
            var restored: [Subscription] = []
            for record in records {
                if let subscription = make(record, now) { restored.append(subscription) }
            }
            resume(restored[...], done)
        }
    }

    private func make(_ record: SubscriptionStore.Record, _ now: Int64) -> Subscription? {
        // The head is a request but for what differs each time.
        let text =
            record.head
            + Array("Via: SIP/2.0/UDP 0.0.0.0;branch=z9hG4bKx\r\nCSeq: 1 NOTIFY\r\nContent-Length: 0\r\n\r\n".utf8)
        var buffer = server.allocator.buffer(capacity: text.count)
        buffer.writeBytes(text)
        guard let message = try? SIPParser.parse(buffer), let package = package(SIPBytes(record.package)),
            record.lineEnd > 17, record.lineEnd < record.head.count, !message.has(.event)
        else {
            storage.removed.append(record.id)
            return nil
        }
        let key = server.dialogs.key(
            callID: message.callID, localTag: message.fromTag, remoteTag: message.toTag)
        guard server.dialogs[key] == nil else { return nil }
        let subscription = Subscription(
            engine: self, resource: makeResource(record.target, package),
            watcher: EventWatcher(jid: record.watcher, isLocal: record.isLocal), key: key, eventID: record.eventID,
            head: record.head, lineEnd: Int(record.lineEnd), remoteCSeq: UInt32(clamping: record.remoteCSeq),
            flow: nil, expires: second + max(1, (record.expires - now) / 1_000))
        // Later than whatever was sent before it was written.
        subscription.localCSeq = UInt32(clamping: record.localCSeq) &+ 1_000_000
        subscription.version = UInt32(clamping: record.version) &+ 100_000
        subscription.rowID = record.id
        subscription.storedExpires = record.expires
        subscription.isHidden = true
        storage.lastID = max(storage.lastID, record.id)
        if record.isList {
            subscription.state = .active
            makeList(subscription)
            subscription.list?.version = Int(subscription.version)
        }
        insert(subscription)
        return subscription
    }

    private func resume(_ subscriptions: ArraySlice<Subscription>, _ done: @escaping () -> Void) {
        guard !subscriptions.isEmpty else { return done() }
        for subscription in subscriptions.prefix(100) where subscription.state != .terminated {
            if subscription.list != nil {
                tell(subscription, forced: true)
            } else {
                // Its right is told with its state, which is not what it starts with.
                resume(subscription)
            }
        }
        let rest = subscriptions.dropFirst(100)
        server.loop.scheduleTask(in: .milliseconds(20)) { [weak self] in self?.resume(rest, done) }
    }

    private func resume(_ subscription: Subscription) {
        let watcher = EventWatcher(jid: subscription.watcher, isLocal: subscription.isLocal)
        let package = subscription.resource.package
        package.admit(watcher, to: subscription.resource.target, mayAsk: false) { [weak self] admission in
            guard let self, subscription.state != .terminated else { return }
            switch admission {
            case .refused: end(subscription, reason: "rejected")
            case .active, .hidden, .pending:
                if case .pending = admission { subscription.state = .pending } else { subscription.state = .active }
                if case .active = admission { subscription.isHidden = false }
                tell(subscription, forced: true)
            }
        }
    }
}

extension Subscription {
    fileprivate var record: SubscriptionStore.Record {
        SubscriptionStore.Record(
            id: rowID, package: resource.package.name, target: resource.target, watcher: watcher, isLocal: isLocal,
            isList: list != nil, eventID: eventID, head: head, lineEnd: Int64(lineEnd), localCSeq: Int64(localCSeq),
            remoteCSeq: Int64(remoteCSeq), version: Int64(version), expires: storedExpires)
    }
}
