import DequeModule
import Ground
import IMCore
import Interworking
import NIOCore
import SIPWire
import XMPPWire

/// One message session between a SIP client and a user (RFC 7573): its messages are chat messages with the Call-ID as
/// thread, BYE is `<gone/>`, and the other way round.
///
///     MSRP SEND, or MESSAGE in the dialog  ↔ <message type='chat'><thread/>
///     isComposing, KeyboardActivity        ↔ chat states (XEP-0085)
///     REPORT, IMDN                         ↔ receipts (XEP-0184)
///     BYE                                  ↔ <gone/>
final class ChatSession: SIPDialogUser {
    unowned let table: SessionTable
    /// In the path of MSRP URIs: whoever knows it may speak (RFC 4975 §14.1).
    let name: String
    var dialog: SessionDialog
    let media: SDPSession.Media
    /// The SIP side: full address of a contact of ours, or bare one of somebody elsewhere.
    let party: [UInt8]
    let resource: String
    /// Whose sessions it counts among.
    let owner: [UInt8]
    let foreign: JID?
    /// The user on the other side, bare.
    let peer: [UInt8]
    let peerAddress: JID
    private let sdp: SIPBytes
    private let path: MSRPURI?
    /// A newer session of the same two has the messages.
    var isSuperseded = false

    // MSRP
    private(set) var link: MSRPLink?
    var assemblies: [(id: SIPBytes, assembly: MSRPAssembly)] = []
    var unanswered: [String: Sent] = [:]
    var awaitingReport: [String: () -> Void] = [:]
    /// Messages of the SIP side that it wants to hear of, the oldest first.
    var wishes: Deque<ReportWish> = []
    /// Something came over the connection.
    var hasHeard = false
    var backlog: [() -> Void] = []
    /// Messages that came and are not stored yet.
    var storing = 0

    /// Something of ours that waits for a response.
    struct Sent {
        var done: (SessionOutcome) -> Void
        var deadline: Int64
    }

    // Time
    private let openedAt: Int64
    var lastUse: Int64
    /// When it has to be refreshed, and by whom (RFC 4028); nil while that has not been agreed.
    var timer: SessionTimer?
    private var isRefreshing = false
    private var invite: IncomingRequest?
    private var answer: ByteBuffer?
    private var nextRepeat: Int64 = 0
    private var pause: Int64 = 500
    private(set) var hasEnded = false
    var hasSpoken = false
    var sequence: UInt64 = 0

    var server: SIPServer { table.server }
    var isMSRP: Bool { media.isMSRP }
    var isSecure: Bool { media.isMSRPOverTLS }
    var localPath: MSRPURI? { path }

    /// - Parameters:
    ///   - offer: the description that is answered; nil for a session that we offer.
    ///   - index: which of its media is taken.
    init(
        _ table: SessionTable, name: String, dialog: SessionDialog, offer: SDPSession, media index: Int,
        party: [UInt8],
        resource: String, owner: [UInt8], foreign: JID?, peer: JID, path given: MSRPURI? = nil
    ) {
        self.table = table
        self.name = name
        self.dialog = dialog
        media = offer.media[index]
        self.party = party
        self.resource = resource
        self.owner = owner
        self.foreign = foreign
        self.peer = Array(peer.description.utf8)
        peerAddress = peer
        openedAt = table.server.uptime
        lastUse = openedAt
        path =
            given
            ?? (media.isMSRP
                ? Self.path(table, dialog.flow, name: name, isSecure: media.isMSRPOverTLS) : nil)
        sdp = Self.describe(offer, index, table.server, dialog.flow, path)
    }

    static func path(_ table: SessionTable, _ flow: SIPFlow, name: String, isSecure: Bool) -> MSRPURI {
        MSRPURI(
            host: table.server.config.advertisedHost ?? flow.local.host, port: table.port ?? 2_855,
            session: name,
            isSecure: isSecure)
    }

    /// The answer: one medium is taken, the others have port 0 (RFC 3264 §6).
    private static func describe(
        _ offer: SDPSession, _ index: Int, _ server: SIPServer, _ flow: SIPFlow, _ path: MSRPURI?
    ) -> SIPBytes {
        let now = UInt64(clamping: server.time.now)
        var writer = SDPWriter(
            address: server.config.advertisedHost ?? flow.local.ip, session: now, version: now)
        for (place, media) in offer.media.enumerated() {
            if place != index {
                writer.addRefused(media)
            } else if let path {
                writer.addMSRP(
                    port: path.port ?? 2_855, isTLS: media.isMSRPOverTLS, path: path,
                    acceptTypes: acceptTypes,
                    acceptWrappedTypes: wrappedTypes,
                    setup: media.setup.map { $0.matches("passive") ? "active" : "passive" },
                    maxSize: server.config.contentBytes, fingerprint: server.tls?.fingerprint)
            } else {
                writer.addMicrosoftForm(
                    kind: media.kind.string, port: flow.local.port, acceptTypes: MicrosoftForm.acceptTypes)
            }
        }
        return writer.bytes
    }

    // MARK: The trail

    /// How a message of the SIP side came.
    var way: StaticString { isMSRP ? "MSRP" : "MESSAGE in a session of the Microsoft form" }

    func noteDelivery(of entry: JournalEntry, to endpoint: SIPEndpoint) {
        if let path = media.path.last {
            path.text.withBytes { table.router.noteDelivery(of: entry, to: endpoint, "MSRP to ", $0) }
        } else {
            dialog.target.withBytes {
                table.router.noteDelivery(of: entry, to: endpoint, "MESSAGE in a session of the Microsoft form to ", $0)
            }
        }
    }

    static let acceptTypes =
        "message/cpim text/plain text/html multipart/alternative application/im-iscomposing+xml"
    static let wrappedTypes = "text/plain text/html message/imdn+xml application/im-iscomposing+xml"

    // MARK: Beginning

    /// 200 with our description; repeated until the ACK is there (RFC 3261 §13.3.1.4).
    func answer(_ request: IncomingRequest) {
        let bytes = accepted(request)
        invite = request
        answer = bytes
        nextRepeat = server.uptime + pause
        request.relay(.ok, bytes)
        if media.setup?.matches("passive") == true, let place = SessionTable.place(media, dialog.flow) {
            table.connect(place, for: media) { [weak self] link in self?.connected(link) }
        }
        if let first = MicrosoftForm.firstMessage(request.message.first(.msTextFormat)), !isMSRP {
            receive(first.body, type: first.type) { _, _ in }
        }
    }

    private func accepted(_ request: IncomingRequest) -> ByteBuffer {
        var builder = SIPResponseBuilder(
            to: request.message, status: .ok, toTag: dialog.localTag, splice: request.viaSplice,
            into: server.allocator.buffer(capacity: 1_024))
        builder.add(.contact, table.contact(on: dialog.flow, name: name))
        builder.add(.allow, "INVITE, ACK, CANCEL, BYE, MESSAGE, INFO, OPTIONS, UPDATE")
        builder.add(.supported, "timer")
        timer?.describe(&builder)
        return builder.finish(body: sdp, type: SIPBytes("application/sdp" as StaticString))
    }

    /// A connection that we have made; the first request on it says who we are (RFC 4975 §5.4).
    func connected(_ link: MSRPLink?) {
        guard let link, !hasEnded, take(link) else {
            link?.close()
            if self.link == nil { end(.over, isRefused: true) }
            return
        }
        link.session = self
        guard let path else { return }
        let name = transaction()
        link.write {
            MSRPWriter.empty(to: media.path, from: path, transaction: name, messageID: name, into: &$0)
        }
    }

    /// False when it has one already.
    func take(_ link: MSRPLink) -> Bool {
        guard self.link == nil, !hasEnded, isMSRP else { return false }
        self.link = link
        let waiting = backlog
        backlog = []
        for body in waiting { server.loop.execute { body() } }
        return true
    }

    func linkClosed(_ link: MSRPLink) {
        guard self.link === link else { return }
        self.link = nil
        end(.over, isRefused: !hasHeard)
    }

    func transaction() -> String {
        sequence += 1
        return "r\(name.prefix(8))\(sequence)"
    }

    // MARK: In the dialog

    func handle(_ request: IncomingRequest, in _: SIPDialogKey) {
        let message = request.message
        guard dialog.admits(message) else {
            // Out of order (RFC 3261 §12.2.2).
            return request.respond(.serverInternalError) { $0.add(.retryAfter, number: 1) }
        }
        lastUse = server.uptime
        switch message.method {
        case .ack:
            answer = nil
            invite = nil
        case .bye:
            request.respond(.ok)
            end(.byPeer)
        case .invite:
            // Nothing changes but the target, and the description is the same (RFC 3264 §8).
            if let offer = SessionTable.offer(message),
                !offer.media.contains(where: { $0.isMSRP == isMSRP })
            {
                return request.respond(.notAcceptableHere)
            }
            if isRefreshed(request) { request.relay(.ok, accepted(request)) }
        case .update:
            guard isRefreshed(request) else { return }
            request.respond(.ok) {
                $0.add(.contact, table.contact(on: dialog.flow, name: name))
                timer?.describe(&$0)
            }
        case .options: request.respond(.ok)
        case .message: receive(request)
        case .info:
            request.respond(.ok)
            if let isTyping = MicrosoftForm.typing(message.body) {
                submit(.composing(isTyping)) { _, _ in }
            }
        default:
            request.respond(.methodNotAllowed) {
                $0.add(.allow, "INVITE, ACK, CANCEL, BYE, MESSAGE, INFO, OPTIONS")
            }
        }
    }

    // MARK: Refreshes (RFC 4028)

    /// INVITE and UPDATE inside of the dialog agree anew on how long it lasts; false when the request was refused.
    private func isRefreshed(_ request: IncomingRequest) -> Bool {
        switch SessionTimer.verdict(
            on: request.message, least: server.config.sessionMinSeconds, uptime: server.uptime)
        {
        case .endless: timer = nil
        case .timed(let agreed): timer = agreed
        case .tooBrief(let least):
            request.respond(.sessionIntervalTooSmall) { $0.add(.minSE, number: least) }
            return false
        }
        return true
    }

    private func refresh(_ timer: SessionTimer) {
        guard !isRefreshing else { return }
        isRefreshing = true
        let request = dialog.request(
            .update, maxForwards: server.config.maxForwards,
            fields: [(.supported, "timer"), (.sessionExpires, "\(timer.seconds);refresher=uac")])
        server.send(request, to: dialog.way) { [weak self] outcome in
            guard let self, !hasEnded else { return }
            isRefreshing = false
            guard case .response(let response) = outcome, ![408, 481].contains(response.statusCode) else {
                // The peer knows nothing of it any more (§10).
                return end(.over)
            }
            // What else it says does not end the session; it is asked again.
            self.timer =
                response.status.isSuccess && response.has(.sessionExpires)
                ? SessionTimer.agreed(in: response, uptime: server.uptime) ?? timer.renewed(server.uptime)
                : timer.renewed(server.uptime)
        }
    }

    // MARK: Time and end

    func tick(_ uptime: Int64) {
        if let answer, let invite, uptime >= nextRepeat {
            guard uptime - openedAt < server.config.timers.giveUp else { return end(.over) }
            invite.relay(.ok, answer)
            pause = min(pause * 2, server.config.timers.t2)
            nextRepeat = uptime + pause
        }
        if let timer, timer.due <= uptime {
            guard timer.isOurs else { return end(.over) }
            refresh(timer)
        }
        let late = unanswered.filter { $0.value.deadline <= uptime }
        if !late.isEmpty {
            // What waits is told there.
            return end(.over)
        }
        if isMSRP, link == nil, uptime - openedAt > 30_000 { return end(.over) }
        if uptime - lastUse > Int64(server.config.messageSessionIdle) * 1_000 { end(.over) }
    }

    enum Ending {
        /// BYE came.
        case byPeer
        /// The user has gone.
        case byUser
        /// Idle, its connection lost, the server going down.
        case over
    }

    /// - Parameter isRefused: its connection never came about: no session is opened to the contact for a while.
    func end(_ ending: Ending, isRefused: Bool = false) {
        guard !hasEnded else { return }
        hasEnded = true
        if isRefused, foreign == nil { table.wasRefused(by: party) }
        answer = nil
        invite = nil
        table.remove(self)
        if ending != .byPeer {
            let request = dialog.request(.bye, maxForwards: server.config.maxForwards)
            server.send(request, to: dialog.way) { _ in }
        }
        if ending != .byUser, hasSpoken, !isSuperseded { sayGone() }
        link?.close()
        link = nil
        assemblies = []
        awaitingReport = [:]
        wishes = []
        let lost = unanswered
        let waiting = backlog
        unanswered = [:]
        backlog = []
        for sent in lost.values { sent.done(.lost) }
        // Each of them finds that the session is over.
        for body in waiting { body() }
    }
}

/// What became of something for the SIP side.
enum SessionOutcome {
    /// The client has it.
    case taken
    /// The client does not want it.
    case refused(Int)
    /// The session is over, and nobody knows.
    case lost
}
