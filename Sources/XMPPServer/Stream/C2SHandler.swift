import NIOCore

/// The channel handler of a client stream: hands bytes to the session and tells it when the link ends.
///
/// Resumption (XEP-0198 §5) moves a channel to an older session, so the handler only points at one.
final class C2SHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var session: C2SSession

    init(session: C2SSession) { self.session = session }

    func handlerAdded(context: ChannelHandlerContext) { session.attach(context, self) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
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
