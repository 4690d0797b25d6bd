import Ground

/// Requests a second of each address (setting `sip.requests_per_second`), bursts of twice as many.
struct RequestRates {
    private var rates: [UInt64: RateLimiter] = [:]
    private static let capacity = 20_000

    /// - Parameters:
    ///   - rate: a second, more than 0.
    ///   - uptime: milliseconds.
    mutating func allows(_ remote: TransportAddress, rate: Int, _ uptime: Int64) -> Bool {
        // Who is forgotten may send one burst more.
        if rates.count >= Self.capacity { rates.removeAll(keepingCapacity: true) }
        let fresh = RateLimiter(rate: rate, burst: rate * 2, uptime: uptime)
        return rates[remote.origin, default: fresh].take(1, uptime: uptime) == 0
    }

    /// Another rate is in force.
    mutating func forget() { rates.removeAll() }
}
