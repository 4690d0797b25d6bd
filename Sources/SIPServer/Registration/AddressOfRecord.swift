import Interworking
import SIPWire

extension SIPServer {
    /// The domain of ours that the host of a URI means, prepared; nil for a foreign one.
    ///
    /// A domain means itself; an alias its domain; a name or address of this server the first domain.
    func domain(of uri: SIPURI) -> [UInt8]? {
        let host = uri.host
        if names.serves(host) { return host.array }
        if let alias = config.domainAliases[host.string] { return Array(alias.utf8) }
        guard let first = config.domains.first, names.isUs(host, port: uri.port, ports: listeningPorts) else {
            return nil
        }
        return Array(first.utf8)
    }

    /// Whose address a URI is: the prepared bare address; nil when it is nobody's of our domains.
    func addressOfRecord(_ uri: SIPURI) -> [UInt8]? {
        guard let domain = domain(of: uri), let address = AddressMapping.bareAddress(of: uri),
            let at = address.lastIndex(of: 0x40), at > 0
        else { return nil }
        if address[(at + 1)...].elementsEqual(domain) { return address }
        return Array(address[...at]) + domain
    }
}
