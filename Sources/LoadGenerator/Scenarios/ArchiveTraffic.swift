#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Fills the archive of one account by messages to it, then reads pages out of it (XEP-0313).
///
/// Accounts `0 ..< senders` write to the account `senders` in batches of ten; the answer to a ping behind each batch lets
/// the next one go. Then that account asks for one page after the other, each from a random moment of the filling on.
final class ArchiveTraffic: TrafficPattern {
    private static let batch = 10

    private unowned let fleet: ClientFleet
    private let filling: String
    private var next = 0
    private var isQuerying = false
    /// Milliseconds since 1970 between which the archive was filled.
    private var filledFrom: Int64 = 0
    private var filledUpTo: Int64 = 0
    private var askedAt: UInt64 = 0
    private var results = 0
    private var random = SystemRandomNumberGenerator()
    private(set) var delivered = 0
    private(set) var queries = 0
    private(set) var short = 0
    private(set) var latency = LatencyHistogram()

    init(_ fleet: ClientFleet) {
        self.fleet = fleet
        filling = String(repeating: ".", count: max(0, fleet.options.bodyBytes - Stamp.length))
    }

    // MARK: Filling

    func fill() {
        filledFrom = Self.now()
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
        let now = ClientFleet.clock()
        let to = fleet.options.bareJID(fleet.options.senders)
        let head = Array("<message to='\(to)' type='chat' id='a\(message)'><body>".utf8)
        let tail = Array("\(filling)</body></message>".utf8)
        let stamp = Stamp(sender: session.index, sequence: UInt32(truncatingIfNeeded: message), time: now)
        session.sendStanza(byteCount: head.count + Stamp.length + tail.count, at: now) { target in
            target.copyBytes(from: head)
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[head.count...])
            stamp.write(to: rest, mark: fleet.mark)
            UnsafeMutableRawBufferPointer(rebasing: rest[Stamp.length...]).copyBytes(from: tail)
        }
    }

    // MARK: Reading

    func query() {
        filledUpTo = max(filledUpTo, filledFrom + 1)
        isQuerying = true
        ask()
    }

    private func ask() {
        guard queries < fleet.options.queries, let session = fleet.sessions[fleet.options.senders] else { return }
        results = 0
        askedAt = ClientFleet.clock()
        // The last tenth is left out, so that there is a whole page behind every moment.
        let moment = Int64.random(in: filledFrom...filledFrom + (filledUpTo - filledFrom) * 9 / 10, using: &random)
        session.sendStanza(
            "<iq type='set' id='pace'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'>"
                + "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>"
                + "<field var='start'><value>\(Self.format(moment))</value></field></x>"
                + "<set xmlns='http://jabber.org/protocol/rsm'><max>\(fleet.options.page)</max></set></query></iq>")
    }

    func stampArrived(_ stamp: Stamp, in element: Element, at session: ClientSession) {
        guard stamp.sender < fleet.options.senders, session.index == fleet.options.senders else {
            fleet.checks.misrouted += 1
            return
        }
        guard !isQuerying else { return results += 1 }
        delivered += 1
        // Behind it there is nothing to find.
        if delivered == fleet.options.messages { filledUpTo = Self.now() }
    }

    func paceAnswered(at session: ClientSession) {
        guard session.index == fleet.options.senders else { return sendBatch(session) }
        latency.record(ClientFleet.clock() &- askedAt)
        queries += 1
        if results != fleet.options.page { short += 1 }
        ask()
    }

    // MARK: Time

    private static func now() -> Int64 {
        var instant = timespec()
        clock_gettime(CLOCK_REALTIME, &instant)
        return Int64(instant.tv_sec) * 1_000 + Int64(instant.tv_nsec) / 1_000_000
    }

    /// XEP-0082 `DateTime`.
    private static func format(_ milliseconds: Int64) -> String {
        var instant = time_t(milliseconds / 1_000)
        var fields = tm()
        gmtime_r(&instant, &fields)
        func pad(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(pad(Int(fields.tm_year) + 1_900, 4))-\(pad(Int(fields.tm_mon) + 1, 2))-\(pad(Int(fields.tm_mday), 2))"
            + "T\(pad(Int(fields.tm_hour), 2)):\(pad(Int(fields.tm_min), 2)):\(pad(Int(fields.tm_sec), 2))"
            + ".\(pad(Int(milliseconds % 1_000), 3))Z"
    }
}
