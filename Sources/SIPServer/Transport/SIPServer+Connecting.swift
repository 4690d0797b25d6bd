import NIOCore
import NIOPosix
import NIOSSL
import SIPWire
import Transport

// Ways to peers: flows that are open, and connections that we make.

extension SIPServer {
    /// About what our Via adds.
    private static let viaBytes = 100
    /// Seconds for a connection to somebody who listens on UDP and may not know TCP.
    private static let patience: Int64 = 3
    /// Milliseconds that such a peer is not asked again.
    private static let refusalPause: Int64 = 600_000

    /// A flow to go over at once, or servers to try in turn; neither when there is no way.
    func find(_ target: SIPTarget, _ request: OutgoingRequest, _ answer: @escaping (SIPFlow?, [SIPHop]) -> Void) {
        switch target {
        case .flow(let flow): answer(flow.isOpen ? flow : nil, [])
        case .binding(let binding):
            if let flow = binding.flow, flow.isOpen { return answer(flow, []) }
            guard let uri = SIPURI(binding.contact) else { return answer(nil, []) }
            find(.uri(uri, route: binding.path), request, answer)
        case .uri(let uri, let route):
            let hop = route.first ?? uri
            locate(hop) { [self] hops in
                let choice = resting.choose(hops, uptime)
                answer(nil, isLarge(request) ? withStreams(choice) : choice)
            }
        }
    }

    /// Too large for a datagram on a path that nobody has measured (RFC 3261 §18.1.1).
    @inline(__always)
    func isLarge(_ request: OutgoingRequest) -> Bool {
        request.bytes.readableBytes + Self.viaBytes > config.datagramBytes
    }

    /// Servers that are to be reached over UDP are tried over TCP before, whatever their URI says.
    private func withStreams(_ hops: [SIPHop]) -> [SIPHop] {
        var streams: [SIPHop] = []
        for hop in hops where hop.transport == .udp && takesStreams(hop.address) {
            var stream = hop
            (stream.transport, stream.isSwitched) = (.tcp, true)
            if !hops.contains(where: { $0.transport == .tcp && $0.address == hop.address }) { streams.append(stream) }
        }
        return streams + hops
    }

    /// A large request for a peer whose flow is a socket of UDP.
    func sendLarge(_ client: ClientTransaction, _ request: OutgoingRequest, _ target: SIPTarget, _ flow: SIPFlow) {
        guard mayGoOverStream(request, target, flow) else { return transactions.start(client, on: flow) }
        client.fallback = flow
        connect(SIPHop(transport: .tcp, address: flow.remote, isSwitched: true)) { [self] stream in
            if let stream { transactions.start(client, on: stream) } else { transactions.unreachable(client) }
        }
    }

    /// Whether the peer's own address is that of its flow: then TCP may lead there. Behind address translation nothing but the
    /// flow does.
    func mayGoOverStream(_ request: OutgoingRequest, _ target: SIPTarget, _ flow: SIPFlow) -> Bool {
        let uri: SIPURI?
        switch target {
        case .binding(let binding): uri = binding.path.first ?? binding.uri
        case .flow: uri = Self.requestURI(of: request)
        case .uri(let first, _): uri = first
        }
        guard let uri, !uri.isSecure, uri.parameters["maddr"] == nil else { return false }
        let address = TransportAddress(ip: uri.host.string, port: uri.port ?? SIPTransport.udp.defaultPort)
        return address == flow.remote && takesStreams(flow.remote)
    }

    private static func requestURI(of request: OutgoingRequest) -> SIPURI? {
        let line = request.bytes.readableBytesView.prefix(request.viaOffset)
        let words = line.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        return words.count == 3 ? SIPURI(SIPBytes(Array(words[1]))) : nil
    }

    private func takesStreams(_ address: TransportAddress) -> Bool {
        guard let until = connecting.refusals[address] else { return true }
        guard until <= uptime else { return false }
        connecting.refusals[address] = nil
        return true
    }

    /// Takes the next server of a transaction.
    func route(_ client: ClientTransaction) {
        guard !client.alternatives.isEmpty else { return transactions.unreachable(client) }
        let hop = client.alternatives.removeFirst()
        client.hop = hop
        connect(hop) { [self] flow in
            if let flow { return transactions.start(client, on: flow) }
            resting.failed(hop, uptime)
            transactions.unreachable(client)
        }
    }

    /// Answers need a way back when their connection has gone.
    func reconnect(_ flow: SIPFlow, port: UInt16, _ answer: @escaping (SIPFlow?) -> Void) {
        guard flow.transport == .tcp else { return answer(nil) }
        connect(SIPHop(transport: .tcp, address: flow.remote.with(port: port)), answer)
    }

    /// A flow to one server: over the UDP socket of its kind, over a connection that is open, or over a new one.
    public func connect(_ hop: SIPHop, _ answer: @escaping (SIPFlow?) -> Void) {
        if hop.transport == .udp {
            // `SIPFlow` of our socket of that family; one of IPv6 carries both where the system lets it.
            let link = udpLinks.first { $0.bound.isIPv6 == hop.address.isIPv6 } ?? udpLinks.first { $0.bound.isIPv6 }
            return answer(link.map { SIPFlow(link: $0, remote: hop.address) })
        }
        let isSecure = hop.transport == .tls
        if let link = connections.find(hop.address, isSecure: isSecure, name: hop.name) { return answer(link.flow) }
        guard !isDraining, connections.count < config.connections else { return answer(nil) }
        if connecting.add(hop, answer) { open(hop) }
    }

    private func open(_ hop: SIPHop) {
        var context: NIOSSLContext?
        if hop.transport == .tls {
            do { context = try outboundTLS() } catch {
                if notices.allows("outbound tls", uptime) {
                    logger.error("no SIP server is connected to over TLS", metadata: ["error": "\(error)"])
                }
                return connected(hop, nil)
            }
        }
        let server = NIOLoopBound(self, eventLoop: loop.nonisolated())
        let attempt = ClientBootstrap(group: loop.nonisolated())
            .connectTimeout(.seconds(hop.isSwitched ? Self.patience : 10))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { [context] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let context else { return }
                    try channel.pipeline.syncOperations.addHandler(
                        try NIOSSLClientHandler(context: context, serverHostname: hop.name.isEmpty ? nil : hop.name))
                }
            }
            .connect(to: hop.address.socketAddress)
        attempt.assumeIsolated().whenComplete { result in
            let server = server.value
            guard case .success(let channel) = result else { return server.connected(hop, nil) }
            server.connected(hop, server.adopt(channel, hop))
        }
    }

    private func connected(_ hop: SIPHop, _ flow: SIPFlow?) {
        if flow == nil, hop.isSwitched { connecting.refused(hop.address, until: time.uptime + Self.refusalPause) }
        for answer in connecting.take(hop) { answer(flow) }
    }

    private func adopt(_ channel: any Channel, _ hop: SIPHop) -> SIPFlow? {
        guard let local = channel.localAddress.flatMap({ TransportAddress($0) }) else {
            channel.close(promise: nil)
            return nil
        }
        let link = StreamLink(
            transport: hop.transport, remote: hop.address, local: local, isOutbound: true, name: hop.name, server: self)
        do { try channel.pipeline.syncOperations.addHandler(StreamHandler(link)) } catch {
            channel.close(promise: nil)
            return nil
        }
        connections.add(link)
        counters.connections &+= 1
        return link.flow
    }

    func outboundTLS() throws -> NIOSSLContext {
        if let outboundContext { return outboundContext }
        guard let tls else { throw TLSFailure("there is no TLS") }
        let context = try tls.clientContext(authorities: config.serverAuthorities)
        outboundContext = context
        return context
    }
}

/// Connections that are being made: whoever wants the same one waits for it.
struct Connecting {
    private var waiting: [(hop: SIPHop, answers: [(SIPFlow?) -> Void])] = []
    /// Peers on UDP that take no connections, until when they are not tried; uptime, milliseconds.
    var refusals: [TransportAddress: Int64] = [:]
    private static let remembered = 4_096

    mutating func refused(_ address: TransportAddress, until: Int64) {
        if refusals.count >= Self.remembered { refusals = [:] }
        refusals[address] = until
    }

    /// True when it is the first, who has to begin.
    mutating func add(_ hop: SIPHop, _ answer: @escaping (SIPFlow?) -> Void) -> Bool {
        if let index = waiting.firstIndex(where: { $0.hop == hop }) {
            waiting[index].answers.append(answer)
            return false
        }
        waiting.append((hop, [answer]))
        return true
    }

    mutating func take(_ hop: SIPHop) -> [(SIPFlow?) -> Void] {
        guard let index = waiting.firstIndex(where: { $0.hop == hop }) else { return [] }
        return waiting.remove(at: index).answers
    }
}
