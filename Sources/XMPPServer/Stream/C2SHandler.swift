import NIOCore
import Transport

/// The TCP link of a client stream: hands bytes to the session and tells it when the connection ends.
final class C2SHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var session: C2SSession
    /// Whom the connection counts for.
    private let address: String
    private var context: ChannelHandlerContext?
    /// Of the channel; kept, because to ask for it costs.
    private var options: (any NIOSynchronousChannelOptions)?
    /// What TLS used; nil without TLS.
    var encryption: TLSConnection?

    init(session: C2SSession, address: String) {
        self.session = session
        self.address = address
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        options = context.channel.syncOptions
        session.attach(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        options = nil
        session.server.connectionClosed(address)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // A link that was given up may still close its TLS; what it brings is of no session any more.
        guard session.link === self else { return }
        session.receive(unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        session.linkLost(self)
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

extension C2SHandler: StreamLink {
    var negotiatesTLS: Bool { true }

    var tlsVersion: String { context.map { TLSReport.version(of: $0.channel) } ?? "none" }

    var serverEndPoint: [UInt8]? { encryption?.serverEndPoint }

    var peerCertificates: [[UInt8]]? { context.flatMap { encryption?.peerCertificates(on: $0.channel) } }

    var bytesWaiting: Int { (try? options?.getOption(.bufferedWritableBytes)) ?? 0 }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    func write(_ bytes: ByteBuffer) { context?.writeAndFlush(NIOAny(bytes), promise: nil) }

    /// An empty write behind the bytes that wait tells when they are out.
    func notifyWhenWritten(_ count: Int) {
        guard let context else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        let session = session
        promise.futureResult.assumeIsolated().whenSuccess {
            guard count <= session.written.count, session.phase == .bound else { return }
            session.settleWritten()
        }
        context.writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
    }

    func setReading(_ reads: Bool) { context?.channel.setReading(reads) }

    func startTLS() {
        guard let context else { return }
        do {
            encryption = try session.server.tls.install(on: context.channel, direct: false)
        } catch {
            context.close(promise: nil)
        }
    }

    func closeGracefully() {
        guard let context else { return }
        session.server.closeGracefully(context.channel)
    }

    func closeNow() { context?.close(mode: .all, promise: nil) }
}

extension Channel {
    /// Bytes that the socket has not taken yet.
    var bytesWaiting: Int { (try? syncOptions?.getOption(.bufferedWritableBytes)) ?? 0 }

    func setReading(_ reads: Bool) { try? syncOptions?.setOption(.autoRead, value: reads) }
}
