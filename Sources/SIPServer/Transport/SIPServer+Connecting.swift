import NIOCore
import NIOPosix
import NIOSSL
import SIPWire
import Transport

// Ways to peers: flows that are open, and connections that we make.

extension SIPServer {
    /// About what our Via adds.
    private static let viaBytes = 100

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
                var hops = hops
                // Over UDP only what fits (RFC 3261 §18.1.1); where no transport was asked for, TCP comes first then.
                if request.bytes.readableBytes + Self.viaBytes > config.datagramBytes, hop.transport == nil {
                    let larger = hops.filter { $0.transport == .udp }.map {
                        SIPHop(transport: .tcp, address: $0.address, name: $0.name)
                    }
                    hops = larger + hops
                }
                answer(nil, resting.choose(hops, uptime))
            }
        }
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
            .connectTimeout(.seconds(10))
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

    private func outboundTLS() throws -> NIOSSLContext {
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
