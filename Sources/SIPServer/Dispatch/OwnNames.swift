import NIOCore
import NIOPosix
import SIPWire

/// What counts as us: the domains that we serve, the host names and addresses that we listen on.
struct OwnNames {
    private let domains: [SIPBytes: String]
    private let hosts: Set<SIPBytes>
    /// Addresses of our interfaces, in digits; asked for when first wanted.
    private var addresses: Set<SIPBytes>?

    init(_ config: SIPConfig) {
        domains = Dictionary(config.domains.map { (SIPBytes($0.lowercased()), $0) }) { first, _ in first }
        hosts = Set(
            (config.hostNames + Array(config.domainAliases.keys) + [config.advertisedHost].compactMap { $0 }).map {
                SIPBytes($0.lowercased())
            })
    }

    mutating func forget() { addresses = nil }

    /// A domain whose users are ours.
    ///
    /// - Parameter host: in lower case, as `SIPURI` has it.
    func serves(_ host: SIPBytes) -> Bool { domains[host] != nil }

    func domain(_ host: SIPBytes) -> String? { domains[host] }

    /// The server itself, or one of its domains.
    ///
    /// - Parameter ports: that we listen on; a host name of ours with another port is somebody else.
    mutating func isUs(_ host: SIPBytes, port: UInt16?, ports: Set<UInt16>) -> Bool {
        if domains[host] != nil { return port.map { ports.contains($0) } ?? true }
        guard hosts.contains(host) || isOwnAddress(host) else { return false }
        return ports.contains(port ?? 5_060) || (port == nil && ports.contains(5_061))
    }

    private mutating func isOwnAddress(_ host: SIPBytes) -> Bool {
        guard let first = host.first, first == 0x5B || first &- 0x30 < 10 else { return false }
        if addresses == nil {
            var found: Set<SIPBytes> = []
            for device in (try? System.enumerateDevices()) ?? [] {
                if let address = device.address.flatMap({ TransportAddress($0) }) {
                    found.insert(SIPBytes(address.host))
                }
            }
            addresses = found
        }
        if addresses!.contains(host) { return true }
        // Every address of 127/8 is this machine's.
        return host.hasPrefix("127.")
    }
}
