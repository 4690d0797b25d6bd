import SIPWire

// Servers of a URI (RFC 3263).

extension SIPServer {
    /// The servers for a URI, best first; none when there are none, or we speak nothing that they speak.
    func locate(_ uri: SIPURI, _ answer: @escaping ([SIPHop]) -> Void) {
        guard uri.scheme == .sip || uri.scheme == .sips else { return answer([]) }
        var wanted: SIPTransport?
        if let name = uri.transport {
            guard let transport = SIPTransport(name) else { return answer([]) }
            wanted = transport
        }
        if uri.isSecure { wanted = .tls }
        let host = uri.host.string
        let transport = wanted ?? .udp
        if let address = TransportAddress(ip: host, port: uri.port ?? transport.defaultPort) {
            return answer([SIPHop(transport: transport, address: address)])
        }
        answer([])
    }
}
