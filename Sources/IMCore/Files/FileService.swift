import Ground
import Logging
import NIOCore
import Storage
import XMPPWire

/// Files of users: slots, quotas, retention; what stands in the store and what lies on the disk. Confined to the loop of
/// the router.
public final class FileService {
    /// Slots at a time, those that ended a short while ago included.
    static let slotsAtMost = 20_000
    /// Milliseconds for which a slot that ended is told from one that never was.
    static let memory: Int64 = 600_000
    static let day: Int64 = 86_400_000
    /// Files removed in one go.
    static let sweepBatch = 100
    /// Milliseconds.
    static let sweepInterval: Int64 = 3_600_000

    public let folder: FileFolder
    /// May change at any time.
    public var limits: FileLimits
    private let router: Router
    private var slots: [String: FileSlot] = [:]
    private var transfers = 0
    private var nextCleaning: Int64 = 0
    /// Monotonic milliseconds; nil while a sweep is under way.
    private var nextSweep: Int64? = 0
    private var mustSweepAgain = false

    public init(folder: FileFolder, limits: FileLimits, router: Router) {
        self.folder = folder
        self.limits = limits
        self.router = router
        router.whenAccountRemoved.append { [weak self] in self?.accountRemoved($0) }
    }

    private var uptime: Int64 { router.time.uptime }

    // MARK: Slots

    /// Gives leave to upload a file.
    public func requestSlot(
        _ file: FileRequest, of home: UserHome, then: @escaping (Result<FileSlot, SlotRefusal>) -> Void
    ) {
        guard file.size <= limits.largest else { return then(.failure(.tooLarge(limit: limits.largest))) }
        let userID = home.id
        let (since, limit) = (router.time.now - Self.day, limits.dailyFiles)
        read({ try FileStore.uses(of: userID, since: since, limit: limit, in: $0) }) { [self] uses in
            guard let uses, !home.isRemoved else { return then(.failure(.failed)) }
            let now = router.time.now
            let open = slots.values.filter { $0.userID == userID && $0.state != .used && $0.endsAt > uptime }
            if let until = room(for: file.size, uses, open, now: now) { return then(.failure(.quota(until: until))) }
            if slots.count >= Self.slotsAtMost { forgetSlots(endedFor: 0) }
            guard slots.count < Self.slotsAtMost else {
                return then(.failure(.quota(until: now + limits.slotTime)))
            }
            let slot = FileSlot(file, owner: home.jid, userID: userID, endsAt: uptime + limits.slotTime)
            slots[slot.secret] = slot
            then(.success(slot))
        }
    }

    /// Nil when there is room, else when there will be.
    private func room(for size: Int, _ uses: [FileStore.Use], _ open: [FileSlot], now: Int64) -> Int64? {
        let waiting = open.map { FileStore.Use(at: now + $0.endsAt - uptime, size: $0.file.size) }
        if open.count >= limits.slotsPerUser { return waiting.map(\.at).min() }
        let ends = (uses.map { FileStore.Use(at: $0.at + Self.day, size: $0.size) } + waiting).sorted { $0.at < $1.at }
        return Self.room(for: size, ends, bytes: limits.dailyBytes, files: limits.dailyFiles)
    }

    /// Nil when there is room for a file, else the instant at which enough of `ends`, in order of time, do not count
    /// any more.
    static func room(for size: Int, _ ends: [FileStore.Use], bytes: Int, files: Int) -> Int64? {
        var used = ends.reduce(0) { $0 + $1.size }
        var count = ends.count
        var until: Int64?
        for end in ends {
            if count < files, bytes == 0 || used + size <= bytes { break }
            used -= end.size
            count -= 1
            until = end.at
        }
        return until
    }

    /// Takes a slot for one attempt to upload its file.
    /// - Throws: `SlotProblem`.
    public func take(_ secret: String) throws(SlotProblem) -> FileSlot {
        guard let slot = slots[secret] else { throw .unknown }
        guard slot.state == .open else { throw .taken }
        guard slot.endsAt > uptime else { throw .ended }
        return slot
    }

    /// Begins to take in the file of a slot.
    /// - Throws: `SlotProblem`.
    public func begin(_ slot: FileSlot) throws(SlotProblem) -> FileIntake {
        guard beginTransfer() else { throw .busy }
        slot.state = .taken
        return folder.intake(slot.name, on: router.loop)
    }

    /// The upload broke off: nothing of it is kept, and it may be tried again.
    public func giveUp(_ slot: FileSlot, _ intake: FileIntake) {
        intake.discard()
        endTransfer()
        slot.state = .open
    }

    /// All bytes of a file have come. Calls back once the file can be read, and will be after a crash.
    ///
    /// The row comes first, the file's place after it: a crash in between leaves a row without a file, which is found,
    /// never a file that nobody knows of.
    public func complete(
        _ slot: FileSlot, _ intake: FileIntake, type: String, then: @escaping (FileFailure?) -> Void
    ) {
        let record = FileRecord(
            name: slot.name, filename: slot.file.filename, type: type, size: slot.file.size, storedAt: router.time.now)
        let (userID, owner) = (slot.userID, slot.owner)
        let finish = { [self] (failure: FileFailure?) in
            if let failure {
                router.logger.error("a file was not stored", metadata: ["error": "\(failure)"])
                giveUp(slot, intake)
            } else {
                slot.state = .used
                endTransfer()
            }
            then(failure)
        }
        intake.finish { [self] failure in
            if let failure { return finish(failure) }
            router.journal.perform({ try FileStore.add(record, of: userID, owner, in: $0) }) {
                [self] (result: Result<Bool, any Error>) in
                switch result {
                case .success(false): finish(.missing)
                case .failure(let error): finish(.failed("\(error)"))
                case .success(true):
                    intake.keep { [self] failure in
                        if failure != nil { router.journal.perform({ try FileStore.remove([record.name], in: $0) }) }
                        finish(failure)
                    }
                }
            }
        }
    }

    private func forgetSlots(endedFor time: Int64) {
        let limit = uptime - time
        slots = slots.filter { $0.value.endsAt > limit || $0.value.state == .taken }
    }

    // MARK: Reading

    /// Finds a file. Nil when there is none; a failure when the store cannot be read.
    public func find(_ name: String, then: @escaping (Result<FileRecord?, FileFailure>) -> Void) {
        guard FileFolder.isName(name) else { return then(.success(nil)) }
        read({ try FileStore.file(name, in: $0).map { [$0] } ?? [] }) { found in
            then(found.map { .success($0.first) } ?? .failure(.failed("the store cannot be read")))
        }
    }

    /// Opens a file for reading; `endTransfer` is owed after success.
    public func open(_ file: FileRecord, then: @escaping (Result<FileReader, FileFailure>) -> Void) {
        folder.open(file.name, length: file.size, on: router.loop, then: then)
    }

    /// False when too many are under way.
    public func beginTransfer() -> Bool {
        guard transfers < limits.transfers else { return false }
        transfers += 1
        return true
    }

    public func endTransfer() { transfers -= 1 }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> [Value], then: @escaping ([Value]?) -> Void
    ) {
        let outcome = Outcome<[Value]>()
        let logger = router.logger
        let eventLoop = router.loop.nonisolated()
        let finish = NIOLoopBound(
            { (error: (any Error)?) in
                if let error { logger.error("cannot read about files", metadata: ["error": "\(error)"]) }
                then(error == nil ? outcome.value : nil)
            } as ((any Error)?) -> Void, eventLoop: eventLoop)
        router.database.read(
            { outcome.value = try body($0) }, completion: { error in eventLoop.execute { finish.value(error) } })
    }

    // MARK: Removal

    /// Called before an account is removed, and once it is.
    private func accountRemoved(_ jid: JID) {
        for slot in slots.values where slot.owner == jid.bare && slot.state == .open { slots[slot.secret] = nil }
        if nextSweep == nil { mustSweepAgain = true } else { nextSweep = 0 }
    }

    /// Once a second.
    public func tick(_ uptime: Int64) {
        if uptime >= nextCleaning {
            nextCleaning = uptime + 60_000
            forgetSlots(endedFor: Self.memory)
        }
        guard let due = nextSweep, uptime >= due else { return }
        nextSweep = nil
        sweep()
    }

    /// Removes what is too old, and what belonged to removed accounts: from the disk first, then from the store.
    private func sweep() {
        let instant = limits.retention > 0 ? router.time.now - limits.retention : 0
        read({ try FileStore.ended(before: instant, limit: Self.sweepBatch, in: $0) }) { [self] names in
            guard let names, !names.isEmpty else { return swept(hasMore: false) }
            folder.remove(names, on: router.loop) { [self] result in
                let removed = (try? result.get()) ?? []
                if removed.count < names.count {
                    router.logger.error(
                        "files cannot be removed", metadata: ["count": "\(names.count - removed.count)"])
                }
                guard !removed.isEmpty else { return swept(hasMore: false) }
                router.journal.perform({ try FileStore.remove(removed, in: $0) }) { [self] error in
                    swept(hasMore: error == nil && names.count >= Self.sweepBatch)
                }
            }
        }
    }

    private func swept(hasMore: Bool) {
        let isDue = hasMore || mustSweepAgain
        mustSweepAgain = false
        nextSweep = uptime + (isDue ? 1_000 : Self.sweepInterval)
    }
}
