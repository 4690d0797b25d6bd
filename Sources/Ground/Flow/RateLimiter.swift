/// Token bucket: `rate` units a second, bursts of up to `burst` units.
public struct RateLimiter: Sendable {
    private let rate: Int64
    private let burst: Int64
    private var tokens: Int64
    private var last: Int64

    /// - Parameters:
    ///   - rate: units a second; zero means unlimited.
    ///   - burst: greatest number of units at once.
    ///   - uptime: milliseconds, monotonic.
    public init(rate: Int, burst: Int, uptime: Int64) {
        self.rate = Int64(rate)
        self.burst = Int64(burst) * 1_000
        tokens = Int64(burst) * 1_000
        last = uptime
    }

    /// Takes `units` and answers how long to wait, in milliseconds, before more may be taken. Zero means go on.
    public mutating func take(_ units: Int, uptime: Int64) -> Int64 {
        guard rate > 0 else { return 0 }
        if uptime > last {
            tokens = min(burst, tokens &+ min(uptime &- last, 1_000_000) &* rate)
            last = uptime
        }
        tokens &-= Int64(units) &* 1_000
        return tokens >= 0 ? 0 : (-tokens + rate - 1) / rate
    }
}
