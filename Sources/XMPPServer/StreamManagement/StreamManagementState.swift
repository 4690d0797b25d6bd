import DequeModule
import Ground
import IMCore
import NIOCore
import XMPPWire

/// Stream management of one session (XEP-0198): what the client has not acknowledged, what we owe it.
final class StreamManagementState {
    /// A stanza sent and not acknowledged.
    struct Unacked {
        var bytes: [UInt8]
        var entry: JournalEntry?
    }

    /// Nil when the client did not ask to be able to resume.
    let resumptionID: String?
    /// For how long the session may be resumed.
    private let resumeSeconds: Int
    var unacked: Deque<Unacked> = []
    /// How many of `unacked` are journalled messages.
    private var messagesInFlight = 0
    private var unackedBytes = 0
    /// Stanzas the client has acknowledged, modulo 2^32.
    private(set) var acknowledged: UInt32 = 0
    var ledger = AckLedger()
    /// The client asked for an ack when that many stanzas had arrived; answered once all of them are safe.
    private(set) var owed: UInt64?
    /// The same for the last request that came while one was open.
    private var owedNext: UInt64?
    /// Runs when every stanza that arrived is safe.
    var whenSafe: [() -> Void] = []

    /// Monotonic milliseconds of our unanswered `<r/>`.
    private var requestedAt: Int64?
    private var wantsAck = false
    /// Stanzas sent since the last `<r/>`.
    private var sentSinceRequest = 0
    /// Monotonic milliseconds at which the link was lost.
    private var lostAt: Int64?

    init(resumptionID: String?, resumeSeconds: Int) {
        self.resumptionID = resumptionID
        self.resumeSeconds = resumeSeconds
    }

    var entries: [JournalEntry] { unacked.compactMap(\.entry) }

    static func failed(_ condition: String, h: UInt32? = nil) -> String {
        "<failed xmlns='\(XMPPNamespace.streamManagement)'\(h.map { " h='\($0)'" } ?? "")>"
            + "<\(condition) xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
    }

    // MARK: Sending

    func sent(_ bytes: [UInt8], _ entry: JournalEntry?, _ session: C2SSession) {
        unacked.append(Unacked(bytes: bytes, entry: entry))
        unackedBytes &+= bytes.count
        sentSinceRequest += 1
        if entry != nil { messagesInFlight += 1 }
        // A message is acknowledged at once, so that it leaves the journal before it is written to disk.
        if entry != nil || sentSinceRequest >= 100 { wantsAck = true }
        let config = session.server.config
        if unacked.count > config.unacknowledgedStanzas || unackedBytes > config.outboundBytes { overflow(session) }
    }

    private func overflow(_ session: C2SSession) {
        session.server.loop.execute {
            session.end(StreamError(.policyViolation, "too many stanzas are not acknowledged"))
        }
    }

    /// Adds `<r/>` to what goes out, if one is due and none is open.
    func requestAck(into buffer: inout ByteBuffer, _ uptime: Int64) {
        guard wantsAck, requestedAt == nil, !unacked.isEmpty else { return }
        wantsAck = false
        sentSinceRequest = 0
        requestedAt = uptime
        buffer.writeStaticString("<r xmlns='urn:xmpp:sm:3'/>")
    }

    /// The client has handled `h` stanzas. False when it claims more than were sent.
    func acknowledge(_ h: UInt32, _ session: C2SSession) -> Bool {
        let count = Int(h &- acknowledged)
        guard count <= unacked.count else { return false }
        requestedAt = nil
        acknowledged = h
        let journal = session.server.router.journal
        for _ in 0..<count {
            guard let stanza = unacked.popFirst() else { break }
            unackedBytes &-= stanza.bytes.count
            if let entry = stanza.entry {
                messagesInFlight -= 1
                journal.settle(entry, by: session.address)
            }
        }
        if messagesInFlight > 0 {
            wantsAck = true
            session.wakeForAck()
        }
        return true
    }

    /// XEP-0198 §4: the client acknowledged more than it was sent.
    func countTooHigh(_ h: UInt32) -> StreamError {
        let sent = acknowledged &+ UInt32(truncatingIfNeeded: unacked.count)
        return StreamError(
            .undefinedCondition, "you acknowledged \(h) stanzas, \(sent) were sent",
            extra: "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='\(h)' send-count='\(sent)'/>")
    }

    /// Whether a client that catches up may get more.
    func hasLittleUnacked(_ config: C2SConfig) -> Bool {
        unacked.count < config.unacknowledgedStanzas / 4 && unackedBytes < config.outboundBytes / 4
    }

    /// Whether a client that catches up has to acknowledge first.
    func hasMuchUnacked(_ config: C2SConfig) -> Bool {
        unacked.count > config.unacknowledgedStanzas / 2 || unackedBytes > config.outboundBytes / 2
    }

    // MARK: Receiving

    /// Answers `<r/>`, at once or when everything received is safe.
    ///
    /// A request does not move the one before it: a client that never stops sending gets its acks all the same.
    func ackRequested(_ session: C2SSession) {
        if owed == nil { owed = ledger.opened } else { owedNext = ledger.opened }
        answer(session)
    }

    func answer(_ session: C2SSession) {
        if let owed, ledger.handled >= owed {
            self.owed = owedNext.flatMap { $0 > ledger.handled ? $0 : nil }
            owedNext = nil
            session.append(Array("<a xmlns='urn:xmpp:sm:3' h='\(ledger.h)'/>".utf8))
        }
        if !whenSafe.isEmpty, ledger.outstanding == 0 {
            let waiters = whenSafe
            whenSafe = []
            for waiter in waiters { waiter() }
        }
    }

    // MARK: Link

    func linkLost(uptime: Int64) {
        lostAt = uptime
        requestedAt = nil
        owed = nil
        owedNext = nil
    }

    func resumed() {
        lostAt = nil
        wantsAck = messagesInFlight > 0
    }

    func ended() {
        let waiters = whenSafe
        whenSafe = []
        for waiter in waiters { waiter() }
    }

    /// Once a second: gives up links that do not answer and sessions that were not resumed in time.
    func tick(_ session: C2SSession, _ uptime: Int64) {
        let config = session.server.config
        if let lostAt {
            if uptime - lostAt > Int64(resumeSeconds) * 1_000 { session.finish() }
        } else if let requestedAt {
            if uptime - requestedAt > Int64(config.ackSeconds) * 1_000 {
                session.giveUp(StreamError(.connectionTimeout, "no answer to an ack request"))
            }
        } else if !unacked.isEmpty {
            // Presence and answers are acknowledged too, without haste.
            wantsAck = true
            session.wakeForAck()
        }
    }
}
