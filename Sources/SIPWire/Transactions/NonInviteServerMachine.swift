/// Server transaction of anything but INVITE and ACK (RFC 3261 §17.2.2, RFC 4320 §4).
///
/// Times are monotonic milliseconds. It starts where something is to be waited for: what is answered at once needs only
/// its response kept until repetitions of the request cannot come any more (timer J).
public struct NonInviteServerMachine: Sendable {
    public enum State: UInt8, Sendable { case trying, proceeding, completed, terminated }

    public private(set) var state = State.trying
    /// The next call of `timer`; `Int64.max` for none.
    public private(set) var deadline: Int64
    private let isReliable: Bool
    private var endsAt: Int64

    public init(isReliable: Bool, timers: SIPTimers, uptime: Int64) {
        self.isReliable = isReliable
        // Nobody listens after 64 T1, and 408 must not be sent (RFC 4320 §4.1).
        endsAt = uptime + timers.giveUp
        deadline = min(uptime + timers.lateTrying, endsAt)
    }

    /// The request came again.
    public func repeated() -> TransactionActions {
        state == .proceeding || state == .completed ? .transmit : []
    }

    /// The user answers; without `.transmit` the answer must not be sent: too late, or provisional where none is
    /// allowed (RFC 4320 §4.1: only 100, and over UDP not before the client has slowed down).
    public mutating func respond(_ status: Int, timers: SIPTimers, uptime: Int64) -> TransactionActions {
        guard state == .trying || state == .proceeding else { return [] }
        if status < 200 {
            guard status == 100, isReliable || uptime >= deadline else { return [] }
            state = .proceeding
            deadline = endsAt
            return .transmit
        }
        guard !isReliable else {
            end()
            return [.transmit, .ended]
        }
        state = .completed
        endsAt = uptime + timers.giveUp
        deadline = endsAt
        return .transmit
    }

    public mutating func timer(timers: SIPTimers, uptime: Int64) -> TransactionActions {
        guard state != .terminated, uptime >= deadline else { return [] }
        if uptime >= endsAt {
            let isSilent = state != .completed
            end()
            return isSilent ? [.timedOut, .ended] : .ended
        }
        guard state == .trying else { return [] }
        state = .proceeding
        deadline = endsAt
        return .trying
    }

    private mutating func end() {
        state = .terminated
        deadline = .max
    }
}
