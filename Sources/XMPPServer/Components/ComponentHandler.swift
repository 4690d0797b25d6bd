import NIOCore

/// The channel handler of a component stream.
final class ComponentHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let session: ComponentSession

    init(_ session: ComponentSession) { self.session = session }

    func handlerAdded(context: ChannelHandlerContext) { session.attach(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { session.receive(unwrapInboundIn(data)) }

    func channelInactive(context: ChannelHandlerContext) {
        session.finish()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
