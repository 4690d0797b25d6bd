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
/// same transactions. Confined to its event loop.
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
    private(set) var isFailing = false
    private var timer: Scheduled<Void>?
    /// The timer was set for deletions only.
    private var isTimerLazy = false
    private var idleWaiters: [() -> Void] = []
    public private(set) var commits = 0
    public private(set) var rowsWritten = 0

    /// Entries that may wait for a commit; past it new messages are refused (the disk does not keep up).
    public static let capacity = 200_000

    public init(
        database: any Database, lastID: MessageID, durability: Durability, gatherWindow: TimeAmount,
        loop: NIOIsolatedEventLoop, time: any TimeSource, logger: Logger
    ) {
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

    /// Takes responsibility for a message; `origin` is told when it is safe.
    func accept(
        id: MessageID, userID: Int64, bytes: [UInt8], origin: (any MessageOrigin)?, number: UInt64
    ) -> JournalEntry {
        let entry = JournalEntry(id: id, userID: userID, bytes: bytes, state: .gathering)
        entry.origin = origin
        entry.originNumber = number
        if durability == .memory {
            entry.acknowledge()
        } else {
            gathering.append(entry)
            arm()
        }
        return entry
    }

    /// A row read back from the database, for delivery.
    func restored(id: MessageID, userID: Int64, bytes: [UInt8]) -> JournalEntry {
        JournalEntry(id: id, userID: userID, bytes: bytes, state: .durable)
    }

    /// Nobody has the message now: it must be a row, whatever the durability.
    func store(_ entry: JournalEntry) {
        guard durability == .memory, entry.state == .gathering, !entry.mustStore else { return }
        entry.mustStore = true
        gathering.append(entry)
        arm()
    }

    /// A recipient's client has the message.
    public func settle(_ entry: JournalEntry) {
        switch entry.state {
        case .settled: return
        case .gathering: entry.state = .settled
        case .committing, .durable:
            entry.state = .settled
            deletions.append(entry.id.value)
            arm(Self.deletionWindow)
        }
        entry.acknowledge()
    }

    /// The message cannot be delivered nor stored; its sender is told by an error, which settles it.
    func refuse(_ entry: JournalEntry) { settle(entry) }

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
        !gathering.isEmpty || !aging.isEmpty || !deletions.isEmpty || !operations.isEmpty
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
            if entry.holders > 0, gatherWindow > .zero { young.append(entry) } else { aging.append(entry) }
        }
        gathering = []
        if aging.contains(where: { $0.state == .gathering }) || !operations.isEmpty || !deletions.isEmpty {
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
        var rows: [(Int64, Int64, [UInt8])] = []
        var batch: [JournalEntry] = []
        for entry in aging where entry.state == .gathering {
            entry.state = .committing
            batch.append(entry)
            rows.append((entry.id.value, entry.userID, entry.bytes))
        }
        aging.removeAll(keepingCapacity: aging.count < 10_000)
        let removed = deletions
        deletions = []
        let work = operations
        operations = []
        guard !rows.isEmpty || !removed.isEmpty || !work.isEmpty else { return finishIfIdle() }
        isCommitting = true
        let commit = Commit(rows: rows, deletions: removed, bodies: work.map(\.body))
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
            if entry.state == .committing { entry.state = .durable }
            entry.acknowledge()
        }
        for (index, operation) in work.enumerated() { operation.completion(failures[index]) }
        guard hasWork, idleWaiters.isEmpty else { return finishIfIdle() }
        arm(gathering.isEmpty && aging.isEmpty && operations.isEmpty ? Self.deletionWindow : nil)
    }

    private func finishIfIdle() {
        guard !idleWaiters.isEmpty, !isCommitting else { return }
        if hasWork { return flush() }
        let waiters = idleWaiters
        idleWaiters = []
        for waiter in waiters { waiter() }
    }
}

/// One transaction of the journal.
private struct Commit: Sendable {
    let rows: [(Int64, Int64, [UInt8])]
    let deletions: [Int64]
    let bodies: [@Sendable (any Transaction) throws -> Void]

    /// Messages first: an operation that reads the journal sees what was accepted before it.
    /// - Returns: the operations that failed, by index; they changed nothing, the rest is committed. What fails for
    ///   the disk's sake fails the whole commit, which is tried again: the homes have the change already.
    func run(_ transaction: any Transaction) throws -> [Int: any Error] {
        for (id, userID, stanza) in rows {
            // The account may have been removed meanwhile; then nobody is left to receive the message.
            // The row may be there: a commit can reach the disk and still be reported as failed.
            try transaction.execute(
                """
                INSERT INTO journal (id, user_id, stanza) SELECT ?, id, ? FROM users WHERE id = ?
                ON CONFLICT (id) DO NOTHING
                """,
                [.integer(id), .blob(stanza), .integer(userID)])
        }
        for id in deletions { try transaction.execute("DELETE FROM journal WHERE id = ?", [.integer(id)]) }
        var failures: [Int: any Error] = [:]
        for (index, body) in bodies.enumerated() {
            do {
                try transaction.savepoint { try body(transaction) }
            } catch let failure as StorageFailure where failure.isTransient {
                throw failure
            } catch {
                failures[index] = error
            }
        }
        return failures
    }
}
