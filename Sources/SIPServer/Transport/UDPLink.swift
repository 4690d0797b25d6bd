import NIOCore
import SIPWire

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A UDP socket: NIO wakes us with the first datagram, the rest is read in batches; what is sent in a tick leaves at its end.
///
/// Both go past NIO. Its datagram channel ends at the first address that the system refuses (port 0, no route, a firewall):
/// one request with such a Via would silence the server. And it makes an envelope, a buffer and an address on the heap of
/// each datagram, which a request that is answered at once does not need.
final class UDPLink: SIPLink {
    /// Of the channel, while it is open; -1 otherwise.
    private var descriptor: Int32 = -1
    /// Where it listens; the wildcard address when on every interface.
    let bound: TransportAddress
    /// Of IPv6, which may carry IPv4 too.
    private let isSix: Bool
    private let pending = DatagramOutput()
    private let input = DatagramInput()
    /// Peers that were heard lately, with what costs allocations to make of their addresses.
    private var peers: [(remote: TransportAddress, names: PeerNames)?]
    private static let remembered = 1_024
    private static let batches = 4

    init(bound: TransportAddress, isSix: Bool, server: SIPServer) {
        self.bound = bound
        self.isSix = isSix
        peers = Array(repeating: nil, count: Self.remembered)
        super.init(transport: .udp, server: server)
    }

    func attach(_ context: ChannelHandlerContext) {
        let operations = context.channel.pipeline.syncOperations
        descriptor = (try? operations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }) ?? -1
    }

    override func closed() {
        super.closed()
        descriptor = -1
        pending.forget()
    }

    override func localAddress(toward remote: TransportAddress) -> TransportAddress {
        bound.isWildcard ? server.localAddresses.toward(remote, port: bound.port) : bound
    }

    override func send(_ bytes: ByteBuffer, to remote: TransportAddress) {
        guard isOpen else { return }
        if !pending.add(bytes, to: remote, six: isSix) {
            transmit()
            _ = pending.add(bytes, to: remote, six: isSix)
        }
        server.output.mark(self)
    }

    override func flush() {
        guard descriptor >= 0 else { return pending.forget() }
        transmit()
    }

    private func transmit() {
        guard descriptor >= 0, pending.count > 0 else { return pending.forget() }
        let (sent, lost) = pending.send(on: descriptor)
        server.counters.datagramsOut &+= sent
        server.counters.datagramsLost &+= lost
    }

    func received(_ envelope: AddressedEnvelope<ByteBuffer>) {
        guard let remote = TransportAddress(envelope.remoteAddress) else { return }
        envelope.data.withUnsafeReadableBytes {
            server.received(datagram: $0, on: SIPFlow(link: self, remote: remote))
        }
    }

    /// What waits behind the datagram that NIO has read; what is left after that comes with the next turn of the loop.
    func receiveRest() {
        for _ in 0..<Self.batches where descriptor >= 0 {
            let isMore = input.receive(on: descriptor) {
                server.received(datagram: $0, on: SIPFlow(link: self, remote: $1))
            }
            if !isMore { break }
        }
    }

    override func names(of remote: TransportAddress) -> PeerNames {
        let mixed = (remote.low ^ remote.high) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(remote.port) &* 0xFF51_AFD7_ED55_8CCD
        let place = Int(truncatingIfNeeded: mixed >> 40) & (Self.remembered - 1)
        if let known = peers[place], known.remote == remote { return known.names }
        let names = PeerNames(remote)
        peers[place] = (remote, names)
        return names
    }
}

/// The pipeline's end of a UDP socket.
final class UDPHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let link: UDPLink
    private let server: SIPServer

    init(_ link: UDPLink) {
        self.link = link
        server = link.server
    }

    func handlerAdded(context: ChannelHandlerContext) { link.attach(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { link.received(unwrapInboundIn(data)) }

    func channelReadComplete(context: ChannelHandlerContext) { link.receiveRest() }

    func channelInactive(context: ChannelHandlerContext) {
        link.server.forget(link)
        link.closed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.server.logger.info("a datagram failed", metadata: ["error": "\(error)"])
    }
}
