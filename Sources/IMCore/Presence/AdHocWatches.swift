import XMPPWire

/// Who watches whose availability without a subscription, and until when (pure but for the clients it names).
///
/// A watch belongs to one client: it ends with its presence session. Confined to the loop of the router.
struct AdHocWatches {
    final class Watch {
        let target: JID
        let endpoint: any Endpoint
        let watcher: UserHome
        /// Monotonic milliseconds.
        fileprivate(set) var deadline: Int64
        fileprivate(set) var hasEnded = false

        fileprivate init(_ target: JID, _ endpoint: any Endpoint, _ watcher: UserHome, deadline: Int64) {
            self.target = target
            self.endpoint = endpoint
            self.watcher = watcher
            self.deadline = deadline
        }
    }

    /// Of one user, where the settings name no number.
    static let technicalLimit = 1_000

    private var byTarget: [JID: [Watch]] = [:]
    private var byWatcher: [JID: [Watch]] = [:]
    /// By the second in which they end, or would have ended before they were prolonged.
    private var bySecond: [Int64: [Watch]] = [:]

    /// Nobody watches anybody: what every broadcast asks first.
    var isEmpty: Bool { byTarget.isEmpty }

    /// Those who watch the target.
    subscript(target: JID) -> [Watch] { byTarget[target] ?? [] }

    func count(of target: JID) -> Int { isEmpty ? 0 : byTarget[target]?.count ?? 0 }

    /// Watches of one user's clients, in the order in which they began.
    func watches(by watcher: JID) -> [Watch] { byWatcher[watcher] ?? [] }

    func watch(of target: JID, at endpoint: any Endpoint, _ watcher: UserHome) -> Watch? {
        byWatcher[watcher.jid]?.first { $0.target == target && $0.endpoint === endpoint }
    }

    /// Begins a watch, or prolongs it.
    mutating func set(_ target: JID, at endpoint: any Endpoint, _ watcher: UserHome, deadline: Int64) {
        let watch: Watch
        if let known = self.watch(of: target, at: endpoint, watcher) {
            known.deadline = deadline
            watch = known
        } else {
            watch = Watch(target, endpoint, watcher, deadline: deadline)
            byTarget[target, default: []].append(watch)
            byWatcher[watcher.jid, default: []].append(watch)
        }
        bySecond[(deadline + 999) / 1_000, default: []].append(watch)
    }

    mutating func end(_ watch: Watch) {
        watch.hasEnded = true
        Self.remove(watch, &byTarget, watch.target)
        Self.remove(watch, &byWatcher, watch.watcher.jid)
    }

    private static func remove(_ watch: Watch, _ table: inout [JID: [Watch]], _ key: JID) {
        table[key]?.removeAll { $0 === watch }
        if table[key]?.isEmpty == true { table[key] = nil }
    }

    /// Takes out the watches whose time is over.
    mutating func expire(_ uptime: Int64) -> [Watch] {
        guard !bySecond.isEmpty else { return [] }
        let now = uptime / 1_000
        var due: [Watch] = []
        for second in bySecond.keys.filter({ $0 <= now }).sorted() {
            // One that was prolonged stands with a later second too.
            due += (bySecond.removeValue(forKey: second) ?? []).filter { !$0.hasEnded && $0.deadline <= uptime }
        }
        for watch in due { end(watch) }
        return due
    }
}
