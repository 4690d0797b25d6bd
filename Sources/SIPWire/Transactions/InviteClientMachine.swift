/// Client transaction of an INVITE (RFC 3261 §17.1.1 with the state *accepted* of RFC 6026 §7.2).
///
/// Times are monotonic milliseconds.
public struct InviteClientMachine: Sendable {
    public enum State: UInt8, Sendable { case calling, proceeding, completed, accepted, terminated }

    public private(set) var state = State.calling
    /// The next call of `timer`; `Int64.max` for none.
    public private(set) var deadline: Int64
    private let isReliable: Bool
    /// Timer A.
    private var interval: Int64
    private var retransmitAt: Int64
    /// End of timer B, C, D or M.
    private var endsAt: Int64

    /// The INVITE is sent by whoever makes the machine.
    public init(isReliable: Bool, timers: SIPTimers, uptime: Int64) {
        self.isReliable = isReliable
        interval = timers.t1
        retransmitAt = isReliable ? .max : uptime + timers.t1
        endsAt = uptime + timers.giveUp
        deadline = min(retransmitAt, endsAt)
    }

    public mutating func received(_ status: Int, timers: SIPTimers, uptime: Int64) -> TransactionActions {
        switch state {
        case .calling, .proceeding:
            retransmitAt = .max
            if status < 200 {
                state = .proceeding
                // Only a proxy has timer C; it counts from the last provisional response (§16.7 step 2).
                endsAt = uptime + timers.c
                deadline = endsAt
                return .deliver
            }
            if status < 300 {
                state = .accepted
                endsAt = uptime + timers.giveUp
                deadline = endsAt
                return .deliver
            }
            guard !isReliable else {
                end()
                return [.acknowledge, .deliver, .ended]
            }
            state = .completed
            // Timer D: at least 32 s, as long as the server may repeat its response.
            endsAt = uptime + max(32_000, timers.giveUp)
            deadline = endsAt
            return [.acknowledge, .deliver]
        case .completed: return status >= 300 ? .acknowledge : []
        case .accepted: return (200..<300).contains(status) ? .deliver : []
        case .terminated: return []
        }
    }

    public mutating func timer(timers: SIPTimers, uptime: Int64) -> TransactionActions {
        guard state != .terminated, uptime >= deadline else { return [] }
        if uptime >= endsAt {
            let isSilent = state == .calling || state == .proceeding
            end()
            return isSilent ? [.timedOut, .ended] : .ended
        }
        interval *= 2
        retransmitAt = uptime + interval
        deadline = min(retransmitAt, endsAt)
        return .transmit
    }

    /// A CANCEL was sent: without a final response the transaction ends after 64 T1 (§9.1).
    public mutating func cancelled(timers: SIPTimers, uptime: Int64) {
        guard state == .calling || state == .proceeding else { return }
        endsAt = min(endsAt, uptime + timers.giveUp)
        deadline = min(retransmitAt, endsAt)
    }

    private mutating func end() {
        state = .terminated
        deadline = .max
    }
}
