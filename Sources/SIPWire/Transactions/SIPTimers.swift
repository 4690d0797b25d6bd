/// The timers of transactions, milliseconds (RFC 3261 §17 and table 4, RFC 6026 §7).
///
/// Names are the specification's letters where it has no words.
public struct SIPTimers: Sendable, Equatable {
    /// Estimate of a round trip.
    public var t1: Int64 = 500
    /// Longest time between retransmissions of what is not an INVITE, and of final responses to an INVITE.
    public var t2: Int64 = 4_000
    /// How long a message may stay in the network.
    public var t4: Int64 = 5_000
    /// Silence after a provisional response to an INVITE until it is given up: timer C, more than three minutes.
    public var c: Int64 = 181_000

    public init() {}

    /// Timers B, F, H, L, M: after this, nobody answers any more.
    public var giveUp: Int64 { 64 * t1 }

    /// When a request that is not an INVITE gets 100 if nothing better is known (RFC 4320 §4.1): the time that a client
    /// takes to slow its retransmissions down to T2.
    public var lateTrying: Int64 {
        var (sum, step) = (Int64(0), t1)
        while step < t2 {
            sum += step
            step *= 2
        }
        return sum
    }

    /// How soon an INVITE gets 100 (RFC 3261 §17.2.1).
    public static let inviteTrying: Int64 = 200
}

/// What a transaction machine wants done, in the order of declaration.
public struct TransactionActions: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Send what the machine stands for (again): the request of a client transaction, the last response of a server's.
    public static let transmit = TransactionActions(rawValue: 1)
    /// Send ACK for the final response that has come (again).
    public static let acknowledge = TransactionActions(rawValue: 2)
    /// Hand what has come to the user of the transaction.
    public static let deliver = TransactionActions(rawValue: 4)
    /// Tell the user that nobody has answered.
    public static let timedOut = TransactionActions(rawValue: 8)
    /// Send 100 of our own.
    public static let trying = TransactionActions(rawValue: 16)
    /// The transaction is over; forget it.
    public static let ended = TransactionActions(rawValue: 32)
}
