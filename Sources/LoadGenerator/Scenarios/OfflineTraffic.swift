/// Messages to accounts that are away (XEP-0160), and their later arrival.
///
/// Accounts `0 ..< senders` send in batches of ten; the answer to a ping behind each batch lets the next one go, so
/// that the store is measured and not the depth of a queue. Message `m` goes to receiver `m % receivers`.
final class OfflineTraffic: TrafficPattern {
    private static let batch = 10

    private unowned let fleet: ClientFleet
    private var next = 0
    private var isDelivered: [Bool]
    /// Behind the last number of each sender at each receiver, which must rise.
    private var expected: [Int: UInt32] = [:]
    /// Batches whose ping has been answered.
    private(set) var batchesTaken = 0
    private(set) var delivered = 0
    private let filling: String

    init(_ fleet: ClientFleet) {
        self.fleet = fleet
        isDelivered = Array(repeating: false, count: fleet.options.messages)
        filling = String(repeating: ".", count: max(0, fleet.options.bodyBytes - Stamp.length))
    }

    var batches: Int { (fleet.options.messages + Self.batch - 1) / Self.batch }

    func start() {
        for sender in 0..<fleet.options.senders {
            if let session = fleet.sessions[sender] { sendBatch(session) }
        }
    }

    private func sendBatch(_ session: ClientSession) {
        let options = fleet.options
        let end = min(next + Self.batch, options.messages)
        guard next < end else { return }
        for message in next..<end { send(message, session) }
        next = end
        session.sendStanza("<iq type='get' id='pace' to='\(options.domain)'><ping xmlns='urn:xmpp:ping'/></iq>")
    }

    private func send(_ message: Int, _ session: ClientSession) {
        let receiver = fleet.options.senders + message % fleet.options.receivers
        let now = ClientFleet.clock()
        let head = Array("<message to='\(fleet.options.bareJID(receiver))' type='chat' id='o\(message)'><body>".utf8)
        let tail = Array("\(filling)</body></message>".utf8)
        let stamp = Stamp(sender: session.index, sequence: UInt32(truncatingIfNeeded: message), time: now)
        session.sendStanza(byteCount: head.count + Stamp.length + tail.count, at: now) { target in
            target.copyBytes(from: head)
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[head.count...])
            stamp.write(to: rest, mark: fleet.mark)
            UnsafeMutableRawBufferPointer(rebasing: rest[Stamp.length...]).copyBytes(from: tail)
        }
    }

    func paceAnswered(at session: ClientSession) {
        batchesTaken += 1
        sendBatch(session)
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
