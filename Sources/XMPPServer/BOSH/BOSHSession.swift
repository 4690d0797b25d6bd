import DequeModule
import NIOCore
import NIOHTTP1
import Transport
import XMLWire
import XMPPWire

/// A client stream over the requests and responses of HTTP (XEP-0124, XEP-0206).
///
/// Requests are handed to the session in the order of their ids; responses leave in the same order, when there is
/// something to say, when more than `hold` requests wait, or after `wait` seconds. A message is settled when a later
/// request shows that the client has the response it was in.
final class BOSHSession {
    /// A request that was handed on and waits for its response.
    struct Pending {
        var rid: Int64
        /// Nil once its connection is gone: the client will ask again.
        var exchange: HTTPExchange?
        var since: Int64
    }

    struct Terminal {
        var condition: String?
        /// Elements of the stream error.
        var content = ByteBuffer()
    }

    /// Payload of one response in bytes; one element may be larger.
    static let responseBytes = 524_288
    static let longestPause = 120
    /// Shortest time between two empty requests of a client that polls, in seconds.
    static let pollingSeconds = 2

    let sid = RandomToken.make()
    var session: C2SSession
    let address: String
    weak var mount: BOSHMount?
    let contentType: String
    /// Seconds.
    let wait: Int
    let isPolling: Bool
    private let usesAcks: Bool
    /// Id of the request that asked for the session.
    private let first: Int64
    /// Of BOSH, the lower one of ours and the client's.
    let ver: String

    // Requests
    var window: BOSHWindow
    private var early: [Int64: (request: BOSHRequest, exchange: HTTPExchange)] = [:]
    var pending: [Pending] = []
    private var isReading = true
    /// What the next key must hash to (§15).
    private var key: String?
    /// When the last request came that was empty and got nothing, for a client that polls.
    private var lastIdlePoll: Int64?

    // Output
    private var cutter = StreamCutter()
    var output: Deque<ByteBuffer> = []
    var queuedBytes = 0
    /// Pieces that were put into responses so far.
    var position = 0
    /// Messages by the piece behind which they are complete.
    private var marks: Deque<(position: Int, entries: Int)> = []
    private var marked = 0
    var streamHeader: XMLStreamScanner.StreamHeader?
    var isNew = true
    var terminal: Terminal?
    /// A response that ends the session was made.
    private var hasTold = false
    /// The session does not use the link any more.
    private var isReleased = false
    /// Monotonic milliseconds since when the client could have been heard of.
    private var heardAt: Int64
    private var inactivity: Int

    init(_ request: BOSHRequest, rid: Int64, session: C2SSession, address: String, mount: BOSHMount) {
        self.session = session
        self.address = address
        self.mount = mount
        first = rid
        let hold = min(request.hold ?? 1, 2)
        wait = min(request.wait ?? mount.settings.boshWaitSeconds, mount.settings.boshWaitSeconds)
        isPolling = hold == 0 || wait == 0
        window = BOSHWindow(first: rid, hold: isPolling ? 0 : hold)
        usesAcks = request.ack == 1
        let own = (major: 1, minor: 11)
        let lower = request.ver.map { ($0.major, $0.minor) < own ? $0 : own } ?? own
        ver = "\(lower.major).\(lower.minor)"
        contentType = Self.contentTypes[request.content ?? ""] ?? "text/xml; charset=utf-8"
        inactivity = mount.settings.boshInactivitySeconds
        heardAt = session.server.time.uptime
        session.attach(self)
    }

    /// What a client may ask for with `content`: nothing that a browser runs.
    private static let contentTypes = [
        "text/xml": "text/xml", "application/xml": "application/xml", "text/plain": "text/plain; charset=utf-8",
        "text/plain; charset=utf-8": "text/plain; charset=utf-8",
        "application/xml; charset=utf-8": "application/xml; charset=utf-8",
    ]

    var uptime: Int64 { session.server.time.uptime }

    // MARK: Requests

    func receive(_ request: BOSHRequest, rid: Int64, _ exchange: HTTPExchange) {
        if isReleased { return deliverTerminal(to: exchange) }
        heardAt = uptime
        switch window.verdict(rid) {
        case .fresh:
            early[rid]?.exchange.abort()
            early[rid] = (request, exchange)
            exchange.whenLost = { [weak self] in self?.lost(rid) }
            advance()
        case .repeated: repeated(rid, exchange)
        case .outside: terminate("item-not-found", telling: exchange)
        }
    }

    private func repeated(_ rid: Int64, _ exchange: HTTPExchange) {
        if let index = pending.firstIndex(where: { $0.rid == rid }) {
            // The client gave up the connection that the request came on.
            pending[index].exchange?.abort()
            pending[index].exchange = exchange
            pending[index].since = uptime
            exchange.whenLost = { [weak self] in self?.lost(rid) }
            answer()
        } else if let body = window.response(to: rid) {
            exchange.respond(response(body))
        } else {
            terminate("item-not-found", telling: exchange)
        }
    }

    private func lost(_ rid: Int64) {
        heardAt = uptime
        if let index = pending.firstIndex(where: { $0.rid == rid }) {
            pending[index].exchange = nil
        } else {
            early[rid] = nil
        }
        answer()
    }

    /// Hands on every request whose turn it is.
    private func advance() {
        while isReading, terminal == nil, let (request, exchange) = early.removeValue(forKey: window.handled + 1) {
            let rid = window.handled + 1
            guard hasRightKey(request, isFirst: rid == first) else {
                return terminate("item-not-found", telling: exchange)
            }
            guard !isPollingTooFast(request, isFirst: rid == first) else {
                return terminate("policy-violation", telling: exchange)
            }
            window.advance()
            pending.append(Pending(rid: rid, exchange: exchange, since: uptime))
            settle(
                through: window.acknowledge(
                    by: rid, ack: request.ack, usesAcks: usesAcks && rid != first, isEmpty: request.isEmpty))
            guard window.unacknowledged <= BOSHWindow.unacknowledgedLimit else {
                return terminate("policy-violation", telling: nil)
            }
            inactivity = mount?.settings.boshInactivitySeconds ?? inactivity
            handOn(request, isFirst: rid == first)
        }
        answer()
    }

    private func handOn(_ request: BOSHRequest, isFirst: Bool) {
        if isFirst || request.isRestart {
            session.receive(
                StreamOpening.header(
                    to: request.to ?? (isFirst ? nil : session.domain), from: request.from,
                    version: request.version ?? "1.0", language: request.language))
        }
        if !request.isEmpty { session.receive(request.payloads) }
        if request.isTerminate { return session.receive(StreamOpening.end) }
        if let pause = request.pause, !isFirst {
            guard pause <= Self.longestPause else { return terminate("policy-violation", telling: nil) }
            inactivity = max(pause, 1)
            // All requests are answered, this one included, and without payload (§10).
            for waiting in pending { respond(to: waiting, with: 0) }
            pending = []
        }
    }

    /// XEP-0124 §15.4: each key hashes to the one before it.
    private func hasRightKey(_ request: BOSHRequest, isFirst: Bool) -> Bool {
        if let key {
            guard let given = request.key, BOSHKey.hash(given) == key.lowercased() else { return false }
            self.key = request.newKey ?? given
        } else if isFirst {
            key = request.newKey
        }
        return true
    }

    /// XEP-0124 §12.
    private func isPollingTooFast(_ request: BOSHRequest, isFirst: Bool) -> Bool {
        guard isPolling, !isFirst, request.isEmpty, !request.isTerminate, !request.isRestart, request.pause == nil
        else {
            lastIdlePoll = nil
            return false
        }
        let last = lastIdlePoll
        lastIdlePoll = uptime
        return last.map { uptime - $0 < Int64(Self.pollingSeconds) * 1_000 } ?? false
    }

    // MARK: Responses

    /// Answers every request whose time has come.
    func answer() {
        while let first = pending.first {
            if let terminal {
                pending.removeFirst()
                first.exchange?.respond(terminalResponse(terminal))
            } else if first.exchange == nil {
                // Its response would be lost; a later request can take what there is to say.
                guard pending.count > 1 else { break }
                pending.removeFirst()
                respond(to: first, with: 0)
            } else if !output.isEmpty {
                pending.removeFirst()
                lastIdlePoll = nil
                respond(to: first, with: takeable)
            } else if pending.count > window.hold, !isNew {
                pending.removeFirst()
                respond(to: first, with: 0)
            } else {
                break
            }
        }
        if terminal != nil { forgetWhenTold() }
    }

    /// How many pieces fit into one response.
    private var takeable: Int {
        var bytes = 0
        for (index, piece) in output.enumerated() {
            bytes += piece.readableBytes
            if bytes > Self.responseBytes, index > 0 { return index }
        }
        return output.count
    }

    private func respond(to request: Pending, with count: Int) {
        let (body, payload) = body(rid: request.rid, taking: count)
        window.answered(
            BOSHWindow.Response(rid: request.rid, body: body, payload: payload, position: position))
        heardAt = uptime
        request.exchange?.respond(response(body))
    }

    // MARK: Time

    func tick(_ uptime: Int64) {
        if terminal == nil, let first = pending.first, uptime - first.since >= Int64(max(wait, 1)) * 1_000 {
            pending.removeFirst()
            respond(to: first, with: 0)
        }
        guard !pending.contains(where: { $0.exchange != nil }), early.isEmpty else { return }
        guard uptime - heardAt > Int64(inactivity) * 1_000 else { return }
        mount?.forget(self)
        session.linkLost(self)
        release()
    }

    // MARK: End

    /// Ends the HTTP session for what the client did; its stream is lost, not closed.
    private func terminate(_ condition: String, telling exchange: HTTPExchange?) {
        terminal = Terminal(condition: condition)
        if let exchange, !pending.contains(where: { $0.exchange === exchange }) {
            exchange.respond(terminalResponse(Terminal(condition: condition)))
        }
        session.linkLost(self)
        release()
        answer()
        mount?.forget(self)
    }

    /// The connection counts no longer.
    private func release() {
        guard !isReleased else { return }
        isReleased = true
        session.server.connectionClosed(address)
        for (_, waiting) in early { waiting.exchange.respond(terminalResponse(terminal ?? Terminal())) }
        early = [:]
    }

    /// The client has heard of the end, or hears of it with its next request.
    private func forgetWhenTold() {
        if isReleased, hasTold { mount?.forget(self) }
    }

    private func deliverTerminal(to exchange: HTTPExchange) {
        exchange.respond(terminalResponse(terminal ?? Terminal(condition: "item-not-found")))
        mount?.forget(self)
    }

    private func terminalResponse(_ terminal: Terminal) -> HTTPResponse {
        hasTold = true
        return response(terminalBody(terminal))
    }

    func response(_ body: ByteBuffer) -> HTTPResponse {
        HTTPResponse(.ok, headers: ["content-type": contentType], body: body)
    }

    // MARK: Settling

    private func settle(through position: Int) {
        var count = 0
        while let first = marks.first, first.position <= position {
            count += first.entries
            marks.removeFirst()
        }
        if count > 0 {
            marked -= count
            session.settle(first: count)
        }
        if isWritable { session.drained() }
    }
}

extension BOSHSession: StreamLink {
    var negotiatesTLS: Bool { false }
    var tlsVersion: String { session.isSecure ? "proxy" : "none" }
    var serverEndPoint: [UInt8]? { nil }
    var bytesWaiting: Int { queuedBytes + window.unacknowledgedBytes }
    var isWritable: Bool { bytesWaiting < 262_144 }

    func write(_ bytes: ByteBuffer) {
        do {
            try bytes.withUnsafeReadableBytes { all in
                try cutter.cut(all, frame: session.server.linkFrame) { take($0) }
            }
        } catch {
            session.server.logger.error("output that is not XML", metadata: ["error": "\(error)"])
            return closeNow()
        }
        answer()
    }

    private func take(_ piece: StreamCutter.Piece) {
        switch piece {
        case .open(let header): streamHeader = header
        case .element(let bytes, let frame):
            if frame.nameEquals("stream:error", in: bytes) {
                terminal = Self.terminal(bytes, frame, isNew: isNew)
                return
            }
            var buffer = ByteBufferAllocator().buffer(capacity: bytes.count + 96)
            StreamCutter.writeAlone(bytes, frame, into: &buffer)
            queuedBytes += buffer.readableBytes
            output.append(buffer)
        case .close: if terminal == nil { terminal = Terminal() }
        }
    }

    func notifyWhenWritten(_ count: Int) {
        guard count > marked else { return }
        marks.append((position + output.count, count - marked))
        marked = count
    }

    func setReading(_ reads: Bool) {
        isReading = reads
        guard reads else { return }
        // Not in the middle of what the session is doing.
        session.server.loop.execute { [self] in advance() }
    }

    func startTLS() { closeNow() }

    func closeGracefully() {
        release()
        answer()
    }

    func closeNow() {
        if terminal == nil { terminal = Terminal(condition: "undefined-condition") }
        release()
        answer()
    }
}
