import DequeModule
import NIOCore

/// How often watchers are told that somebody's presence has changed.
public struct PresenceConfig: Sendable {
    /// Changes of all users in a second; zero is unlimited.
    public var changesPerSecond = 0
    /// What one client changes within this time of its user's last change is told together, milliseconds; zero tells
    /// everything at once.
    public var coalesce: Int64 = 250
    public var composer = PresenceComposer()

    public init() {}
}

/// Changes of presence that wait: the oldest first, one for each client, whatever it says meanwhile.
struct PresencePacing {
    struct Waiting {
        let endpoint: any Endpoint
        let home: UserHome
        /// What watchers saw last.
        let before: PresenceStanza
        /// Monotonic milliseconds.
        let due: Int64
    }

    private var waiting: [ObjectIdentifier: Waiting] = [:]
    private var order: Deque<ObjectIdentifier> = []
    /// Thousandths of a change.
    private var credit: Int64 = 0
    private var lastCredit = Int64.min / 2
    var isArmed = false

    var isEmpty: Bool { waiting.isEmpty }

    func isWaiting(_ endpoint: any Endpoint) -> Bool { waiting[ObjectIdentifier(endpoint)] != nil }

    mutating func add(_ change: Waiting) {
        let id = ObjectIdentifier(change.endpoint)
        waiting[id] = change
        order.append(id)
    }

    /// The client is gone, or said something that is told at once.
    mutating func forget(_ endpoint: any Endpoint) {
        guard !waiting.isEmpty else { return }
        waiting[ObjectIdentifier(endpoint)] = nil
        if waiting.isEmpty { order = [] }
    }

    /// The change whose turn it is next.
    mutating func first() -> Waiting? {
        while let id = order.first {
            if let change = waiting[id] { return change }
            order.removeFirst()
        }
        return nil
    }

    mutating func removeFirst() {
        if let id = order.popFirst() { waiting[id] = nil }
    }

    /// Takes one change out of what a second allows; bursts of a tenth of it.
    mutating func take(rate: Int, uptime: Int64) -> Bool {
        guard rate > 0 else { return true }
        let (rate, burst) = (Int64(rate), max(Int64(rate) * 100, 1_000))
        credit = min(burst, credit + min(max(uptime - lastCredit, 0), 60_000) * rate)
        lastCredit = uptime
        guard credit >= 1_000 else { return false }
        credit -= 1_000
        return true
    }
}

/// Telling watchers: the first sight of a client and the last go at once, changes between them as the settings allow.
///
/// What is identical to what watchers have seen is not told again; the last of several changes always is.
extension Router {
    /// - Parameter before: what watchers saw of the client; nil for nothing.
    func announce(_ endpoint: any Endpoint, _ home: UserHome, before: PresenceStanza?) {
        guard let shown = endpoint.availability?.shown else {
            guard before != nil else { return }
            pacing.forget(endpoint)
            return tellWatchers(
                PresenceStanza(type: "unavailable", from: endpoint.address), from: endpoint, home, isGoodbye: true)
        }
        guard let before else { return tellWatchers(shown, from: endpoint, home) }
        guard !pacing.isWaiting(endpoint), before.bytes != shown.bytes else { return }
        let settings = config.presence
        let uptime = time.uptime
        // Whoever waits already goes first.
        let mayGo = uptime - home.lastPresenceChange >= settings.coalesce
        if mayGo, settings.changesPerSecond == 0 || pacing.isEmpty,
            pacing.take(rate: settings.changesPerSecond, uptime: uptime)
        {
            home.lastPresenceChange = uptime
            return tellWatchers(shown, from: endpoint, home)
        }
        pacing.add(
            .init(endpoint: endpoint, home: home, before: before, due: mayGo ? uptime : uptime + settings.coalesce))
        armPacing()
    }

    /// Tells what has waited long enough.
    func sendWaitingPresence() {
        let uptime = time.uptime
        let rate = config.presence.changesPerSecond
        while let change = pacing.first(), change.due <= uptime {
            guard let shown = change.endpoint.availability?.shown, shown.bytes != change.before.bytes else {
                pacing.removeFirst()
                continue
            }
            guard pacing.take(rate: rate, uptime: uptime) else { break }
            pacing.removeFirst()
            change.home.lastPresenceChange = uptime
            tellWatchers(shown, from: change.endpoint, change.home)
        }
        armPacing()
    }

    private func armPacing() {
        guard !pacing.isArmed, let next = pacing.first() else { return }
        pacing.isArmed = true
        let wait = max(next.due - time.uptime, config.presence.changesPerSecond > 0 ? 5 : 1)
        loop.scheduleTask(in: .milliseconds(wait)) { [weak self] in
            self?.pacing.isArmed = false
            self?.sendWaitingPresence()
        }
    }
}
