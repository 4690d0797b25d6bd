import NIOCore
import NIOWebSocket
import Transport
import XMLWire
import XMPPWire

/// XMPP over WebSocket (RFC 7395): each text message is one element, `<open/>` and `<close/>` stand for the stream's
/// own tags. TLS belongs to the connection, never to the stream (§3.9 of the RFC).
final class WebSocketLink: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    static let namespace = "urn:ietf:params:xml:ns:xmpp-framing"
    /// Pieces of one message.
    private static let mostFragments = 1_024
    /// A ping after that many milliseconds of silence, so that proxies keep the connection.
    private static let pingInterval: Int64 = 45_000

    var session: C2SSession
    private let address: String
    private weak var mount: WebSocketMount?
    private var context: ChannelHandlerContext?

    private var cutter = StreamCutter()
    private var scanner = StreamOpening.scanner
    private var hasOpened = false
    /// A message whose last fragment is still to come.
    private var message: ByteBuffer?
    private var fragments = 0

    private var closeCode = WebSocketErrorCode.normalClosure
    /// Our close frame is out: nothing may follow it.
    private var hasClosed = false
    private var writesUnderWay = 0
    private var isAwaited = false
    private var lastWrite: Int64

    init(session: C2SSession, address: String, mount: WebSocketMount) {
        self.session = session
        self.address = address
        self.mount = mount
        lastWrite = session.server.time.uptime
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        session.attach(self)
        mount?.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        session.server.connectionClosed(address)
        mount?.remove(self)
    }

    func channelInactive(context: ChannelHandlerContext) {
        session.linkLost(self)
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { session.drained() }
        context.fireChannelWritabilityChanged()
    }

    /// What is no WebSocket has been answered with a close frame before this.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        session.server.logger.debug("connection failed", metadata: ["error": "\(error)"])
        hasClosed = true
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        if frame.opcode == .connectionClose { return closedByClient(frame) }
        guard session.link === self, !hasClosed else { return }
        guard frame.maskKey != nil, frame.reservedBits.isEmpty else {
            return refuse(.protocolError, StreamError(.badFormat, "not a frame of a WebSocket client"))
        }
        switch frame.opcode {
        case .text:
            guard message == nil else {
                return refuse(.protocolError, StreamError(.badFormat, "a message inside a message"))
            }
            guard !frame.fin else { return received(frame.unmaskedData) }
            message = frame.unmaskedData
            fragments = 1
        case .continuation: gather(frame)
        case .ping:
            // Whoever does not read its answers gets none, or they would pile up (RFC 6455 §5.5.3).
            if context.channel.isWritable { send(.pong, frame.unmaskedData) }
        case .pong: break
        default: refuse(.unacceptableData, StreamError(.badFormat, "messages are text (RFC 7395 §3.2)"))
        }
    }

    private func gather(_ frame: WebSocketFrame) {
        guard var whole = message else {
            return refuse(.protocolError, StreamError(.badFormat, "a fragment of no message"))
        }
        message = nil
        var part = frame.unmaskedData
        fragments += 1
        // Less before the login (RFC 6120 §13.12).
        guard whole.readableBytes + part.readableBytes <= session.scanner.limits.elementBytes * 2,
            fragments <= Self.mostFragments
        else { return refuse(.messageTooLarge, StreamError(fault: .tooLarge)) }
        whole.writeBuffer(&part)
        if frame.fin { received(whole) } else { message = whole }
    }

    private func refuse(_ code: WebSocketErrorCode, _ error: StreamError) {
        closeCode = code
        session.end(error)
    }

    /// The client ends the connection; without `<close/>` before, its stream may be resumed.
    private func closedByClient(_ frame: WebSocketFrame) {
        let wasClosed = hasClosed
        session.linkLost(self)
        if !wasClosed {
            var code = frame.unmaskedData
            send(.connectionClose, code.readSlice(length: min(2, code.readableBytes)) ?? ByteBuffer())
            hasClosed = true
        }
        context?.close(promise: nil)
    }

    // MARK: Messages

    /// One message: a complete element and nothing else (RFC 7395 §3.3.3).
    private func received(_ data: ByteBuffer) {
        enum Kind { case nothing, open, close, element, incomplete, fault(XMLFault) }
        let frame = session.server.linkFrame
        scanner.limits = session.scanner.limits
        let kind: Kind = data.withUnsafeReadableBytes { bytes in
            switch scanner.next(bytes, frame: frame) {
            case .element(let length):
                let rest = bytes[length...]
                guard rest.allSatisfy({ $0 == 32 || $0 == 9 || $0 == 10 || $0 == 13 }) else { return .incomplete }
                guard frame.namespace.equals("urn:ietf:params:xml:ns:xmpp-framing", in: bytes) else { return .element }
                if frame.nameEquals("open", in: bytes) { return .open }
                return frame.nameEquals("close", in: bytes) ? .close : .element
            case .whitespace(let length): return length == bytes.count ? .nothing : .incomplete
            case .fault(let fault):
                scanner = StreamOpening.scanner
                return .fault(fault)
            default:
                frame.reset()
                return bytes.isEmpty ? .nothing : .incomplete
            }
        }
        switch kind {
        case .nothing: break
        case .open: opened(data)
        case .close where hasOpened: session.receive(StreamOpening.end)
        case .element where hasOpened: session.receive(data)
        case .close, .element: session.end(StreamError(.badFormat, "the first message must be <open/>"))
        case .incomplete: session.end(StreamError(.notWellFormed, "a message is one complete element"))
        case .fault(let fault): session.end(StreamError(fault: fault))
        }
    }

    private func opened(_ data: ByteBuffer) {
        var data = data
        guard let bytes = data.readBytes(length: data.readableBytes),
            let element = try? bytes.withUnsafeBytes({ all in
                try XMLElement(parsing: all, streamDefaultNamespace: "", streamPrefixes: [])
            })
        else { return session.end(StreamError(.notWellFormed)) }
        hasOpened = true
        session.receive(
            StreamOpening.header(
                to: element["to"], from: element["from"], version: element["version"], language: element["xml:lang"]))
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer) {
        guard !hasClosed, let context else { return }
        context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: data)), promise: nil)
    }

    func tick(_ uptime: Int64) {
        guard uptime - lastWrite > Self.pingInterval else { return }
        lastWrite = uptime
        send(.ping, ByteBuffer())
    }
}

extension WebSocketLink: StreamLink {
    var negotiatesTLS: Bool { false }

    var tlsVersion: String {
        let version = context.map { TLSReport.version(of: $0.channel) } ?? "none"
        return version == "none" && session.isSecure ? "proxy" : version
    }

    /// A page in a browser cannot see the certificate, and TLS often ends at a proxy before us.
    var serverEndPoint: [UInt8]? { nil }

    var bytesWaiting: Int { context?.channel.bytesWaiting ?? 0 }
    var isWritable: Bool { context?.channel.isWritable ?? false }

    func write(_ bytes: ByteBuffer) {
        guard !hasClosed, let context else { return }
        lastWrite = session.server.time.uptime
        var last: ByteBuffer?
        do {
            try bytes.withUnsafeReadableBytes { all in
                try cutter.cut(all, frame: session.server.linkFrame) { piece in
                    if let last { context.write(wrapOutboundOut(Self.text(last)), promise: nil) }
                    last = Self.message(piece)
                }
            }
        } catch {
            session.server.logger.error("output that is not XML", metadata: ["error": "\(error)"])
            return closeNow()
        }
        guard let last else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        writesUnderWay += 1
        promise.futureResult.assumeIsolated().whenComplete { [self] _ in
            writesUnderWay -= 1
            guard isAwaited, writesUnderWay == 0 else { return }
            isAwaited = false
            session.settleWritten()
        }
        context.writeAndFlush(wrapOutboundOut(Self.text(last)), promise: promise)
    }

    private static func text(_ data: ByteBuffer) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: .text, data: data)
    }

    private static func message(_ piece: StreamCutter.Piece) -> ByteBuffer {
        switch piece {
        case .open(let header):
            var open = XMLElement("open", namespace: namespace)
            open["from"] = header.from
            open["to"] = header.to
            open["id"] = header.id
            open["version"] = header.version
            open["xml:lang"] = header.lang
            var buffer = ByteBuffer()
            open.write(into: &buffer, inheritedNamespace: "")
            return buffer
        case .element(let bytes, let frame):
            var buffer = ByteBufferAllocator().buffer(capacity: bytes.count + 96)
            StreamCutter.writeAlone(bytes, frame, into: &buffer)
            return buffer
        case .close: return ByteBuffer(string: "<close xmlns='\(namespace)'/>")
        }
    }

    func notifyWhenWritten(_ count: Int) { isAwaited = true }

    func setReading(_ reads: Bool) { context?.channel.setReading(reads) }

    func startTLS() { closeNow() }

    func closeGracefully() {
        guard let context else { return }
        var code = ByteBuffer()
        code.write(webSocketErrorCode: closeCode)
        send(.connectionClose, code)
        hasClosed = true
        session.server.closeGracefully(context.channel)
    }

    func closeNow() { context?.close(mode: .all, promise: nil) }
}
