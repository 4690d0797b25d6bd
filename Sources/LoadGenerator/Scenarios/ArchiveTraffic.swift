import Ground

/// Fills the archive of one account by messages to it, then reads pages out of it (XEP-0313).
///
/// Accounts `0 ..< senders` write to the account `senders` in batches of ten; the answer to a ping behind each batch lets
/// the next one go. Then that account asks for one page after the other, each from a random moment of the filling on.
final class ArchiveTraffic: TrafficPattern {
    private unowned let fleet: ClientFleet
    private let sending: PacedSending
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
        let owner = fleet.options.senders
        sending = PacedSending(fleet, idPrefix: "a") { _ in owner }
    }

    // MARK: Filling

    func fill() {
        filledFrom = SystemTime().now
        sending.start()
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
                + "<field var='start'><value>\(Timestamp.format(moment))</value></field></x>"
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
        if delivered == fleet.options.messages { filledUpTo = SystemTime().now }
    }

    func paceAnswered(at session: ClientSession) {
        guard session.index == fleet.options.senders else { return sending.sendBatch(session) }
        latency.record(ClientFleet.clock() &- askedAt)
        queries += 1
        if results != fleet.options.page { short += 1 }
        ask()
    }
}
