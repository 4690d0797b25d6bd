import Ground

/// A neighbour that is known by its address or certificate and needs no digest, as an administrator describes it.
public struct TrunkSettings: Sendable, Equatable {
    /// Unique.
    public var name: String
    /// `host`, `host:port`, each perhaps with `;transport=udp`, `tcp` or `tls`; tried in this order.
    public var destinations: [String]
    /// Where its requests come from.
    public var addresses: [AddressRange] = []
    /// Names in the certificate that it shows, in lower case; `*.example.com` covers one label.
    public var certificates: [String] = []
    /// What it publishes for our users is the state of their lines.
    public var publishesLineState = false
    /// We subscribe there to the presence of its people.
    public var isPresenceGateway = false
    /// Domains whose people are behind it, in lower case.
    public var domains: [String] = []
    /// Put before a number that goes there.
    public var prefix = ""
    /// Seconds between two OPTIONS that ask whether it is there; 0 asks never.
    public var keepAliveSeconds = 60

    public init(name: String, destinations: [String]) {
        self.name = name
        self.destinations = destinations
    }

    /// Most destinations that are used.
    public static let destinationLimit = 16
}

/// What goes to which trunk; the first that matches counts.
public struct RouteSettings: Sendable, Equatable {
    /// Of the Request-URI, in lower case; `*.example.com` covers all below it, `*` every foreign domain. Empty: any.
    public var domain: String
    /// What the user part begins with. Empty: anything.
    public var prefix: String
    /// Name of the trunk.
    public var trunk: String

    public init(domain: String = "", prefix: String = "", trunk: String) {
        self.domain = domain
        self.prefix = prefix
        self.trunk = trunk
    }

    /// - Parameters:
    ///   - host: in lower case; empty for a `tel:` URI.
    ///   - isOwn: the host is a domain of ours, where only numbers are routed.
    func matches(host: String, user: String, isOwn: Bool) -> Bool {
        guard !prefix.isEmpty || !isOwn else { return false }
        guard !domain.isEmpty || !prefix.isEmpty else { return false }
        guard prefix.isEmpty || user.hasPrefix(prefix) else { return false }
        if domain.isEmpty { return true }
        if domain == "*" { return !isOwn }
        if domain.hasPrefix("*.") { return host.hasSuffix(domain.dropFirst()) }
        return host == domain
    }
}
