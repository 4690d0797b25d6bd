import NIOCore
import SIPWire

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A UDP socket: NIO reads datagrams in vectors; what is sent in a tick leaves at its end.
///
/// Sending goes past NIO, which ends a datagram channel at the first address that the system refuses (port 0, no route, a
/// firewall): one request with such a Via would silence the server. What cannot be sent is lost, as datagrams may be.
final class UDPLink: SIPLink {
    /// Of the channel, while it is open; -1 otherwise.
    private var descriptor: Int32 = -1
    /// Where it listens; the wildcard address when on every interface.
    let bound: TransportAddress
    /// Of IPv6, which may carry IPv4 too.
    private let isSix: Bool
    private var pending: [(bytes: ByteBuffer, remote: TransportAddress)] = []
    /// Peers that were heard lately, with what costs allocations to make of their addresses.
    private var peers: [(remote: TransportAddress, names: PeerNames)?]
    private static let remembered = 1_024

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
        pending = []
    }

    override func localAddress(toward remote: TransportAddress) -> TransportAddress {
        bound.isWildcard ? server.localAddresses.toward(remote, port: bound.port) : bound
    }

    override func send(_ bytes: ByteBuffer, to remote: TransportAddress) {
        guard isOpen else { return }
        pending.append((bytes, remote))
        server.output.mark(self)
    }

    override func flush() {
        guard descriptor >= 0 else { return pending.removeAll() }
        for (bytes, remote) in pending {
            let sent = bytes.withUnsafeReadableBytes { data in
                remote.withSocketAddress(six: isSix) { sendto(descriptor, data.baseAddress, data.count, 0, $0, $1) }
            }
            if sent < 0 { server.counters.datagramsLost &+= 1 } else { server.counters.datagramsOut &+= 1 }
        }
        pending.removeAll(keepingCapacity: pending.capacity <= 4_096)
    }

    func received(_ envelope: AddressedEnvelope<ByteBuffer>) {
        guard let remote = TransportAddress(envelope.remoteAddress) else { return }
        server.received(datagram: envelope.data, on: SIPFlow(link: self, remote: remote))
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

    init(_ link: UDPLink) { self.link = link }

    func handlerAdded(context: ChannelHandlerContext) { link.attach(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { link.received(unwrapInboundIn(data)) }

    func channelInactive(context: ChannelHandlerContext) {
        link.server.forget(link)
        link.closed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.server.logger.debug("a datagram failed", metadata: ["error": "\(error)"])
    }
}
