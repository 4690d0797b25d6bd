import NIOCore
import SIPWire

/// A UDP socket: reads datagrams in vectors, and writes all of a tick with one flush.
final class UDPLink: SIPLink {
    private(set) var channel: (any Channel)?
    private var context: ChannelHandlerContext?
    /// Where it listens; the wildcard address when on every interface.
    let bound: TransportAddress
    /// Peers that were heard lately, with what costs allocations to make of their addresses.
    private var peers: [Peer?]
    private static let remembered = 1_024

    private struct Peer {
        var remote: TransportAddress
        var address: SocketAddress
        var names: PeerNames?
    }

    /// Of IPv6, which may carry IPv4 too.
    private let isSix: Bool

    init(channel: any Channel, bound: TransportAddress, isSix: Bool, server: SIPServer) {
        self.channel = channel
        self.bound = bound
        self.isSix = isSix
        peers = Array(repeating: nil, count: Self.remembered)
        super.init(transport: .udp, server: server)
    }

    func attach(_ context: ChannelHandlerContext) { self.context = context }

    override func closed() {
        super.closed()
        context = nil
        channel = nil
    }

    override func localAddress(toward remote: TransportAddress) -> TransportAddress {
        bound.isWildcard ? server.localAddresses.toward(remote, port: bound.port) : bound
    }

    override func send(_ bytes: ByteBuffer, to remote: TransportAddress) {
        // What the network does not take is lost, as datagrams may be; who sent it repeats it.
        guard let context, !isCongested else { return }
        server.counters.datagramsOut &+= 1
        context.write(
            NIOAny(AddressedEnvelope(remoteAddress: socketAddress(of: remote), data: bytes)), promise: nil)
        server.output.mark(self)
    }

    override func flush() { context?.flush() }

    private var isCongested = false
    func writabilityChanged(_ isWritable: Bool) { isCongested = !isWritable }

    func received(_ envelope: AddressedEnvelope<ByteBuffer>) {
        guard let remote = TransportAddress(envelope.remoteAddress) else { return }
        let place = slot(remote)
        if peers[place]?.remote != remote { peers[place] = Peer(remote: remote, address: envelope.remoteAddress) }
        server.received(datagram: envelope.data, on: SIPFlow(link: self, remote: remote))
    }

    private func slot(_ remote: TransportAddress) -> Int {
        let mixed = (remote.low ^ remote.high) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(remote.port) &* 0xFF51_AFD7_ED55_8CCD
        return Int(truncatingIfNeeded: mixed >> 40) & (Self.remembered - 1)
    }

    private func socketAddress(of remote: TransportAddress) -> SocketAddress {
        let place = slot(remote)
        if let known = peers[place], known.remote == remote { return known.address }
        let address = remote.socketAddress(six: isSix)
        peers[place] = Peer(remote: remote, address: address)
        return address
    }

    override func names(of remote: TransportAddress) -> PeerNames {
        let place = slot(remote)
        if let known = peers[place], known.remote == remote, let names = known.names { return names }
        let names = PeerNames(remote)
        peers[place] = Peer(remote: remote, address: socketAddress(of: remote), names: names)
        return names
    }
}

/// The pipeline's end of a UDP socket.
final class UDPHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let link: UDPLink

    init(_ link: UDPLink) { self.link = link }

    func handlerAdded(context: ChannelHandlerContext) { link.attach(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { link.received(unwrapInboundIn(data)) }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        link.writabilityChanged(context.channel.isWritable)
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.server.forget(link)
        link.closed()
    }

    /// A peer that is not there (ICMP), or a datagram too large for the network: transactions notice by themselves.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.server.logger.debug("a datagram failed", metadata: ["error": "\(error)"])
    }
}
