import NIOCore

/// One connection of one account: bytes in, elements out, and the other way round.
///
/// Confined to the event loop of the fleet. Outgoing bytes gather in one buffer and leave in one write at the end of
/// the loop's tick. How a login goes is in `ClientSession+Login.swift`, what stanzas mean in
/// `ClientSession+Stanzas.swift`.
final class ClientSession: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How far the session is.
    enum Step: UInt8 {
        case connecting
        /// Stream opened, features awaited.
        case opening
        case startingTLS, authenticating, registering, binding, startingSession, enablingManagement
        /// Presence sent; the answer to a ping proves that the server has taken it in.
        case probing
        case online
        /// `</stream:stream>` sent.
        case closing
        case closed
    }

    unowned let fleet: ClientFleet
    /// The account, counted from the run's first.
    let index: Int
    /// When connecting began.
    let startTime: UInt64
    var step = Step.connecting
    var isSecured = false
    var isAuthenticated = false
    var needsSession = false
    var scram: ScramClient?
    /// Stream management, once enabled.
    var acks: AckTracker?
    private var framer = ElementFramer()
    /// The beginning of an element whose end has not come yet.
    private var carry = ByteBuffer()
    private var out = ByteBuffer()
    private var isDirty = false
    private(set) var context: ChannelHandlerContext?

    init(index: Int, fleet: ClientFleet) {
        self.index = index
        self.fleet = fleet
        startTime = ClientFleet.clock()
    }

    var isOnline: Bool { step == .online }

    // MARK: Sending

    /// Appends text to what leaves at the end of the tick.
    func send(_ text: String) {
        out.writeString(text)
        markDirty()
    }

    /// Sends one stanza and counts it for stream management.
    ///
    /// - Parameters:
    ///   - byteCount: exact length of the stanza.
    ///   - time: when it was due, for timing its acknowledgement; 0 when that is not wanted.
    ///   - write: fills the bytes.
    @inline(__always)
    func sendStanza(byteCount: Int, at time: UInt64, _ write: (UnsafeMutableRawBufferPointer) -> Void) {
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { target in
            write(UnsafeMutableRawBufferPointer(rebasing: target[..<byteCount]))
            return byteCount
        }
        stanzaSent(at: time)
    }

    /// Sends one stanza that is not timed.
    func sendStanza(_ text: String) {
        out.writeString(text)
        stanzaSent(at: 0)
    }

    private func stanzaSent(at time: UInt64) {
        if acks?.stanzaSent(at: time) == true { out.writeStaticString(Self.ackRequest) }
        markDirty()
    }

    func requestAck() {
        out.writeStaticString(Self.ackRequest)
        markDirty()
    }

    private static let ackRequest: StaticString = "<r xmlns='urn:xmpp:sm:3'/>"

    private func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        fleet.flushLater(self)
    }

    /// Writes what has gathered.
    func flush() {
        isDirty = false
        guard let context, step != .closed, out.readableBytes > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(out), promise: nil)
        if fleet.keepsBuffers {
            out.clear()
        } else {
            out = ByteBuffer()
        }
    }

    /// Opens a stream, at first or anew (RFC 6120 §4.2).
    func openStream() {
        framer.reset()
        step = .opening
        send(
            "<?xml version='1.0'?><stream:stream to='\(fleet.options.domain)' version='1.0' xmlns='jabber:client' "
                + "xmlns:stream='http://etherx.jabber.org/streams'>")
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        if fleet.options.security == .direct, !startTLS() { return }
        openStream()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard step != .closed else { return }
        fleet.now = ClientFleet.clock()
        var buffer = unwrapInboundIn(data)
        if carry.readableBytes > 0 {
            // Taken out of the property: what is handled below may end the session and empty it.
            var joined = carry
            carry = ByteBuffer()
            joined.writeBuffer(&buffer)
            buffer = joined
        }
        let consumed = buffer.withUnsafeReadableBytes { frame($0) }
        guard step != .closed, consumed < buffer.readableBytes else { return }
        buffer.moveReaderIndex(forwardBy: consumed)
        // Copied: keeping the slice would keep the whole receive buffer.
        carry = context.channel.allocator.buffer(capacity: buffer.readableBytes + 256)
        carry.writeBuffer(&buffer)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if step == .closing { end() } else { fail("closed by the server", "") }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if step == .closing { end() } else { fail("connection failed", "\(error)") }
    }

    /// Handles every complete element; returns the number of bytes that are done with.
    private func frame(_ bytes: UnsafeRawBufferPointer) -> Int {
        while let event = framer.next(in: bytes) {
            switch event {
            case .element(let start, let tagEnd, let end):
                let before = step
                handle(Element(bytes: bytes.part(start, end), tagEnd: tagEnd - start))
                if step == .closed { return bytes.count }
                // The stream began anew: nothing of the old one may follow (RFC 6120 §5.4.3.3, §6.4.6).
                if step == .opening, before != .opening { return bytes.count }
            case .streamClosed:
                if step == .closing { end() } else { fail("stream closed by the server", "") }
                return bytes.count
            case .tooLong:
                fail("element above \(ElementFramer.limit) bytes", "")
                return bytes.count
            }
        }
        let consumed = framer.consumed
        framer.rebase()
        return consumed
    }

    /// Puts TLS below this handler; the handshake begins at once.
    func startTLS() -> Bool {
        guard let context else { return false }
        do {
            if let handler = try fleet.transport.makeTLSHandler() {
                try context.pipeline.syncOperations.addHandler(handler, position: .first)
            }
        } catch {
            fail("TLS cannot begin", "\(error)")
            return false
        }
        isSecured = true
        return true
    }

    // MARK: Ending

    /// Ends the stream in order (RFC 6120 §4.4).
    func close() {
        guard step != .closed, step != .closing else { return }
        step = .closing
        send("</stream:stream>")
    }

    /// Gives the connection up without a word.
    func abandon() {
        guard step != .closed else { return }
        end()
    }

    /// Ends the session and counts an error, unless it was ending anyway.
    func fail(_ reason: String, _ detail: String) {
        guard step != .closed else { return }
        if step == .closing { return end() }
        let wasOnline = step == .online
        fleet.note(reason, detail, session: self)
        step = .closed
        release()
        fleet.sessionFailed(self, wasOnline: wasOnline)
    }

    private func end() {
        guard step != .closed else { return }
        let wasOnline = step == .online || step == .closing
        step = .closed
        release()
        fleet.sessionEnded(self, wasOnline: wasOnline)
    }

    private func release() {
        carry = ByteBuffer()
        out = ByteBuffer()
        scram = nil
        context?.close(promise: nil)
    }
}
