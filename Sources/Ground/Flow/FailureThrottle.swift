/// Counts failures by key in a sliding window, a minute as a rule; refuses a key that has too many.
///
/// Bounded: at most 65,536 keys; when full, keys whose time is over are dropped first, then all.
public struct FailureThrottle: Sendable {
    private struct Window {
        var start: Int64
        var current: Int
        var previous: Int
    }

    /// Failures allowed in the window; may change at any time.
    public var limit: Int
    private let window: Int64
    private var windows: [String: Window] = [:]

    /// - Parameters:
    ///   - limit: failures allowed in the window.
    ///   - window: milliseconds.
    public init(limit: Int, window: Int64 = 60_000) {
        self.limit = limit
        self.window = window
    }

    /// Whether another attempt is allowed now.
    public func allows(_ key: String, uptime: Int64) -> Bool {
        guard let entry = windows[key] else { return true }
        let age = uptime - entry.start
        if age >= 2 * window { return true }
        if age >= window { return weighted(previous: entry.current, current: 0, age: age - window) < limit }
        return weighted(previous: entry.previous, current: entry.current, age: age) < limit
    }

    public mutating func failed(_ key: String, uptime: Int64) {
        if windows.count >= 65_536 {
            windows = windows.filter { uptime - $0.value.start < 2 * window }
            if windows.count >= 65_536 { windows.removeAll() }
        }
        var entry = windows[key] ?? Window(start: uptime, current: 0, previous: 0)
        let age = uptime - entry.start
        if age >= 2 * window {
            entry = Window(start: uptime, current: 0, previous: 0)
        } else if age >= window {
            entry = Window(start: entry.start + window, current: 0, previous: entry.current)
        }
        entry.current += 1
        windows[key] = entry
    }

    public mutating func succeeded(_ key: String) { windows[key] = nil }

    private func weighted(previous: Int, current: Int, age: Int64) -> Int {
        current + Int(Int64(previous) * (window - age) / window)
    }
}
