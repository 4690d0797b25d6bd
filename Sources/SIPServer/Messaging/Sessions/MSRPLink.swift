import NIOCore
import NIOPosix
import SIPWire
import Transport

/// One MSRP connection, taken or made (RFC 4975 §5). It carries one session: the first request says which.
final class MSRPLink {
    private unowned let table: SessionTable
    private var context: ChannelHandlerContext?
    private var scanner = MSRPScanner()
    private var input = ByteBuffer()
    private var output = ByteBuffer()
    weak var session: ChatSession?
    let remote: TransportAddress
    let openedAt: Int64
    private var isClosing = false
    private var isFlushing = false
    private var hasBegun: Bool
    /// Over TLS.
    private(set) var isSecure: Bool

    /// - Parameters:
    ///   - isOutbound: made by us; its TLS is installed already.
    ///   - isSecure: of an outbound one.
    init(_ table: SessionTable, remote: TransportAddress, isOutbound: Bool, isSecure: Bool = false) {
        self.table = table
        self.isSecure = isSecure
        self.remote = remote
        hasBegun = isOutbound
        openedAt = table.server.time.uptime
    }

    func attach(_ context: ChannelHandlerContext) { self.context = context }

    // MARK: In

    func received(_ bytes: ByteBuffer) {
        guard !isClosing else { return }
        if !hasBegun {
            hasBegun = true
            // One port for both: a TLS handshake begins with 22 (RFC 8446 §5.1), MSRP with a letter.
            if bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) == 22 { return beginTLS(bytes) }
        }
        var bytes = bytes
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        read()
    }

    private func beginTLS(_ bytes: ByteBuffer) {
        guard let context, let tls = table.server.tls else { return close() }
        isSecure = true
        do { _ = try tls.install(on: context.channel, direct: false) } catch { return close() }
        context.channel.pipeline.syncOperations.fireChannelRead(NIOAny(bytes))
        context.channel.pipeline.syncOperations.fireChannelReadComplete()
    }

    private func read() {
        while !isClosing, input.readableBytes > 0 {
            switch input.withUnsafeReadableBytes({ scanner.next($0) }) {
            case .needMoreBytes:
                if input.readerIndex > 0 { input = ByteBuffer(buffer: input) }
                return
            case .frame(let frame, let length):
                input.moveReaderIndex(forwardBy: length)
                take(frame)
            case .fault: return close()
            }
        }
        input = ByteBuffer()
    }

    private func take(_ frame: MSRPFrame) {
        if session == nil { session = table.session(named: frame.toPath[0], on: self) }
        guard let session, frame.toPath.count == 1, frame.toPath[0].session.isText(session.name) else {
            // No such session here (§7.3): nobody else's either, so the connection is of no use.
            if case .response = frame.kind { return }
            respond(to: frame, 481, "No Such Session")
            return close()
        }
        session.receive(frame, on: self)
    }

    // MARK: Out

    func respond(to frame: MSRPFrame, _ code: Int, _ comment: String) {
        guard case .send = frame.kind else {
            // A REPORT is never answered (§7.1.2).
            if frame.kind == .other {
                write { MSRPWriter.response(to: frame, code: code, comment: comment, into: &$0) }
            }
            return
        }
        write { MSRPWriter.response(to: frame, code: code, comment: comment, into: &$0) }
    }

    /// Appends; what a tick has gathered leaves in one write.
    func write(_ body: (inout ByteBuffer) -> Void) {
        guard !isClosing, context != nil else { return }
        body(&output)
        guard output.readableBytes <= table.server.config.outputBytes else { return close() }
        guard !isFlushing else { return }
        isFlushing = true
        table.server.loop.execute { [self] in flush() }
    }

    private func flush() {
        isFlushing = false
        guard let context, output.readableBytes > 0 else { return }
        let bytes = output
        output = ByteBuffer()
        context.writeAndFlush(NIOAny(bytes), promise: nil)
    }

    /// Reading goes on, or waits until the disk has caught up.
    func setReading(_ isReading: Bool) {
        _ = try? context?.channel.syncOptions?.setOption(.autoRead, value: isReading)
    }

    /// What was said still goes out.
    func close() {
        guard !isClosing else { return }
        flush()
        isClosing = true
        context?.channel.close(mode: .all, promise: nil)
    }

    func closed() {
        context = nil
        isClosing = true
        table.closed(self)
        session?.linkClosed(self)
    }
}

/// The pipeline's end of a connection.
final class MSRPHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let link: MSRPLink

    init(_ link: MSRPLink) { self.link = link }

    func handlerAdded(context: ChannelHandlerContext) { link.attach(context) }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        link.received(unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.closed()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
