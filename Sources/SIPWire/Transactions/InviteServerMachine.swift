/// Server transaction of an INVITE (RFC 3261 §17.2.1 with the state *accepted* of RFC 6026 §7.1).
///
/// Times are monotonic milliseconds.
public struct InviteServerMachine: Sendable {
    public enum State: UInt8, Sendable { case proceeding, completed, confirmed, accepted, terminated }

    public private(set) var state = State.proceeding
    /// The next call of `timer`; `Int64.max` for none.
    public private(set) var deadline: Int64
    private let isReliable: Bool
    private var hasAnswered = false
    /// Timer G.
    private var interval: Int64
    private var retransmitAt: Int64
    /// End of timer H, I or L.
    private var endsAt: Int64 = .max

    public init(isReliable: Bool, timers: SIPTimers, uptime: Int64) {
        self.isReliable = isReliable
        interval = timers.t1
        retransmitAt = uptime + SIPTimers.inviteTrying
        deadline = retransmitAt
    }

    /// The INVITE came again. In *accepted* the user repeats its 2xx by itself.
    public func repeated() -> TransactionActions {
        switch state {
        case .proceeding: hasAnswered ? .transmit : .trying
        case .completed: .transmit
        case .confirmed, .accepted, .terminated: []
        }
    }

    /// The user answers; without `.transmit` the answer must not be sent.
    public mutating func respond(_ status: Int, timers: SIPTimers, uptime: Int64) -> TransactionActions {
        switch state {
        case .proceeding where status < 200:
            hasAnswered = true
            retransmitAt = .max
            deadline = .max
            return .transmit
        case .proceeding where status < 300:
            state = .accepted
            endsAt = uptime + timers.giveUp
            retransmitAt = .max
            deadline = endsAt
            return .transmit
        case .proceeding:
            state = .completed
            endsAt = uptime + timers.giveUp
            interval = timers.t1
            retransmitAt = isReliable ? .max : uptime + interval
            deadline = min(retransmitAt, endsAt)
            return .transmit
        case .accepted where (200..<300).contains(status): return .transmit
        default: return []
        }
    }

    /// ACK with the branch of the INVITE: for a final response other than 2xx.
    public mutating func acknowledged(timers: SIPTimers, uptime: Int64) -> TransactionActions {
        guard state == .completed else { return [] }
        guard !isReliable else {
            end()
            return .ended
        }
        state = .confirmed
        retransmitAt = .max
        endsAt = uptime + timers.t4
        deadline = endsAt
        return []
    }

    public mutating func timer(timers: SIPTimers, uptime: Int64) -> TransactionActions {
        guard state != .terminated, uptime >= deadline else { return [] }
        if uptime >= endsAt {
            let isSilent = state == .completed
            end()
            return isSilent ? [.timedOut, .ended] : .ended
        }
        if state == .proceeding {
            hasAnswered = true
            retransmitAt = .max
            deadline = .max
            return .trying
        }
        interval = min(2 * interval, timers.t2)
        retransmitAt = uptime + interval
        deadline = min(retransmitAt, endsAt)
        return .transmit
    }

    private mutating func end() {
        state = .terminated
        deadline = .max
    }
}
