import NIOCore
import NIOHTTP1

/// One HTTP/1 connection: gathers requests, hands them to their mounts, writes answers in order (`HTTPConnection+Output`).
final class HTTPConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    let peer: String
    let front: HTTPFront
    private let usesTLS: Bool
    private let encoder: HTTPResponseEncoder
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    var context: ChannelHandlerContext?

    /// Of a request that is not there as a whole.
    var head: HTTPRequestHead?
    private var mount: (any HTTPMount)?
    private var body = ByteBuffer()
    /// A body that is handed on while it arrives.
    struct Taking {
        var sink: any HTTPBodySink
        var exchange: HTTPExchange
        /// Monotonic milliseconds at which even the slowest client has sent it.
        var limit: Int64
    }

    var taking: Taking?
    private var isHeld = false
    /// A body that is read while it is sent.
    var sending: Sending?
    var exchanges: [HTTPExchange] = []
    /// Nothing more is read; the client is given a moment to take the last answer.
    var isClosing = false
    /// Monotonic milliseconds until which something has to happen; nil while an answer is awaited from us.
    var deadline: Int64?

    init(
        front: HTTPFront, peer: String, usesTLS: Bool, encoder: HTTPResponseEncoder,
        decoder: ByteToMessageHandler<HTTPRequestDecoder>
    ) {
        self.front = front
        self.peer = peer
        self.usesTLS = usesTLS
        self.encoder = encoder
        self.decoder = decoder
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        front.joined(self)
        expect(within: front.settings.requestSeconds)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        front.left(self)
        loseAll()
    }

    /// Nobody is there any more for what is under way.
    private func loseAll() {
        sending?.source.close()
        sending = nil
        let taken = taking
        taking = nil
        taken?.sink.lost()
        let waiting = exchanges
        exchanges = []
        for exchange in waiting { exchange.lost() }
    }

    func expect(within seconds: Int) { deadline = front.uptime + Int64(seconds) * 1_000 }

    func tick(_ uptime: Int64) {
        if let sending, uptime > sending.deadline { return abort() }
        guard let deadline, uptime > deadline, let context else { return }
        if isClosing || head == nil { return context.close(promise: nil) }
        refuse(.text(.requestTimeout, "the request took too long"))
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): began(head)
        case .body(let part): gather(part)
        case .end: ended()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        loseAll()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        front.logger.debug("HTTP connection failed", metadata: ["error": "\(error)"])
        guard error is HTTPParserError, !isClosing else { return context.close(promise: nil) }
        refuse(.text(.badRequest, "not a request of HTTP/1.1"))
    }

    private func began(_ head: HTTPRequestHead) {
        guard exchanges.count < HTTPFront.pipelineDepth else { return abort() }
        self.head = head
        body = ByteBuffer()
        mount = front.mount(of: Self.path(head.uri))
        expect(within: front.settings.requestSeconds)
        let length = head.headers.first(name: "content-length").flatMap { Int($0) }
        if let mount, mount.takesBodies {
            let exchange = exchange(for: head)
            switch mount.intake(request(head, body: ByteBuffer()), exchange) {
            case .gather: break
            case .refuse(let response):
                exchanges.append(exchange)
                return refuse(response, exchange)
            case .stream(let sink):
                // A thousand bytes a second is as slow as a client may be.
                let limit = front.uptime + Int64(front.settings.requestSeconds) * 1_000 + Int64(max(0, length ?? 0))
                taking = Taking(sink: sink, exchange: exchange, limit: limit)
                exchanges.append(exchange)
                return encourage(head)
            }
        }
        if let length, length > mount?.bodyBytes ?? 0 { return refuse(tooLarge) }
        encourage(head)
    }

    /// The client may send the body if it waits for our word (RFC 9110 §10.1.1).
    private func encourage(_ head: HTTPRequestHead) {
        let waiting = exchanges.count - (taking == nil ? 0 : 1)
        guard head.headers.first(name: "expect")?.lowercased() == "100-continue", waiting == 0, let context else {
            return
        }
        let answer = HTTPResponseHead(version: head.version, status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(answer)), promise: nil)
    }

    private func exchange(for head: HTTPRequestHead) -> HTTPExchange {
        HTTPExchange(
            connection: self, keepsAlive: head.isKeepAlive && !Self.wantsUpgrade(head), isHead: head.method == .HEAD)
    }

    /// The decoder reads no further once it has seen the wish for another protocol.
    private static func wantsUpgrade(_ head: HTTPRequestHead) -> Bool {
        head.headers.contains(name: "upgrade")
            && head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
    }

    private func request(_ head: HTTPRequestHead, body: ByteBuffer) -> HTTPRequest {
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        return HTTPRequest(
            method: head.method, path: parts.first.map { String($0) } ?? "",
            query: parts.count > 1 ? String(parts[1]) : nil,
            headers: head.headers, body: body, address: front.client(of: head.headers, peer: peer),
            isSecure: front.isSecure(head.headers, peer: peer, usesTLS: usesTLS), usesTLS: usesTLS)
    }

    private func gather(_ part: ByteBuffer) {
        if let taking {
            deadline = isHeld ? nil : min(front.uptime + Int64(front.settings.requestSeconds) * 1_000, taking.limit)
            return taking.sink.receive(part)
        }
        guard body.readableBytes + part.readableBytes <= mount?.bodyBytes ?? 0 else { return refuse(tooLarge) }
        if body.readableBytes == 0 { body = part } else { body.writeImmutableBuffer(part) }
    }

    private var tooLarge: HTTPResponse {
        mount == nil ? .text(.notFound, "nothing is here") : .text(.payloadTooLarge, "the request is too large")
    }

    private func ended() {
        guard let head else { return }
        self.head = nil
        deadline = nil
        if let taken = taking {
            taking = nil
            mount = nil
            return taken.sink.end()
        }
        let request = request(head, body: body)
        body = ByteBuffer()
        let mount = mount
        self.mount = nil
        let exchange = exchange(for: head)
        if Self.wantsUpgrade(head), exchanges.isEmpty, let mount, let upgrade = mount.upgrade(request) {
            switch upgrade {
            case .accept(let headers, let install): return self.upgrade(headers, install)
            case .refuse(let response):
                exchanges.append(exchange)
                return exchange.respond(response)
            }
        }
        exchanges.append(exchange)
        guard let mount else { return exchange.respond(.text(.notFound, "nothing is here")) }
        mount.receive(request, exchange)
    }

    /// Reads nothing from the client for a while, or reads on.
    func hold(_ isHeld: Bool) {
        guard let context, self.isHeld != isHeld else { return }
        self.isHeld = isHeld
        if taking != nil { if isHeld { deadline = nil } else { expect(within: front.settings.requestSeconds) } }
        try? context.channel.syncOptions?.setOption(.autoRead, value: !isHeld)
    }

    private static func path(_ uri: String) -> String { String(uri.prefix { $0 != "?" }) }

    /// Takes this handler and the codec of HTTP out and lets the other protocol have the connection.
    private func upgrade(_ headers: HTTPHeaders, _ install: (any Channel) throws -> Void) {
        guard let context else { return }
        let answer = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        let channel = context.channel
        let pipeline = channel.pipeline.syncOperations
        do {
            pipeline.removeHandler(encoder, promise: nil)
            try install(channel)
            pipeline.removeHandler(context: context, promise: nil)
            pipeline.removeHandler(decoder, promise: nil)
        } catch {
            front.logger.debug("upgrade failed", metadata: ["error": "\(error)"])
            channel.close(promise: nil)
        }
    }
}
