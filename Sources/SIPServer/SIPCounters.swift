import SIPWire

/// Counts since the start, for metrics.
public struct SIPCounters: Sendable {
    public var datagramsIn = 0
    public var datagramsOut = 0
    /// The system did not take them.
    public var datagramsLost = 0
    public var streamMessagesIn = 0
    public var streamMessagesOut = 0
    public var connections = 0
    /// Messages that were no messages.
    public var malformed = 0
    /// Requests that came again.
    public var repeatedRequests = 0
    /// Requests of ours that were sent again.
    public var retransmissions = 0
    /// Requests of ours that nobody answered.
    public var timeouts = 0
    public var strayResponses = 0
    public var challenges = 0
    public var failedLogins = 0
    /// Requests dropped because their sender is suspected to scan.
    public var scannerDrops = 0
    /// Requests that came in, by method, in the order of `SIPMethod.all`; the last for all others.
    public private(set) var requestsIn = [Int](repeating: 0, count: SIPMethod.all.count + 1)
    /// Requests of ours, in the same order.
    public private(set) var requestsOut = [Int](repeating: 0, count: SIPMethod.all.count + 1)
    /// Final answers that we gave, by class, 2xx first.
    public private(set) var answers = [Int](repeating: 0, count: 5)

    public init() {}

    @inline(__always)
    mutating func count(_ method: SIPMethod) { requestsOut[Self.place(method)] &+= 1 }

    @inline(__always)
    mutating func countIn(_ method: SIPMethod) { requestsIn[Self.place(method)] &+= 1 }

    @inline(__always)
    mutating func count(_ status: SIPStatus) {
        let place = Int(status.rawValue) / 100 - 2
        if place >= 0, place < 5 { answers[place] &+= 1 }
    }

    private static func place(_ method: SIPMethod) -> Int {
        switch method {
        case .register: 0
        case .invite: 1
        case .ack: 2
        case .bye: 3
        case .cancel: 4
        case .options: 5
        case .message: 6
        case .subscribe: 7
        case .notify: 8
        case .publish: 9
        case .info: 10
        case .refer: 11
        case .prack: 12
        case .update: 13
        case .other: 14
        }
    }
}
