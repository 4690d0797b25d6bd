import Ground
import NIOCore
import XMPPWire

/// One connection to the proxy: SOCKS5 first, then bytes from and to its peer, no faster than the peer takes them.
final class BytestreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let relay: BytestreamRelay
    private let channel: any Channel
    private var machine = Socks5Machine()
    /// What came before the stream was joined; bounded by `earlyBytes`.
    private var early: [UInt8] = []
    private static let earlyBytes = 65_536
    private(set) var hash: String?
    private(set) weak var peer: BytestreamConnection?
    /// Who activated the stream; nil before, and once it is over.
    var owner: String?
    /// Where it comes from, as long as it waits for activation.
    var origin: String?
    private(set) var lastActivity: Int64
    private var rate: RateLimiter
    private var received = 0
    /// Ends the pause that keeps the stream to its rate.
    private var resting: Scheduled<Void>?
    private var isReading = true
    private var hasEnded = false

    init(relay: BytestreamRelay, channel: any Channel, origin: String) {
        self.relay = relay
        self.channel = channel
        self.origin = origin
        lastActivity = relay.time.uptime
        let config = relay.config
        rate = RateLimiter(
            rate: config.bytesPerSecond, burst: max(config.bytesPerSecond, 65_536), uptime: lastActivity)
    }

    // MARK: Input

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        // Waiting is not activity: who is not joined in time is closed.
        if let peer {
            lastActivity = relay.time.uptime
            peer.lastActivity = lastActivity
            pass(buffer, to: peer)
        } else {
            early += Array(buffer.readableBytesView)
            negotiate()
            if early.count > Self.earlyBytes { close() }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { peer?.channel.flush() }

    private func negotiate() {
        while hash == nil {
            switch machine.step(&early) {
            case .wait: return
            case .reply(let bytes): send(bytes)
            case .refuse(let bytes): return end(saying: bytes)
            case .connect(let wanted, let reply):
                guard relay.wait(self, for: wanted) else { return end(saying: Socks5Machine.failure(1)) }
                hash = wanted
                send(reply)
                // Nothing more is read before there is somebody to give it to.
                updateReading()
            }
        }
    }

    private func pass(_ buffer: ByteBuffer, to peer: BytestreamConnection) {
        let count = buffer.readableBytes
        received += count
        let limit = relay.config.streamBytes
        if limit > 0, received + peer.received > limit { return close() }
        peer.channel.write(buffer, promise: nil)
        let pause = rate.take(count, uptime: lastActivity)
        if pause > 0 { rest(pause) }
        updateReading()
    }

    /// Reads nothing for that long. What a read had begun still comes, and lengthens it.
    private func rest(_ milliseconds: Int64) {
        resting?.cancel()
        let pause = TimeAmount.milliseconds(min(milliseconds, 60_000))
        resting = channel.eventLoop.assumeIsolated().scheduleTask(in: pause) { [weak self] in
            self?.resting = nil
            self?.updateReading()
        }
    }

    /// Reads while there is a peer that takes what is read.
    private func updateReading() {
        let reads = resting == nil && (hash == nil || peer?.channel.isWritable == true)
        guard reads != isReading else { return }
        isReading = reads
        try? channel.syncOptions?.setOption(.autoRead, value: reads)
        if reads { channel.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) { peer?.updateReading() }

    // MARK: Output

    private func send(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// The stream begins: what came early goes first.
    func join(_ peer: BytestreamConnection, owner: String) {
        self.peer = peer
        self.owner = owner
        lastActivity = relay.time.uptime
        if !early.isEmpty {
            pass(ByteBuffer(bytes: early), to: peer)
            peer.channel.flush()
            early = []
        }
        updateReading()
        if hasEnded { peer.endOutput() }
    }

    // MARK: End

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        hasEnded = true
        guard let peer else {
            // Before the stream is joined there is nothing to wait for but a file that has been sent whole.
            if hash == nil { close() }
            return
        }
        peer.endOutput()
        if peer.hasEnded { closeWhenWritten() }
    }

    /// The other side has sent everything.
    private func endOutput() {
        let channel = channel
        channel.writeAndFlush(ByteBuffer()).whenComplete { _ in channel.close(mode: .output, promise: nil) }
        if hasEnded { closeWhenWritten() }
    }

    private func closeWhenWritten() {
        let channel = channel
        channel.writeAndFlush(ByteBuffer()).whenComplete { _ in channel.close(promise: nil) }
    }

    private func end(saying bytes: [UInt8]) {
        send(bytes)
        closeWhenWritten()
    }

    func close() { channel.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) {
        relay.forget(self)
        resting?.cancel()
        peer?.closeWhenWritten()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { close() }
}
