import Ground
import Logging
import NIOCore
import Storage

/// What "acknowledged" survives (setting `storage.durability`).
public enum Durability: String, Sendable { case power, process, memory }

/// The journal: a message is in it from acceptance until a recipient's client has it.
///
/// Commits are gathered: everything that waits goes into one transaction, on the storage thread, while the
/// loop goes on. A message that a client has in hand is given one to two gather windows to be acknowledged; if it
/// is, it is settled and never written. Other durable changes (roster, blocking, last activity) travel in the
/// same transactions, and so do the messages that archives keep (docs/decisions/0009): those are written once whether
/// they are settled or not. Confined to its event loop.
public final class Journal {
    private struct Operation {
        let body: @Sendable (any Transaction) throws -> Void
        let completion: ((any Error)?) -> Void
    }

    private let database: any Database
    private let loop: NIOIsolatedEventLoop
    private let time: any TimeSource
    private let logger: Logger
    /// Changes live; the engine's own flushing is set when it is opened.
    public var durability: Durability
    public var gatherWindow: TimeAmount

    private var ids: MessageIDSource
    /// Accepted in this gather window, and in the one before it.
    private var gathering: [JournalEntry] = []
    private var aging: [JournalEntry] = []
    private var deletions: [Int64] = []
    private var operations: [Operation] = []
    private var isCommitting = false
    /// The last commit failed; what was accepted since is in memory only.
    public private(set) var isFailing = false
    private var timer: Scheduled<Void>?
    /// The timer was set for deletions only.
    private var isTimerLazy = false
    private var idleWaiters: [() -> Void] = []
    /// Archived messages that are not committed, and committed ones that are not in the index of their archives.
    private var unwritten = 0
    private var unindexed = 1
    private var wantsIndex = false
    /// Everything committed up to here is in the index, or will be with the commit under way.
    private var indexedUpTo: Int64 = 0
    /// What became of the last messages.
    public let trail = MessageTrail()
    /// Names of message ids outside.
    public let names: OpaqueIDs
    public private(set) var commits = 0
    /// From acceptance until a client has a message, of those that somebody was there for; one of sixteen under load.
    public private(set) var latency = Histogram()
    private static let latencySample: Int64 = 15
    /// Messages that wait for a commit.
    public var waiting: Int { gathering.count + aging.count }
    public private(set) var rowsWritten = 0

    /// Entries that may wait for a commit; past it new messages are refused (the disk does not keep up).
    public static let capacity = 200_000

    public init(
        database: any Database, lastID: MessageID, names: OpaqueIDs = OpaqueIDs(), durability: Durability,
        gatherWindow: TimeAmount, loop: NIOIsolatedEventLoop, time: any TimeSource, logger: Logger
    ) {
        self.names = names
        self.database = database
        self.durability = durability
        self.gatherWindow = gatherWindow
        self.loop = loop
        self.time = time
        self.logger = logger
        ids = MessageIDSource(after: lastID)
    }

    /// Rows of settled messages may stay a little: after a crash they are at worst delivered again, with the same id.
    private static let deletionWindow = TimeAmount.milliseconds(50)

    public var isFull: Bool {
        let waiting = gathering.count + aging.count
        // With a failing disk nothing leaves: then far fewer are kept, whatever their size.
        return waiting >= (isFailing ? Self.capacityWhenFailing : Self.capacity)
    }

    static let capacityWhenFailing = 2_000

    /// Settled messages whose rows are still there.
    var pendingDeletions: Set<Int64> { Set(deletions) }

    public func nextID() -> MessageID { ids.next(now: time.now) }

    /// Takes responsibility for a message; `origin` is told when it is safe: settled or durable, or, when an archive
    /// keeps it, durable.
    func accept(
        id: MessageID, userID: Int64, bytes: [UInt8], record: ArchiveRecord? = nil, origin: (any MessageOrigin)?,
        number: UInt64
    ) -> JournalEntry {
        let entry = JournalEntry(id: id, userID: userID, bytes: bytes, state: .gathering)
        entry.origin = origin
        entry.originNumber = number
        if durability == .memory { entry.acknowledge() }
        if let record {
            entry.record = record
            unwritten += 1
        }
        if durability != .memory || record != nil {
            gathering.append(entry)
            arm()
        }
        return entry
    }

    /// A row read back from the database, for delivery.
    func restored(id: MessageID, userID: Int64, bytes: [UInt8]) -> JournalEntry {
        let entry = JournalEntry(id: id, userID: userID, bytes: bytes, state: .durable)
        entry.isRestored = true
        return entry
    }

    /// Nobody has the message now: it must be a row, whatever the durability.
    func store(_ entry: JournalEntry) {
        guard durability == .memory, !entry.isSettled, !entry.mustStore else { return }
        entry.mustStore = true
        // One that an archive keeps waits for its commit already, or that is under way.
        guard entry.state == .gathering, entry.record == nil else { return }
        gathering.append(entry)
        arm()
    }

    /// A recipient's client has the message.
    ///
    /// - Parameters:
    ///   - client: its full address, for the trail; empty where nobody has it and nobody will.
    ///   - note: how it got there, for the trail.
    public func settle(_ entry: JournalEntry, by client: [UInt8] = [], _ note: String = "") {
        guard !entry.isSettled else { return }
        entry.isSettled = true
        if !client.isEmpty { trail.note(entry.id, .settled, client, note, at: time.now) }
        if entry.id.value & Self.latencySample == 0, !entry.isRestored, !entry.isParked {
            latency.add(milliseconds: time.now - entry.id.acceptedAt)
        }
        let isAwaited = entry.record != nil
        if entry.state == .committing || entry.state == .durable {
            deletions.append(entry.id.value)
            arm(Self.deletionWindow)
        }
        guard !isAwaited else { return }
        entry.state = .settled
        entry.acknowledge()
    }

    /// Runs `body` once everything accepted so far can be found in the archives.
    public func whenIndexed(_ body: @escaping () -> Void) {
        guard unwritten > 0 || unindexed > 0 else { return body() }
        wantsIndex = true
        // Also when the commit failed: what is committed is there to be read.
        perform({ _ in }) { _ in body() }
        flush()
    }

    /// Enters what is committed into the index of its archives, with the next commit.
    func indexSoon() {
        guard unindexed > 0, !wantsIndex else { return }
        wantsIndex = true
        arm()
    }

    /// Runs `body` in the next commit; `completion` runs on the loop, after the commit or the failure.
    ///
    /// Operations and messages commit in the order given.
    public func perform(
        _ body: @escaping @Sendable (any Transaction) throws -> Void,
        completion: @escaping ((any Error)?) -> Void = { _ in }
    ) {
        operations.append(Operation(body: body, completion: completion))
        arm()
    }

    /// As `perform`, with a value.
    public func perform<Value: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Value,
        then: @escaping (Result<Value, any Error>) -> Void
    ) {
        let outcome = Outcome<Value>()
        perform({ outcome.value = try body($0) }) { error in
            if let value = outcome.value, error == nil {
                then(.success(value))
            } else {
                then(.failure(error ?? StorageFailure("the transaction returned nothing")))
            }
        }
    }

    /// Commits what waits without gathering further.
    public func flush() {
        timer?.cancel()
        timer = nil
        aging += gathering
        gathering.removeAll(keepingCapacity: true)
        commit()
    }

    /// Calls back once nothing waits and nothing is under way.
    public func whenIdle(_ body: @escaping () -> Void) {
        idleWaiters.append(body)
        if isCommitting { return }
        flush()
        finishIfIdle()
    }

    /// Nothing waits for a commit and none is under way.
    var isIdle: Bool { !isCommitting && !hasWork }

    private var hasWork: Bool {
        !gathering.isEmpty || !aging.isEmpty || !deletions.isEmpty || !operations.isEmpty || wantsIndex
    }

    private func arm(_ delay: TimeAmount? = nil) {
        let delay = delay ?? gatherWindow
        guard !isCommitting else { return }
        if timer != nil {
            // Something urgent does not wait for the deletions.
            guard isTimerLazy, delay < Self.deletionWindow else { return }
            timer?.cancel()
        }
        isTimerLazy = delay >= Self.deletionWindow
        timer = loop.scheduleTask(in: delay) { [weak self] in
            self?.timer = nil
            self?.windowPassed()
        }
    }

    /// What has had its chance to be settled is written; what is new and in a client's hands gets its own.
    private func windowPassed() {
        var young: [JournalEntry] = []
        for entry in gathering where entry.state == .gathering {
            let mayBeSettled = entry.holders > 0 && !entry.isSettled && gatherWindow > .zero
            if mayBeSettled { young.append(entry) } else { aging.append(entry) }
        }
        gathering = []
        if aging.contains(where: { $0.state == .gathering }) || !operations.isEmpty || !deletions.isEmpty || wantsIndex
        {
            commit()
        } else {
            aging.removeAll(keepingCapacity: true)
        }
        // They have had their window, even if a commit is under way: the next one takes them, or a busy server never would.
        aging = young
        if !young.isEmpty { arm() } else if !hasWork { finishIfIdle() }
    }

    private func commit() {
        guard !isCommitting else { return }
        var rows: [JournalRow] = []
        var batch: [JournalEntry] = []
        for entry in aging where entry.state == .gathering {
            entry.state = .committing
            // What only an archive keeps needs no row of its own with durability memory.
            entry.isStored = !entry.isSettled && (durability != .memory || entry.mustStore)
            batch.append(entry)
            rows.append(
                JournalRow(
                    id: entry.id, userID: entry.userID, stanza: entry.bytes, record: entry.record,
                    isArchived: entry.isArchived, isUnsettled: entry.isStored))
        }
        aging.removeAll(keepingCapacity: aging.count < 10_000)
        let removed = deletions
        deletions = []
        let work = operations
        operations = []
        guard !rows.isEmpty || !removed.isEmpty || !work.isEmpty || wantsIndex else { return finishIfIdle() }
        isCommitting = true
        let indexed = indexedUpTo
        let indexes = wantsIndex || unindexed + rows.count >= Self.indexBatch
        if indexes {
            wantsIndex = false
            unindexed = 0
            // Younger ones may be waiting still; they are entered one by one when they come.
            indexedUpTo = max(indexedUpTo, ids.latest.value)
        }
        let commit = JournalCommit(
            rows: rows, deletions: removed, bodies: work.map(\.body), indexed: indexed,
            indexUpTo: indexes ? indexedUpTo : nil)
        let finish = NIOLoopBound(
            { [weak self] (failure: (any Error)?, failures: [Int: any Error]) in
                self?.finished(batch, removed, work, failure, failures)
            } as ((any Error)?, [Int: any Error]) -> Void, eventLoop: loop.nonisolated())
        let eventLoop = loop.nonisolated()
        let outcome = Outcome<[Int: any Error]>()
        database.write(
            { outcome.value = try commit.run($0) },
            completion: { error in
                eventLoop.execute { finish.value(error, outcome.value ?? [:]) }
            })
    }

    private func finished(
        _ batch: [JournalEntry], _ removed: [Int64], _ work: [Operation], _ failure: (any Error)?,
        _ failures: [Int: any Error]
    ) {
        isCommitting = false
        if let failure {
            // Nothing of the batch is durable: nobody is told so, and it is tried again.
            isFailing = true
            logger.error("commit failed, trying again in a second", metadata: ["error": "\(failure)"])
            for entry in batch where entry.state == .committing { entry.state = .gathering }
            aging.insert(contentsOf: batch.filter { $0.state == .gathering }, at: 0)
            deletions.insert(contentsOf: removed, at: 0)
            operations.insert(contentsOf: work, at: 0)
            unindexed += 1
            wantsIndex = true
            isTimerLazy = false
            timer = loop.scheduleTask(in: .seconds(1)) { [weak self] in
                self?.timer = nil
                self?.flush()
            }
            return
        }
        isFailing = false
        commits += 1
        rowsWritten += batch.count
        for entry in batch {
            if entry.record != nil {
                entry.record = nil
                entry.isArchived = true
                unwritten -= 1
                if entry.id.value > indexedUpTo { unindexed += 1 }
            }
            if entry.state == .committing {
                entry.state = entry.isSettled ? .settled : entry.isStored ? .durable : .gathering
                // Its client went away while it was written for the archive alone.
                if entry.state == .gathering, entry.mustStore { gathering.append(entry) }
            }
            entry.acknowledge()
        }
        for (index, operation) in work.enumerated() { operation.completion(failures[index]) }
        guard hasWork, idleWaiters.isEmpty else { return finishIfIdle() }
        arm(gathering.isEmpty && aging.isEmpty && operations.isEmpty ? Self.deletionWindow : nil)
    }

    /// Archived messages that are entered into the index at a time.
    static let indexBatch = 1_000

    private func finishIfIdle() {
        guard !idleWaiters.isEmpty, !isCommitting else { return }
        if hasWork { return flush() }
        let waiters = idleWaiters
        idleWaiters = []
        for waiter in waiters { waiter() }
    }
}
