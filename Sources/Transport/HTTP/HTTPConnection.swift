import NIOCore
import NIOHTTP1

/// One HTTP/1 connection: gathers requests, hands them to their mounts, writes answers in order.
final class HTTPConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    let peer: String
    private let front: HTTPFront
    private let usesTLS: Bool
    private let encoder: HTTPResponseEncoder
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private var context: ChannelHandlerContext?

    private var head: HTTPRequestHead?
    private var mount: (any HTTPMount)?
    private var body = ByteBuffer()
    private var exchanges: [HTTPExchange] = []
    /// Nothing more is read; the client is given a moment to take the last answer.
    private var isClosing = false
    /// Monotonic milliseconds until which something has to happen; nil while an answer is awaited from us.
    private var deadline: Int64?

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
        let waiting = exchanges
        exchanges = []
        for exchange in waiting { exchange.lost() }
    }

    private func expect(within seconds: Int) { deadline = front.uptime + Int64(seconds) * 1_000 }

    func tick(_ uptime: Int64) {
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
        let waiting = exchanges
        exchanges = []
        for exchange in waiting { exchange.lost() }
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
        let limit = mount?.bodyBytes ?? 0
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > limit {
            return refuse(tooLarge)
        }
        if head.headers.first(name: "expect")?.lowercased() == "100-continue", exchanges.isEmpty, let context {
            let answer = HTTPResponseHead(version: head.version, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(answer)), promise: nil)
        }
    }

    private func gather(_ part: ByteBuffer) {
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
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let request = HTTPRequest(
            method: head.method, path: String(parts[0]), query: parts.count > 1 ? String(parts[1]) : nil,
            headers: head.headers, body: body, address: front.client(of: head.headers, peer: peer),
            isSecure: front.isSecure(head.headers, peer: peer, usesTLS: usesTLS), usesTLS: usesTLS)
        body = ByteBuffer()
        let mount = mount
        self.mount = nil
        // The decoder reads no further once it has seen the wish for another protocol.
        let wantsUpgrade =
            head.headers.contains(name: "upgrade")
            && head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
        let exchange = HTTPExchange(
            connection: self, keepsAlive: head.isKeepAlive && !wantsUpgrade, isHead: head.method == .HEAD)
        if wantsUpgrade, exchanges.isEmpty, let mount, let upgrade = mount.upgrade(request) {
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

    // MARK: Answers

    /// Writes every answer whose turn it is.
    func answered() {
        guard let context else { return }
        var wrote = false
        while let exchange = exchanges.first, let response = exchange.response {
            exchanges.removeFirst()
            write(response, exchange, context)
            wrote = true
            if !exchange.keepsAlive {
                context.flush()
                return closeGracefully()
            }
        }
        if wrote { context.flush() }
        if exchanges.isEmpty, head == nil { expect(within: front.settings.idleSeconds) }
    }

    private func write(_ response: HTTPResponse, _ exchange: HTTPExchange, _ context: ChannelHandlerContext) {
        var head = HTTPResponseHead(version: .http1_1, status: response.status, headers: response.headers)
        for (name, value) in exchange.headers { head.headers.replaceOrAdd(name: name, value: value) }
        if response.status != .noContent {
            head.headers.replaceOrAdd(name: "content-length", value: String(response.body.readableBytes))
        }
        head.headers.replaceOrAdd(name: "connection", value: exchange.keepsAlive ? "keep-alive" : "close")
        head.headers.replaceOrAdd(name: "x-content-type-options", value: "nosniff")
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !exchange.isHead, response.body.readableBytes > 0 {
            context.write(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil)
        }
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Answers a request that is not taken to its end, behind the answers that are owed, and closes.
    private func refuse(_ response: HTTPResponse) {
        let exchange = HTTPExchange(connection: self, keepsAlive: false, isHead: false)
        head = nil
        exchanges.append(exchange)
        isClosing = true
        expect(within: front.settings.requestSeconds)
        exchange.respond(response)
    }

    /// Lets the client read the answer: a connection closed at once while the client still sends is reset.
    private func closeGracefully() {
        isClosing = true
        for exchange in exchanges { exchange.lost() }
        exchanges = []
        expect(within: 2)
        context?.close(mode: .output, promise: nil)
    }

    func abort() {
        isClosing = true
        context?.close(promise: nil)
    }
}
