import NIOCore
import NIOHTTP1

/// Answers of a connection, in the order of its requests.
extension HTTPConnection {
    /// A body that is read while it is sent.
    struct Sending {
        var source: any HTTPBodySource
        var exchange: HTTPExchange
        /// Bytes that are not read yet.
        var rest: Int
        /// Monotonic milliseconds until which the client has to take what was sent.
        var deadline: Int64
    }

    /// Writes every answer whose turn it is.
    func answered() {
        // Whoever answers before the body has come wants no more of it.
        if let taken = taking, taken.exchange.response != nil {
            taking = nil
            head = nil
            taken.exchange.keepsAlive = false
            isClosing = true
            hold(false)
            expect(within: front.settings.requestSeconds)
        }
        guard let context, sending == nil else { return }
        var wrote = false
        while let exchange = exchanges.first, let response = exchange.response {
            exchanges.removeFirst()
            writeHead(response, exchange, context)
            wrote = true
            if let source = response.source, !exchange.isHead {
                context.flush()
                sending = Sending(source: source, exchange: exchange, rest: source.length, deadline: .max)
                return sendNext()
            }
            response.source?.close()
            if !exchange.isHead, response.body.readableBytes > 0 {
                context.write(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil)
            }
            context.write(wrapOutboundOut(.end(nil)), promise: nil)
            if !exchange.keepsAlive {
                context.flush()
                return closeGracefully()
            }
        }
        if wrote { context.flush() }
        if exchanges.isEmpty, head == nil { expect(within: front.settings.idleSeconds) }
    }

    private func writeHead(_ response: HTTPResponse, _ exchange: HTTPExchange, _ context: ChannelHandlerContext) {
        var head = HTTPResponseHead(version: .http1_1, status: response.status, headers: response.headers)
        for (name, value) in exchange.headers { head.headers.replaceOrAdd(name: name, value: value) }
        if response.status != .noContent, response.status != .notModified {
            let length = response.source?.length ?? response.body.readableBytes
            head.headers.replaceOrAdd(name: "content-length", value: String(length))
        }
        head.headers.replaceOrAdd(name: "connection", value: exchange.keepsAlive ? "keep-alive" : "close")
        head.headers.replaceOrAdd(name: "x-content-type-options", value: "nosniff")
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    /// The next piece of a long answer is read once the one before is written.
    private func sendNext() {
        guard let current = sending, let context else { return }
        guard current.rest > 0 else {
            sending = nil
            current.source.close()
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            guard current.exchange.keepsAlive else { return closeGracefully() }
            return answered()
        }
        sending?.deadline = .max
        let source = current.source
        source.next { [weak self] part in
            guard let self, let context = self.context, let current = self.sending, current.source === source
            else { return }
            guard let part, part.readableBytes > 0, part.readableBytes <= current.rest else { return self.abort() }
            self.sending?.rest -= part.readableBytes
            self.sending?.deadline = self.front.uptime + Int64(self.front.settings.idleSeconds) * 1_000
            let written = context.eventLoop.makePromise(of: Void.self)
            written.futureResult.assumeIsolated().whenComplete { [weak self] result in
                // A failure is followed by the end of the connection.
                if case .success = result { self?.sendNext() }
            }
            context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(part))), promise: written)
        }
    }

    /// Answers a request that is not taken to its end, behind the answers that are owed, and closes.
    func refuse(_ response: HTTPResponse, _ exchange: HTTPExchange? = nil) {
        isClosing = true
        head = nil
        expect(within: front.settings.requestSeconds)
        if let taken = taking {
            taking = nil
            hold(false)
            taken.sink.lost()
            taken.exchange.keepsAlive = false
            return taken.exchange.respond(response)
        }
        let answering = exchange ?? HTTPExchange(connection: self, keepsAlive: false, isHead: false)
        answering.keepsAlive = false
        if exchange == nil { exchanges.append(answering) }
        answering.respond(response)
    }

    /// Lets the client read the answer: a connection closed at once while the client still sends is reset.
    func closeGracefully() {
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
