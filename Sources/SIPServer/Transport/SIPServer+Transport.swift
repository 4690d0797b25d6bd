import NIOCore
import NIOPosix
import SIPWire

// Sockets come and go, bytes come in.

extension SIPServer {
    /// A UDP socket is bound, on this loop.
    public func serve(datagrams channel: any Channel) throws {
        guard let address = channel.localAddress, let bound = TransportAddress(address) else {
            return channel.close(promise: nil)
        }
        let link = UDPLink(bound: bound, isSix: address.protocol == .inet6, server: self)
        udpLinks.append(link)
        portsChanged()
        try channel.pipeline.syncOperations.addHandler(UDPHandler(link))
    }

    /// A connection was accepted, on this loop.
    public func accept(_ channel: any Channel, usesTLS: Bool) throws {
        guard let remote = channel.remoteAddress.flatMap({ TransportAddress($0) }),
            let local = channel.localAddress.flatMap({ TransportAddress($0) }), !isDraining,
            connections.count < config.connections, connections.count(from: remote) < config.connectionsPerAddress
        else { return channel.close(promise: nil) }
        let link = StreamLink(
            transport: usesTLS ? .tls : .tcp, remote: remote, local: local, isOutbound: false, server: self)
        if usesTLS {
            guard let tls else { return channel.close(promise: nil) }
            link.encryption = try tls.install(on: channel, direct: false)
        }
        try channel.pipeline.syncOperations.addHandler(StreamHandler(link))
        connections.add(link)
        counters.connections &+= 1
    }

    /// A link is gone.
    func forget(_ link: SIPLink) {
        if let stream = link as? StreamLink {
            connections.remove(stream)
        } else {
            udpLinks.removeAll { $0 === link }
            portsChanged()
        }
        for watcher in whenLinkClosed { watcher(link) }
    }

    /// Connections that are open.
    public var connectionCount: Int { connections.count }

    /// Where we listen, for Contact, Via and Record-Route.
    func listeningPort(_ transport: SIPTransport) -> UInt16 {
        switch transport {
        case .udp: udpLinks.first?.bound.port ?? 5_060
        case .tcp: ports.tcp ?? 5_060
        case .tls: ports.tls ?? 5_061
        }
    }

    /// Where we listen, on any transport.
    func portsChanged() {
        listeningPorts = Set(udpLinks.map(\.bound.port) + [ports.tcp, ports.tls].compactMap { $0 })
    }

    // MARK: In

    func received(datagram: UnsafeRawBufferPointer, on flow: SIPFlow) {
        counters.datagramsIn &+= 1
        uptime = time.uptime
        switch SIPParser.classify(datagram) {
        case .message: received(datagram, on: flow, isStream: false)
        case .keepAlive: break
        case .stun:
            if let answer = STUNBinding.answer(to: ByteBuffer(bytes: datagram), from: flow.remote) { flow.send(answer) }
        }
    }

    /// One message, whole.
    func received(_ bytes: UnsafeRawBufferPointer, on flow: SIPFlow, isStream: Bool) {
        do throws(SIPParseError) {
            let message = try SIPParser.parse(bytes, limits: isStream ? streamLimits : limits, isStream: isStream)
            if message.isRequest {
                counters.countIn(message.method)
                transactions.receive(message, on: flow)
            } else {
                transactions.receive(response: message, on: flow)
            }
        } catch {
            counters.malformed &+= 1
            guard let message = error.message, scanners.allows(flow.remote, uptime) else {
                return scanners.garbage(from: flow.remote)
            }
            transactions.refuse(message, on: flow, error.status, error.reason)
        }
    }

    /// A message that is not looked at, such as the head of one whose end cannot be found.
    func refuse(_ head: ByteBuffer, on flow: SIPFlow, _ status: SIPStatus, _ reason: StaticString? = nil) {
        let reason = reason ?? status.reason
        do throws(SIPParseError) {
            transactions.refuse(try SIPParser.parse(head, limits: streamLimits), on: flow, status, reason)
        } catch {
            if let message = error.message { transactions.refuse(message, on: flow, status, reason) }
        }
    }
}
