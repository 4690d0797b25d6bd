import CDatagrams
import Logging
import NIOCore
import NIOSSL
import SIPWire
import Transport

/// A TCP or TLS connection, taken or made (RFC 3261 §18). Requests to the peer go over it while it is open.
final class StreamLink: SIPLink {
    private var context: ChannelHandlerContext?
    let remote: TransportAddress
    private let local: TransportAddress
    /// Made by us, to a server of this name.
    let isOutbound: Bool
    let name: String
    private var framer: SIPStreamFramer
    /// What is not a whole message yet.
    private var input = ByteBuffer()
    private var output: ByteBuffer
    /// Of a connection without TLS: what goes out at once needs no way through the pipeline; -1 otherwise. What the system
    /// does not take at once, NIO keeps and sends.
    private var descriptor: Int32 = -1
    /// Writes that NIO still has.
    private var handedOver = 0
    private var waiting: Set<UInt64> = []
    private var peerNames: PeerNames?
    /// Monotonic milliseconds.
    private(set) var lastUse: Int64
    private let openedAt: Int64
    private var hasSpoken = false
    private var isClosing = false
    /// Contacts are registered over it: it may be silent for long.
    public var holds = 0
    /// What TLS used; nil without TLS.
    var encryption: TLSConnection?
    /// The peer's certificate while nobody has decided about it: input waits.
    private var isVerifying = false
    /// What the certificate that the peer has shown is called; nil without one.
    private(set) var shownNames: [String]?
    /// The same once it is certain: an authority of ours stands behind it, or it is the server that we connected to.
    private(set) var provenNames: [String] = []
    /// Requests are refused with this phrase, because certificates are required.
    private var refusal: StaticString?
    /// Why it came to nothing; empty while nothing is wrong.
    private(set) var failure = ""
    /// Bytes that came after the end was decided, and were dropped.
    private var drained = 0

    init(
        transport: SIPTransport, remote: TransportAddress, local: TransportAddress, isOutbound: Bool, name: String = "",
        server: SIPServer
    ) {
        self.remote = remote
        self.local = local
        self.isOutbound = isOutbound
        self.name = name
        framer = SIPStreamFramer(limits: server.streamLimits)
        output = ByteBuffer()
        lastUse = server.time.uptime
        openedAt = lastUse
        super.init(transport: transport, server: server)
    }

    var flow: SIPFlow { SIPFlow(link: self, remote: remote) }

    func attach(_ context: ChannelHandlerContext) {
        self.context = context
        guard transport == .tcp else { return }
        let operations = context.channel.pipeline.syncOperations
        descriptor = (try? operations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }) ?? -1
    }

    override func localAddress(toward remote: TransportAddress) -> TransportAddress {
        // Peers connect to where we listen, not to the port that a connection of ours came from.
        isOutbound ? local.with(port: server.listeningPort(transport)) : local
    }

    override func names(of remote: TransportAddress) -> PeerNames {
        if let peerNames { return peerNames }
        let names = PeerNames(self.remote)
        peerNames = names
        return names
    }

    // MARK: Out

    override func send(_ bytes: ByteBuffer, to remote: TransportAddress) {
        guard isOpen, !isClosing else { return }
        server.counters.streamMessagesOut &+= 1
        if output.readableBytes == 0 {
            // Mostly there is one; it goes out as it is.
            output = bytes
        } else {
            output.writeImmutableBuffer(bytes)
        }
        server.output.mark(self)
        if output.readableBytes > server.config.outputBytes { close() }
    }

    override func flush() {
        guard let context, output.readableBytes > 0 else { return }
        if descriptor >= 0, handedOver == 0 {
            let sent = output.withUnsafeReadableBytes {
                roost_send(descriptor, $0.baseAddress, $0.count)
            }
            if sent > 0 { output.moveReaderIndex(forwardBy: sent) }
        }
        guard output.readableBytes > 0 else {
            output = ByteBuffer()
            return
        }
        let bytes = output
        output = ByteBuffer()
        handedOver += 1
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { [self] _ in handedOver -= 1 }
        context.writeAndFlush(NIOAny(bytes), promise: promise)
        // A peer that takes nothing must not make us hoard; its connection ends, and with it what waits.
        if !context.channel.isWritable, context.channel.waitingBytes > server.config.outputBytes { close() }
    }

    override func expects(_ id: UInt64) { waiting.insert(id) }
    override func expectsNoMore(_ id: UInt64) { waiting.remove(id) }

    /// What was said still goes out, and what the peer has sent meanwhile is read and dropped: a socket that is closed over
    /// unread bytes is reset, and the reset overtakes the answer.
    override func close() {
        guard let context, !isClosing else { return }
        isClosing = true
        input = ByteBuffer()
        if output.readableBytes > 0 {
            let bytes = output
            output = ByteBuffer()
            context.writeAndFlush(NIOAny(bytes), promise: nil)
        }
        let channel = context.channel
        channel.close(mode: .output, promise: nil)
        server.loop.scheduleTask(in: .seconds(Self.drainSeconds)) { channel.close(mode: .all, promise: nil) }
    }

    /// Most of what is read from a peer that has been given up.
    private static let drainSeconds: Int64 = 5
    private static let drainBytes = 16 * 1_048_576

    override func closed() {
        guard isOpen else { return }
        super.closed()
        context = nil
        descriptor = -1
        let lost = waiting
        waiting = []
        for id in lost { server.transactions.lost(id) }
    }

    // MARK: In

    func received(_ bytes: ByteBuffer) {
        var bytes = bytes
        lastUse = server.time.uptime
        server.uptime = lastUse
        guard !isClosing else { return drain(bytes.readableBytes) }
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.writeBuffer(&bytes)
        }
        if !isVerifying { read() }
    }

    private func drain(_ count: Int) {
        drained += count
        if drained > Self.drainBytes { context?.close(promise: nil) }
    }

    private func read() {
        while !isClosing, input.readableBytes > 0 {
            let event = input.withUnsafeReadableBytes { framer.next($0) }
            switch event {
            case .needMoreBytes:
                // The buffer is NIO's; a small rest is kept apart from it.
                if input.readerIndex > 0 { input = ByteBuffer(buffer: input) }
                return
            case .message(let length):
                hasSpoken = refusal == nil
                message(length)
            case .ping(let length):
                input.moveReaderIndex(forwardBy: length)
                hasSpoken = refusal == nil
                send(Self.pong, to: remote)
            case .pong(let length): input.moveReaderIndex(forwardBy: length)
            case .fault(let status, let header): fault(status, header)
            }
        }
        if input.readableBytes == 0 { input = ByteBuffer() }
    }

    private static let pong = ByteBuffer(string: "\r\n")
    static let ping = ByteBuffer(string: "\r\n\r\n")

    private func message(_ length: Int) {
        guard let slice = input.readSlice(length: length) else { return }
        server.counters.streamMessagesIn &+= 1
        if let refusal {
            server.refuse(slice, on: flow, .forbidden, refusal)
            return close()
        }
        slice.withUnsafeReadableBytes { server.received($0, on: flow, isStream: true) }
    }

    /// Where the next message begins is not known: an answer if there is somebody to answer, and the end.
    private func fault(_ status: SIPStatus, _ header: Int) {
        server.counters.malformed &+= 1
        if header > 0, let head = input.getSlice(at: input.readerIndex, length: header) {
            server.refuse(head, on: flow, status)
        } else {
            server.scanners.garbage(from: remote)
        }
        input = ByteBuffer()
        close()
    }

    // MARK: Certificates

    /// The peer has shown one: nothing is read until it is known what it is worth.
    func handshaken(_ chain: [[UInt8]]) {
        guard let leaf = chain.first else { return decide("it has shown none", "Certificate Required") }
        guard let shown = ClientCertificate(der: leaf) else {
            return decide("it cannot be read", "Certificate Not Accepted")
        }
        shownNames = shown.hostNames
        guard let authorities = server.config.clientAuthorities else {
            return decide("no authorities are named that could stand behind it", "Certificate Not Accepted")
        }
        isVerifying = true
        let link = NIOLoopBound(self, eventLoop: server.loop.nonisolated())
        Task {
            let isTrusted = await authorities.trust(chain)
            link.eventLoop.execute {
                let link = link.value
                link.isVerifying = false
                if isTrusted {
                    link.provenNames = shown.hostNames
                } else {
                    let isDated = !shown.isValid(at: .now)
                    link.decide(
                        isDated ? "it is out of date" : "no authority that is believed stands behind it",
                        "Certificate Not Accepted")
                }
                link.read()
            }
        }
    }

    /// Our own side of the handshake is done: the certificate is for the name that was wanted, or the connection is gone.
    func connected() { if !name.isEmpty { provenNames = [name] } }

    /// The peer has no certificate that counts. Its requests are refused where one is required; elsewhere it is one of many.
    private func decide(_ problem: String, _ phrase: StaticString) {
        let isRequired = server.config.requiresCertificates
        if isRequired { refusal = phrase }
        guard isRequired || shownNames != nil, server.notices.allows("certificate \(remote.ip)", server.uptime) else {
            return
        }
        server.logger.warning(
            "a certificate over SIP is not accepted",
            metadata: [
                "address": "\(remote)", "names": "\((shownNames ?? []).joined(separator: " "))", "reason": "\(problem)",
            ])
    }

    /// Reading, writing or the handshake went wrong. Of a connection over which something came, nothing is to be told.
    func failed(_ error: any Error) {
        guard transport.isSecure, !isClosing, !hasSpoken,
            error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError
        else {
            return server.logger.debug("a SIP connection failed", metadata: ["error": "\(error)"])
        }
        failure = TLSProblem.text(error, name: name)
        guard isOutbound || error as? NIOSSLError != .uncleanShutdown,
            server.notices.allows("tls \(remote.ip) \(failure)", server.uptime)
        else { return }
        let metadata: Logger.Metadata = [
            "address": "\(remote)", "name": "\(name)", "reason": "\(failure)", "error": "\(error)",
        ]
        if isOutbound {
            server.logger.warning("a SIP server is not connected to over TLS", metadata: metadata)
        } else {
            server.logger.info("a SIP peer did not come to TLS", metadata: metadata)
        }
    }

    // MARK: Time

    /// Whether it has been silent for too long.
    func isIdle(_ uptime: Int64) -> Bool {
        if !hasSpoken, !isOutbound { return uptime - openedAt > Int64(server.config.firstMessageTimeout) * 1_000 }
        guard waiting.isEmpty else { return false }
        // A client that registered keeps its connection alive by itself; the system notices dead ones.
        let limit = holds > 0 ? 4 * server.config.idleTimeout : server.config.idleTimeout
        return uptime - lastUse > Int64(limit) * 1_000
    }
}

/// The pipeline's end of a connection.
final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let link: StreamLink
    private let server: SIPServer

    init(_ link: StreamLink) {
        self.link = link
        server = link.server
    }

    func handlerAdded(context: ChannelHandlerContext) { link.attach(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { link.received(unwrapInboundIn(data)) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if TLSReport.isHandshake(event) {
            if let encryption = link.encryption {
                if link.server.config.asksForCertificates {
                    link.handshaken(encryption.peerCertificates(on: context.channel))
                }
            } else {
                link.connected()
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.server.forget(link)
        link.closed()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.failed(error)
        context.close(promise: nil)
    }
}

extension Channel {
    /// Bytes that the socket has not taken yet.
    fileprivate var waitingBytes: Int { (try? syncOptions?.getOption(.bufferedWritableBytes)) ?? 0 }
}
