/// Client transaction of anything but INVITE and ACK (RFC 3261 §17.1.2).
///
/// Times are monotonic milliseconds. The state *completed* only absorbs repeated responses; whoever keeps no record of
/// ended transactions and drops responses that belong to none does the same, and may stop at `.deliver`.
public struct NonInviteClientMachine: Sendable {
    public enum State: UInt8, Sendable { case trying, proceeding, completed, terminated }

    public private(set) var state = State.trying
    /// The next call of `timer`; `Int64.max` for none.
    public private(set) var deadline: Int64
    private let isReliable: Bool
    /// Time between retransmissions.
    private var interval: Int64
    private var retransmitAt: Int64
    /// End of timer F, then of timer K.
    private var endsAt: Int64

    /// The request is sent by whoever makes the machine.
    public init(isReliable: Bool, timers: SIPTimers, uptime: Int64) {
        self.isReliable = isReliable
        interval = timers.t1
        retransmitAt = isReliable ? .max : uptime + timers.t1
        endsAt = uptime + timers.giveUp
        deadline = min(retransmitAt, endsAt)
    }

    public mutating func received(_ status: Int, timers: SIPTimers, uptime: Int64) -> TransactionActions {
        guard state == .trying || state == .proceeding else { return [] }
        if status < 200 {
            state = .proceeding
            // Timer E goes on at T2.
            if !isReliable { interval = timers.t2 }
            return .deliver
        }
        guard !isReliable else {
            end()
            return [.deliver, .ended]
        }
        state = .completed
        retransmitAt = .max
        endsAt = uptime + timers.t4
        deadline = endsAt
        return .deliver
    }

    public mutating func timer(timers: SIPTimers, uptime: Int64) -> TransactionActions {
        guard state != .terminated, uptime >= deadline else { return [] }
        if uptime >= endsAt {
            let isSilent = state != .completed
            end()
            return isSilent ? [.timedOut, .ended] : .ended
        }
        interval = state == .proceeding ? timers.t2 : min(2 * interval, timers.t2)
        retransmitAt = uptime + interval
        deadline = min(retransmitAt, endsAt)
        return .transmit
    }

    private mutating func end() {
        state = .terminated
        deadline = .max
    }
}
