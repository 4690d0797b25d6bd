/// Decides how long an event loop rests after a tick, so that one wake-up serves several streams.
///
/// The same idea as interrupt moderation in network cards: at some thousand pieces of work a second each wakes the
/// loop alone, and waking costs more than the work. A rest of half a millisecond collects them. The loop rests only
/// - when there was much to do (`busyWork` in a window of 10 ms),
/// - when a tick did little (`fullTick`): a saturated loop collects by itself,
/// - when it pays: a peer that waits for each answer would only be slowed down.
/// What it is worth is in docs/decisions/0008-wake-pacing.md.
public struct WakePacing: Sendable {
    /// The rest after a tick, in microseconds.
    public static let rest: Int64 = 500
    /// Milliseconds.
    static let window: Int64 = 10
    /// Pieces of work in a window that make the loop busy.
    static let busyWork = 50
    /// Pieces of work in a tick that need no rest.
    static let fullTick = 16
    /// Milliseconds in which rests are not tried again after they did not pay.
    static let refrain: Int64 = 1_000

    private var windowStart: Int64 = 0
    private var work = 0
    private var rests = 0
    private var isPacing = false
    private var refrainUntil: Int64 = 0

    public init() {}

    /// Counts a tick that did `count` pieces of work; returns the microseconds to rest, or 0.
    ///
    /// - Parameter uptime: milliseconds on a clock that never jumps.
    public mutating func rest(after count: Int, uptime: Int64) -> Int64 {
        if uptime - windowStart >= Self.window { endWindow(uptime) }
        work += count
        guard isPacing, count < Self.fullTick else { return 0 }
        rests += 1
        return Self.rest
    }

    private mutating func endWindow(_ uptime: Int64) {
        let isBusy = work >= Self.busyWork && uptime - windowStart < 2 * Self.window
        if isPacing, work < 2 * rests { refrainUntil = uptime + Self.refrain }
        isPacing = isBusy && uptime >= refrainUntil
        windowStart = uptime
        work = 0
        rests = 0
    }
}
