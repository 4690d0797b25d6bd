import NIOCore

/// The channel handler of a client stream: hands bytes to the session and tells it when the link ends.
///
/// Resumption (XEP-0198 §5) moves a channel to an older session, so the handler only points at one.
final class C2SHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var session: C2SSession
    /// Whom the connection counts for.
    private let address: String

    init(session: C2SSession, address: String) {
        self.session = session
        self.address = address
    }

    func handlerAdded(context: ChannelHandlerContext) { session.attach(context, self) }

    func handlerRemoved(context: ChannelHandlerContext) { session.server.connectionClosed(address) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // A link that was given up may still close its TLS; what it brings is of no session any more.
        guard session.context === context else { return }
        session.receive(unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        session.linkLost(context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        session.server.logger.debug("connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { session.drained() }
        context.fireChannelWritabilityChanged()
    }
}
