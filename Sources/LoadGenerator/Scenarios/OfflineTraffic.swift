/// Messages to accounts that are away (XEP-0160), and their later arrival.
///
/// Accounts `0 ..< senders` send in batches of ten; the answer to a ping behind each batch lets the next one go, so
/// that the store is measured and not the depth of a queue. Message `m` goes to receiver `m % receivers`.
final class OfflineTraffic: TrafficPattern {
    private unowned let fleet: ClientFleet
    private var isDelivered: [Bool]
    /// Behind the last number of each sender at each receiver, which must rise.
    private var expected: [Int: UInt32] = [:]
    /// Batches whose ping has been answered.
    private(set) var batchesTaken = 0
    private(set) var delivered = 0
    private let sending: PacedSending

    init(_ fleet: ClientFleet) {
        self.fleet = fleet
        isDelivered = Array(repeating: false, count: fleet.options.messages)
        let (senders, receivers) = (fleet.options.senders, fleet.options.receivers)
        sending = PacedSending(fleet, idPrefix: "o") { senders + $0 % receivers }
    }

    var batches: Int { (fleet.options.messages + PacedSending.batch - 1) / PacedSending.batch }

    func start() { sending.start() }

    func paceAnswered(at session: ClientSession) {
        batchesTaken += 1
        sending.sendBatch(session)
    }

    func stampArrived(_ stamp: Stamp, in element: Element, at session: ClientSession) {
        let options = fleet.options
        let message = Int(stamp.sequence)
        guard message < options.messages, stamp.sender < options.senders,
            session.index == options.senders + message % options.receivers
        else {
            fleet.checks.misrouted += 1
            return
        }
        let lane = session.index * options.senders + stamp.sender
        guard !isDelivered[message], stamp.sequence >= expected[lane, default: 0] else {
            fleet.checks.duplicateOrReordered += 1
            if isDelivered[message] { return }
            isDelivered[message] = true
            delivered += 1
            return
        }
        expected[lane] = stamp.sequence + 1
        isDelivered[message] = true
        delivered += 1
    }
}
