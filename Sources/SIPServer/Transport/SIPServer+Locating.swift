import NIOCore
import Resolving
import SIPWire

// Servers of a URI (RFC 3263).

extension SIPServer {
    /// The servers for a URI, best first; none when there are none, or we speak nothing that they speak.
    public func locate(_ uri: SIPURI, _ answer: @escaping ([SIPHop]) -> Void) {
        guard uri.scheme == .sip || uri.scheme == .sips else { return answer([]) }
        var wanted: SIPTransport?
        if let name = uri.transport {
            guard let transport = SIPTransport(name) else { return answer([]) }
            wanted = transport
        }
        if uri.isSecure { wanted = .tls }
        // What a Route or Contact names by address needs nobody to be asked.
        let host = (uri.parameters["maddr"] ?? uri.host).string.lowercased()
        let transport = wanted ?? .udp
        if let address = TransportAddress(ip: host, port: uri.port ?? transport.defaultPort) {
            return answer([SIPHop(transport: transport, address: address)])
        }
        let wish = ServerLocator.Wish(
            host: host, port: uri.port, transport: wanted.map(ServiceTransport.init), isSecure: uri.isSecure)
        resolver.locate(wish) { servers in
            // The certificate must be for the domain that was asked for, not for the server that DNS named (RFC 5922 §4).
            answer(servers.compactMap { SIPHop($0, name: host) })
        }
    }

    private var resolver: ServerLocator {
        if let locator { return locator }
        let client = DNSClient(servers: config.nameServers)
        let made = ServerLocator(client: client, loop: loop, time: time)
        dns = client
        locator = made
        return made
    }

    /// Other name servers are to be asked.
    func forgetServers() {
        dns?.stop()
        dns = nil
        locator = nil
    }
}

extension SIPHop {
    init?(_ server: LocatedServer, name: String) {
        let ip: String
        if server.address.count == 4 {
            ip = server.address.map(String.init).joined(separator: ".")
        } else {
            let words = stride(from: 0, to: server.address.count - 1, by: 2).map {
                String(UInt16(server.address[$0]) << 8 | UInt16(server.address[$0 + 1]), radix: 16)
            }
            ip = words.joined(separator: ":")
        }
        guard let address = TransportAddress(ip: ip, port: server.port) else { return nil }
        self.init(transport: SIPTransport(server.transport), address: address, name: name)
    }
}

extension ServiceTransport {
    init(_ transport: SIPTransport) {
        self =
            switch transport {
            case .udp: .udp
            case .tcp: .tcp
            case .tls: .tls
            }
    }
}

extension SIPTransport {
    init(_ transport: ServiceTransport) {
        self =
            switch transport {
            case .udp: .udp
            case .tcp: .tcp
            case .tls: .tls
            }
    }
}
