import DequeModule
import Ground
import IMCore
import NIOCore
import XMLWire
import XMPPWire

/// One client stream and, once bound, one client of a user.
///
///     connecting ▶ header ▶ [STARTTLS ▶ header] ▶ SASL ▶ header ▶ bind ▶ bound ◀──▶ hibernating ▶ ended
///
/// Confined to its event loop; synchronous. The aspects are in extensions: `+Input`, `+Output`,
/// `Negotiation/`, `StreamManagement/`, `StanzaAdmission`.
public final class C2SSession: Endpoint {
    enum Phase {
        case header
        case negotiating
        case authenticating
        case authenticated
        case bound
        case ended
    }

    let server: C2SServer
    /// Changes when the session is resumed from elsewhere.
    var remoteAddress: String
    var phase = Phase.header
    var isSecure: Bool
    /// Said to the client as soon as it opens its stream.
    var refusal: StreamError?

    /// Nil while the session waits for resumption, and once it has ended.
    var link: (any StreamLink)?

    var hasSentHeader = false

    // Input
    var scanner: XMLStreamScanner
    /// Set while an element is incomplete.
    var frame: ElementFrame?
    var input: ByteBuffer?
    var isProcessing = false
    /// The session that took over this one's link, while this one's input is still being worked on.
    var heir: C2SSession?
    /// Input waits for an answer of the store.
    var isWaiting: Bool { waits > 0 }
    /// How many answers are awaited.
    var waits = 0
    /// Requests of the client that the server has not answered. While they are many the client is not read further:
    /// their answers are in memory before any of them is sent.
    var openRequests = 0
    static let openRequestLimit = 100
    /// Input waits because the client sends too much.
    var isThrottled = false
    /// The channel does not read.
    var isReadingStopped = false
    var isPaused: Bool { isWaiting || isThrottled }
    /// Something arrived since the last second.
    var wasHeard = true
    /// Monotonic milliseconds since when nothing arrives, and of our question about it (XEP-0199).
    var quietSince: Int64 = 0
    var pingedAt: Int64?
    var byteRate: RateLimiter
    var stanzaRate: RateLimiter
    let connectedAt: Int64

    // Negotiation; nil once bound
    var negotiation: Negotiation? = Negotiation()
    var domain = ""
    /// `xml:lang` of the client's stream header (RFC 6120 §8.1.5).
    var language: String?
    var account: JID?
    var mechanism = ""
    /// What the client said about itself at its login (XEP-0388 §2.3).
    var userAgent: UserAgent?
    /// The certificate that it has logged in with.
    var certificate: SessionCertificate?

    // Bound
    var home: UserHome?
    /// Whom the client wrote to last, for the next message of the same conversation.
    var lastRecipient: Recipient?
    public var resource = ""
    public var address: [UInt8] = []
    /// ` from='full address'`, ready to be spliced into stanzas.
    var fromAttribute: [UInt8] = []
    public var boundAt: Int64 = 0
    public var availability: Availability?
    public var isReachable: Bool { (availability?.priority ?? -1) >= 0 }
    public var directed: Set<JID> = []
    public var isInterested = false
    public var followsBlockList = false
    public var wantsCarbons = false
    /// Has asked for the status set by hand, and hears of changes.
    var followsStatus = false
    /// Has asked for the policies of the user, and hears of changes.
    var followsPolicy = false
    var hasSeenBanner = false
    public var historyUpTo: MessageID?
    public var interests: PubSubInterests?
    /// The `<c/>` of the last available presence that had one (XEP-0115).
    var capabilities: [UInt8] = []

    // Output
    var out: ByteBuffer?
    /// Journalled messages in `out` or on their way to the socket, without stream management.
    var written: [JournalEntry] = []
    var drainWaiters: [() -> Void] = []
    /// Monotonic milliseconds since when they wait.
    var drainWaitersSince: Int64 = 0

    /// Archive queries that wait for each other; nil when there were none.
    var archiveQueries: ArchiveQueries?
    /// Questions about its capabilities that the client has not answered.
    var capabilityQuestions = 0

    /// What waits while the client is inactive (XEP-0352); nil while it is active.
    var held: HeldStanzas?

    /// XEP-0198, once enabled.
    var streamManagement: StreamManagementState?
    public var isHibernating: Bool { link == nil && phase == .bound }

    init(server: C2SServer, address: String, isSecure: Bool) {
        self.server = server
        remoteAddress = address
        self.isSecure = isSecure
        let config = server.config
        let uptime = server.time.uptime
        connectedAt = uptime
        scanner = XMLStreamScanner(
            limits: XMLLimits(elementBytes: config.unauthenticatedStanzaBytes, depth: min(config.stanzaDepth, 32)))
        byteRate = RateLimiter(
            rate: config.bytesPerSecond, burst: max(config.bytesPerSecond, config.stanzaBytes), uptime: uptime)
        stanzaRate = RateLimiter(
            rate: config.stanzasPerSecond, burst: max(config.stanzasPerSecond * 2, 50), uptime: uptime)
    }

    func attach(_ link: any StreamLink) { self.link = link }

    /// Bounds of what the client may send are others now.
    func limitsChanged() {
        let config = server.config
        let uptime = server.time.uptime
        scanner.limits =
            home == nil
            ? XMLLimits(elementBytes: config.unauthenticatedStanzaBytes, depth: min(config.stanzaDepth, 32))
            : XMLLimits(elementBytes: config.stanzaBytes, depth: config.stanzaDepth)
        byteRate = RateLimiter(
            rate: config.bytesPerSecond, burst: max(config.bytesPerSecond, config.stanzaBytes), uptime: uptime)
        stanzaRate = RateLimiter(
            rate: config.stanzasPerSecond, burst: max(config.stanzasPerSecond * 2, 50), uptime: uptime)
    }

    // MARK: Ending

    /// The connection is gone without a closing tag: resumable sessions wait, others end.
    func linkLost(_ lost: any StreamLink) {
        guard link === lost else { return }
        link = nil
        out = nil
        input = nil
        frame = nil
        isReadingStopped = false
        guard phase == .bound, let management = streamManagement, management.resumptionID != nil,
            server.config.resumeSeconds > 0, !server.isDraining, let home
        else { return finish() }
        management.linkLost(uptime: server.time.uptime)
        // Written before stream management was enabled: no ack will ever cover it, so it is sent again.
        for entry in written where !entry.isSettled { management.sent(entry.bytes, entry, self) }
        written = []
        server.router.hibernated(self, of: home)
    }

    /// Ends the stream with an error (RFC 6120 §4.9). Nothing that is in flight is lost.
    public func end(_ error: StreamError) {
        guard phase != .ended else { return }
        if link != nil {
            openStreamIfNeeded()
            sayFinalAck()
            append(Array((error.xml + "</stream:stream>").utf8))
        }
        closeAndFinish()
    }

    /// The client closed its stream (RFC 6120 §4.4): answered, then the link is closed.
    func endedByClient() {
        guard phase != .ended else { return }
        // XEP-0198 §7: a last ack, so that the client knows what was taken; it waits for what is not durable yet.
        if let management = streamManagement, management.ledger.outstanding > 0, link != nil {
            pauseInput()
            management.whenSafe.append { [weak self] in self?.sayGoodbye() }
            return server.router.journal.flush()
        }
        sayGoodbye()
    }

    private func sayGoodbye() {
        guard phase != .ended else { return }
        sayFinalAck()
        append(Array("</stream:stream>".utf8))
        closeAndFinish()
    }

    private func sayFinalAck() {
        guard phase == .bound, let management = streamManagement else { return }
        append(Array("<a xmlns='urn:xmpp:sm:3' h='\(management.ledger.h)'/>".utf8))
    }

    private func closeAndFinish() {
        let link = link
        startReading()
        flush()
        finish()
        link?.closeGracefully()
    }

    /// Leaves the home; what was not acknowledged goes back to it.
    func finish() {
        guard phase != .ended else { return }
        phase = .ended
        link = nil
        input = nil
        frame = nil
        out = nil
        negotiation = nil
        archiveQueries = nil
        if let management = streamManagement, let id = management.resumptionID {
            server.resumable[id] = nil
            if let account { server.endedSessions.note(id, of: account, h: management.ledger.h) }
        }
        server.forget(self)
        let returning = takeInFlight()
        let waiters = drainWaiters
        drainWaiters = []
        if let home {
            server.router.unbind(self, from: home, returning: returning)
            self.home = nil
            lastRecipient = nil
        }
        streamManagement?.ended()
        for waiter in waiters { waiter() }
    }

    var tlsVersion: String {
        guard isSecure, let link else { return "none" }
        return link.tlsVersion
    }

    /// Once a second.
    func tick(_ uptime: Int64) {
        switch phase {
        case .bound:
            // Nobody writes there any more: it need not stay in memory for our sake.
            if let last = lastRecipient, uptime - last.home.lastUse > 10_000 { lastRecipient = nil }
            streamManagement?.tick(self, uptime)
            checkSilence(uptime)
            if held != nil { releaseIfNotQuiet() }
            if !written.isEmpty { settleWritten() }
            // Whoever does not take its stored messages must not keep the live ones from the user's other clients.
            if !drainWaiters.isEmpty, uptime - drainWaitersSince > Int64(server.config.ackSeconds) * 1_000 {
                giveUp(StreamError(.connectionTimeout, "the client does not take its stored messages"))
            }
        case .ended: break
        default:
            if uptime - connectedAt > Int64(server.config.loginSeconds) * 1_000 {
                end(StreamError(.connectionTimeout, "not logged in within \(server.config.loginSeconds) seconds"))
            }
        }
    }
}
