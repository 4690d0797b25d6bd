import NIOCore
import NIOPosix

/// One socket of a run; it writes when the tick ends.
class SIPSocket {
    unowned let fleet: SIPFleet
    let number: Int
    fileprivate(set) var port = 0
    fileprivate(set) var channel: (any Channel)?
    fileprivate var isDirty = false

    init(_ fleet: SIPFleet, number: Int) {
        self.fleet = fleet
        self.number = number
    }

    func write(_ bytes: ByteBuffer) {}

    fileprivate func flushLater() {
        guard !isDirty else { return }
        isDirty = true
        fleet.flushLater(self)
    }

    func flush() {
        isDirty = false
        channel?.flush()
    }

    func close() { channel?.close(promise: nil) }

    fileprivate func opened(_ channel: any Channel) {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
    }
}

/// A UDP socket that several users share.
final class SIPDatagramSocket: SIPSocket, ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private var server: SocketAddress?

    func open(local: String, server: SocketAddress) -> EventLoopFuture<Void> {
        self.server = server
        let bound = NIOLoopBound(self, eventLoop: fleet.loop)
        return DatagramBootstrap(group: fleet.loop)
            .channelOption(.socketOption(.so_rcvbuf), value: 4_194_304)
            .channelOption(.datagramVectorReadMessageCount, value: 16)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 65_536))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(bound.value)
                }
            }
            .bind(host: local, port: 0)
            .map { bound.value.opened($0) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        envelope.data.withUnsafeReadableBytes { fleet.arrived($0, on: self) }
    }

    /// A refused datagram (ICMP) is as good as a lost one: the timers see to it.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}

    override func write(_ bytes: ByteBuffer) {
        guard let channel, let server else { return }
        channel.write(AddressedEnvelope(remoteAddress: server, data: bytes), promise: nil)
        flushLater()
    }
}

/// A user's TCP connection.
final class SIPStreamSocket: SIPSocket, ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var waiting = ByteBuffer()

    func open(local: String, server: SocketAddress) -> EventLoopFuture<Void> {
        let bound = NIOLoopBound(self, eventLoop: fleet.loop)
        return ClientBootstrap(group: fleet.loop)
            .connectTimeout(.seconds(30))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2_048, maximum: 65_536)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(bound.value)
                }
            }
            .connect(to: server)
            .map { bound.value.opened($0) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var piece = unwrapInboundIn(data)
        if waiting.readableBytes == 0 { swap(&waiting, &piece) } else { waiting.writeBuffer(&piece) }
        while waiting.readableBytes > 0 {
            switch waiting.withUnsafeReadableBytes({ SIPStream.next(in: $0) }) {
            case .message(let skip, let count):
                waiting.moveReaderIndex(forwardBy: skip)
                waiting.withUnsafeReadableBytes { bytes in
                    fleet.arrived(bytes.part(0, count), on: self)
                }
                waiting.moveReaderIndex(forwardBy: count)
            case .incomplete(let skip):
                waiting.moveReaderIndex(forwardBy: skip)
                if waiting.readableBytes > 0 { waiting.discardReadBytes() } else { waiting = ByteBuffer() }
                return
            case .damaged:
                fleet.note("a message without an end", waiting.readableBytesView.prefix(200).text)
                return close()
            }
        }
        waiting = ByteBuffer()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !fleet.isClosing { fleet.note("the server closed a connection", "socket \(number)") }
        channel = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    override func write(_ bytes: ByteBuffer) {
        guard let channel else { return }
        channel.write(bytes, promise: nil)
        flushLater()
    }
}

extension Sequence<UInt8> {
    /// The bytes as text, damaged UTF-8 replaced.
    fileprivate var text: String { String(decoding: Array(self), as: UTF8.self) }
}
