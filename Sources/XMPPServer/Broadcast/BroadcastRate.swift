/// How many recipients each user has addressed within the current minute.
struct BroadcastRate {
    private struct Use {
        var since: Int64
        var count: Int
    }

    static let window: Int64 = 60_000
    /// Users remembered; past it those whose minute is over are forgotten.
    private static let capacity = 10_000
    private var uses: [Int64: Use] = [:]

    /// False, and nothing is counted, when that many more would pass `limit`; zero is unlimited.
    mutating func take(_ count: Int, of user: Int64, limit: Int, uptime: Int64) -> Bool {
        guard limit > 0 else { return true }
        if uses.count >= Self.capacity { uses = uses.filter { uptime - $0.value.since < Self.window } }
        var use = uses[user] ?? Use(since: uptime, count: 0)
        if uptime - use.since >= Self.window { use = Use(since: uptime, count: 0) }
        guard use.count + count <= limit else { return false }
        use.count += count
        uses[user] = use
        return true
    }
}
