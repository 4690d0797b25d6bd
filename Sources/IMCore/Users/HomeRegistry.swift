import Ground
import Logging
import NIOCore
import Storage
import XMPPWire

/// Every home that is in memory, by bare address. Homes are read on demand and forgotten when idle.
public final class HomeRegistry {
    private enum Slot {
        case loading
        case ready(UserHome)
    }

    private final class Entry {
        var slot = Slot.loading
        var waiters: [(UserHome?) -> Void] = []
        /// What is being read may be outdated already.
        var isOutdated = false
    }

    private let database: any Database
    private let journal: Journal
    private let loop: NIOIsolatedEventLoop
    private let time: any TimeSource
    private let logger: Logger
    var forkSilence: Int64
    var policies = PolicyTable()
    /// Called with every home that comes into memory, before whoever waits for it.
    var whenLoaded: [(UserHome) -> Void] = []
    private var homes = ByteTable<Entry>()
    private var reading: [ObjectIdentifier: Entry] = [:]

    /// How long a home without clients stays in memory, milliseconds.
    static let idleTime: Int64 = 60_000

    init(
        database: any Database, journal: Journal, loop: NIOIsolatedEventLoop, time: any TimeSource, logger: Logger,
        forkSilence: Int64
    ) {
        self.database = database
        self.journal = journal
        self.loop = loop
        self.time = time
        self.logger = logger
        self.forkSilence = forkSilence
    }

    public var count: Int { homes.count }

    /// The home if it is in memory; `address` is a prepared bare address.
    public func loaded(_ address: UnsafeRawBufferPointer) -> UserHome? {
        guard let entry = homes[address], case .ready(let home) = entry.slot else { return nil }
        return home
    }

    func loaded(_ address: [UInt8]) -> UserHome? { address.withUnsafeBytes { loaded($0) } }

    public func loaded(_ jid: JID) -> UserHome? { loaded(Array(jid.bare.description.utf8)) }

    public func forEach(_ body: (UserHome) -> Void) {
        homes.forEach { if case .ready(let home) = $0.slot { body(home) } }
    }

    /// Calls back with the home, read from the store if need be; nil when there is no such account.
    ///
    /// Calls back at once when it is in memory. Callbacks of one address run in the order of the calls.
    public func withHome(_ jid: JID, _ body: @escaping (UserHome?) -> Void) {
        let address = Array(jid.bare.description.utf8)
        if let entry = homes[address] {
            switch entry.slot {
            case .ready(let home):
                home.lastUse = time.uptime
                return body(home)
            case .loading: return entry.waiters.append(body)
            }
        }
        let entry = Entry()
        entry.waiters.append(body)
        homes[address] = entry
        reading[ObjectIdentifier(entry)] = entry
        load(jid.bare, address)
    }

    /// Calls back when every home that is being read now is there: what waits for it has happened by then.
    func whenRead(_ body: @escaping () -> Void) {
        guard !reading.isEmpty else { return body() }
        var left = reading.count
        for entry in reading.values {
            entry.waiters.append { _ in
                left -= 1
                if left == 0 { body() }
            }
        }
    }

    private func load(_ jid: JID, _ address: [UInt8]) {
        let outcome = Outcome<HomeRecord?>()
        let finish = NIOLoopBound(
            { [weak self] (error: (any Error)?) in self?.finished(jid, address, outcome.value ?? nil, error) },
            eventLoop: loop.nonisolated())
        let eventLoop = loop.nonisolated()
        database.read(
            { outcome.value = try HomeRecord.load(jid, in: $0) },
            completion: { error in eventLoop.execute { finish.value(error) } })
    }

    private func finished(_ jid: JID, _ address: [UInt8], _ record: HomeRecord?, _ error: (any Error)?) {
        guard let entry = homes[address], case .loading = entry.slot else { return }
        if entry.isOutdated {
            entry.isOutdated = false
            return load(jid, address)
        }
        if let error {
            // Not the same as "no such account": whoever waits goes on waiting until the store answers.
            logger.error("cannot read an account, trying again in a second", metadata: ["error": "\(error)"])
            loop.scheduleTask(in: .seconds(1)) { [weak self] in self?.load(jid, address) }
            return
        }
        reading[ObjectIdentifier(entry)] = nil
        let waiters = entry.waiters
        entry.waiters = []
        var home: UserHome?
        if let record {
            let made = UserHome(record: record, forkSilence: forkSilence)
            made.policy = policies.policy(for: jid)
            made.toldSharing = made.policy.values.presence.sharing
            made.lastUse = time.uptime
            entry.slot = .ready(made)
            home = made
            for told in whenLoaded { told(made) }
        } else {
            homes[address] = nil
        }
        for waiter in waiters { waiter(home) }
    }

    /// The account changed in the store: if it is being read, that does not count.
    func readAgain(_ jid: JID) {
        if let entry = homes[Array(jid.bare.description.utf8)], case .loading = entry.slot { entry.isOutdated = true }
    }

    /// The account is gone: its home is forgotten at once.
    func remove(_ home: UserHome) {
        home.isRemoved = true
        home.isForgotten = true
        homes[home.address] = nil
    }

    /// Forgets homes that nobody needs now, those unused for longest first, until so many are left: whoever goes
    /// through everybody's homes must not fill the memory with them.
    public func shed(keeping limit: Int) {
        guard homes.count > limit, !journal.isFailing else { return }
        var idle: [UserHome] = []
        homes.forEach { if case .ready(let home) = $0.slot, isIdle(home) { idle.append(home) } }
        guard idle.count > limit else { return }
        idle.sort { $0.lastUse < $1.lastUse }
        for home in idle.prefix(idle.count - limit) {
            home.isForgotten = true
            homes[home.address] = nil
        }
    }

    /// It holds nothing that the store does not have.
    private func isIdle(_ home: UserHome) -> Bool {
        !home.endpoints.contains(where: \.keepsHome) && home.replay == nil && home.pendingWrites == 0
            && !home.pushes.contains(where: \.isBusy)
    }

    /// Forgets homes that nobody has used for a while and that hold nothing the store does not have.
    func evictIdle(uptime: Int64) {
        // While the disk fails, what was accepted may be in memory only.
        guard !journal.isFailing else { return }
        for entry in homes.values {
            guard case .ready(let home) = entry.slot, isIdle(home), uptime - home.lastUse > Self.idleTime
            else { continue }
            home.isForgotten = true
            homes[home.address] = nil
        }
    }
}
