#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where every other file gets the time from, so that a test can decide it.
public protocol TimeSource: Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    var now: Int64 { get }
    /// Milliseconds on a clock that never jumps; for timeouts.
    var uptime: Int64 { get }
}

/// The machine's clocks.
public struct SystemTime: TimeSource {
    public init() {}

    public var now: Int64 { Self.read(CLOCK_REALTIME) }
    public var uptime: Int64 { Self.read(CLOCK_MONOTONIC) }

    /// Blocks the thread.
    public static func rest(microseconds: Int64) {
        var time = timespec(tv_sec: 0, tv_nsec: Int(min(microseconds, 999_999)) * 1_000)
        nanosleep(&time, nil)
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000
    }
}
