import Ground
import IMCore
import NIOCore
import XMLWire
import XMPPWire

/// One stream of an external component (XEP-0114, `jabber:component:accept`).
///
///     header ▶ handshake ▶ open ▶ ended
///
/// There are no acks on it: a stanza is settled once the socket has it; what had not left when the link broke is
/// answered with an error.
final class ComponentSession {
    private enum Phase { case header, handshake, open, ended }

    private let server: ComponentServer
    private let remoteAddress: String
    private let streamID = RandomToken.make()
    private let connectedAt: Int64
    private var phase = Phase.header
    private var hasSentHeader = false
    /// Said to the component as soon as it opens its stream.
    var refusal: StreamError?
    private var service: ComponentService?

    private var context: ChannelHandlerContext?
    private var scanner: XMLStreamScanner
    private let frame = ElementFrame()
    private var input: ByteBuffer?
    private var isProcessing = false

    private var out: ByteBuffer?
    /// Stanzas in `out`, and those on their way to the socket.
    private var unsent: [RoutedStanza] = []
    private var unsettled: [RoutedStanza] = []

    init(server: ComponentServer, address: String) {
        self.server = server
        remoteAddress = address
        let config = server.server.config
        connectedAt = server.server.time.uptime
        scanner = XMLStreamScanner(
            limits: XMLLimits(elementBytes: config.unauthenticatedStanzaBytes, depth: min(config.stanzaDepth, 32)))
    }

    func attach(_ context: ChannelHandlerContext) { self.context = context }

    private var core: C2SServer { server.server }

    // MARK: Input

    func receive(_ bytes: ByteBuffer) {
        guard phase != .ended else { return }
        if var waiting = input {
            input = nil
            waiting.writeImmutableBuffer(bytes)
            input = waiting
        } else {
            input = bytes
        }
        guard !isProcessing, var buffer = input else { return }
        isProcessing = true
        input = nil
        let consumed = buffer.withUnsafeReadableBytes { step($0) }
        isProcessing = false
        buffer.moveReaderIndex(forwardBy: consumed)
        guard phase != .ended, buffer.readableBytes > 0 else { return }
        buffer.discardReadBytes()
        input = buffer
    }

    private func step(_ all: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        while offset < all.count, phase != .ended {
            let bytes = all.part(offset, all.count)
            switch scanner.next(bytes, frame: frame) {
            case .needMoreBytes: return offset
            case .whitespace(let length): offset += length
            case .streamOpen(let length):
                offset += length
                streamOpened()
            case .element(let length):
                offset += length
                handle(bytes.part(0, length))
            case .streamClose(let length):
                offset += length
                append(Array("</stream:stream>".utf8))
                close()
            case .fault(let fault): end(StreamError(fault: fault))
            }
        }
        return offset
    }

    private func handle(_ bytes: UnsafeRawBufferPointer) {
        guard let header = scanner.header else { return }
        let prefixes = [(prefix: header.prefix, uri: header.streamNamespace)] + header.extraPrefixes
        guard
            let read = try? XMLElement(
                parsing: bytes, streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: prefixes)
        else { return end(StreamError(.notWellFormed)) }
        let element = ComponentNamespace.toClient(read)
        switch phase {
        case .handshake:
            guard element.name == "handshake", element.namespace == XMPPNamespace.client else {
                return end(StreamError(.notAuthorized, "the handshake comes first"))
            }
            shakeHands(element.text)
        case .open: route(element)
        case .header, .ended: break
        }
    }

    // MARK: Negotiation (§3)

    private func streamOpened() {
        guard let header = scanner.header else { return }
        let name = header.to.flatMap { try? JIDPreparation.domainpart($0) }
        sendHeader(from: name ?? "")
        if let refusal { return end(refusal) }
        guard header.streamNamespace == XMPPNamespace.stream, header.name == "stream" else {
            return end(StreamError(.invalidNamespace, "the stream namespace must be \(XMPPNamespace.stream)"))
        }
        guard header.defaultNamespace == ComponentNamespace.accept else {
            return end(StreamError(.invalidNamespace, "the default namespace must be \(ComponentNamespace.accept)"))
        }
        guard let name, let service = server.service(name) else {
            return end(StreamError(.hostUnknown, "no component of that name is configured"))
        }
        self.service = service
        phase = .handshake
    }

    private func sendHeader(from domain: String) {
        hasSentHeader = true
        append(
            Array(
                ("<?xml version='1.0'?><stream:stream xmlns='\(ComponentNamespace.accept)'"
                    + " xmlns:stream='\(XMPPNamespace.stream)' id='\(streamID)' from='\(XMLText.escape(domain))'>").utf8
            ))
    }

    private func shakeHands(_ digest: String) {
        guard let service else { return }
        guard server.accepts(digest.trimmed, streamID: streamID, of: service, from: remoteAddress) else {
            return end(StreamError(.notAuthorized))
        }
        guard service.connect(self) else {
            return end(StreamError(.conflict, "the component is connected already"))
        }
        phase = .open
        let config = core.config
        scanner.limits = XMLLimits(elementBytes: config.stanzaBytes, depth: config.stanzaDepth)
        append(Array("<handshake/>".utf8))
        core.logger.info("component connected", metadata: ["domain": "\(service.domain)"])
    }

    // MARK: Stanzas of the component

    private func route(_ element: XMLElement) {
        guard let service else { return }
        guard let kind = RoutedStanza.Kind(rawValue: element.name), element.namespace == XMPPNamespace.client else {
            return end(StreamError(.unsupportedStanzaType, "the element is not understood"))
        }
        var element = element
        // §3 demands `from`; as with other servers, the domain itself is meant when it is missing.
        var from = JID(preparedLocal: nil, domain: service.domain, resource: nil)
        if let text = element["from"] {
            guard let jid = try? JID(parsing: text), jid.domain == service.domain else {
                return end(StreamError(.invalidFrom, "'from' must be an address at \(service.domain)"))
            }
            from = jid
        }
        element["from"] = from.description
        let host = JID(preparedLocal: nil, domain: core.router.domainNames.first ?? "", resource: nil)
        let stanza = RoutedStanza(kind: kind, element: element, from: from, to: host, source: service)
        guard element["to"] != nil else { return stanza.refuse(.badRequest("a stanza of a component needs a 'to'")) }
        if kind == .iq {
            let type = element["type"] ?? ""
            guard ["get", "set", "result", "error"].contains(type), element["id"] != nil else {
                return stanza.refuse(.badRequest("an IQ needs an id and a type: get, set, result or error"))
            }
            guard type == "result" || type == "error" || element.elements.count == 1 else {
                return stanza.refuse(.badRequest("a request has exactly one child"))
            }
        }
        core.router.send(element, from: service)
    }

    // MARK: Output

    /// A stanza for the component; settled when the socket has it.
    func deliver(_ stanza: RoutedStanza) {
        guard phase == .open, context != nil else {
            stanza.refuse(.componentAway)
            return stanza.settle()
        }
        unsent.append(stanza)
        append(ComponentNamespace.bytes(of: stanza.element))
    }

    /// Bytes of a stanza in the stream's namespace.
    func deliver(_ bytes: [UInt8]) {
        if phase == .open { append(bytes) }
    }

    private func append(_ bytes: [UInt8]) {
        guard context != nil else { return }
        if out == nil {
            out = core.takeBuffer()
            core.loop.execute { [self] in flush() }
        }
        out!.writeBytes(bytes)
    }

    private func flush() {
        guard let buffer = out else { return }
        out = nil
        guard let context else { return }
        let leaving = unsent
        unsent = []
        unsettled += leaving
        context.writeAndFlush(NIOAny(buffer), promise: nil)
        let waiting = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        if waiting == 0 {
            core.giveBack(buffer)
            settle(unsettled.count)
        } else if waiting > core.config.outboundBytes {
            core.logger.warning("component does not read", metadata: ["domain": "\(service?.domain ?? "")"])
            finish()
            context.close(promise: nil)
        } else if !leaving.isEmpty {
            // An empty write behind them tells when they are out.
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenSuccess { [self] in settle(leaving.count) }
            context.writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
        }
    }

    private func settle(_ count: Int) {
        let written = unsettled.prefix(count)
        unsettled.removeFirst(written.count)
        for stanza in written { stanza.settle() }
    }

    // MARK: End

    /// Ends the stream with an error (RFC 6120 §4.9).
    func end(_ error: StreamError) {
        guard phase != .ended else { return }
        if !hasSentHeader { sendHeader(from: "") }
        append(Array((error.xml + "</stream:stream>").utf8))
        close()
    }

    private func close() {
        let channel = context?.channel
        flush()
        finish()
        if let channel { core.closeGracefully(channel) }
    }

    /// The stream is over. What the component did not get is answered with an error.
    func finish() {
        guard phase != .ended else { return }
        if phase == .open {
            core.logger.info("component disconnected", metadata: ["domain": "\(service?.domain ?? "")"])
        }
        phase = .ended
        context = nil
        out = nil
        input = nil
        service?.disconnect(self)
        server.forget(self)
        let lost = unsettled + unsent
        unsettled = []
        unsent = []
        for stanza in lost {
            stanza.refuse(.componentAway)
            stanza.settle()
        }
    }

    func tick(_ uptime: Int64) {
        guard phase == .header || phase == .handshake else { return }
        if uptime - connectedAt > Int64(core.config.loginSeconds) * 1_000 {
            end(StreamError(.connectionTimeout, "no handshake within \(core.config.loginSeconds) seconds"))
        }
    }
}
