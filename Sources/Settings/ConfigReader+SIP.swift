import Ground
import Yams

/// The lists of trunks and routes.
extension ConfigReader {
    static let trunkExpectation =
        "a list, each entry with name and destinations, and if need be addresses, certificates, publishes_line_state,"
        + " presence_gateway, domains, prefix and keep_alive_seconds"
    static let routeExpectation = "a list, each entry with trunk, and domain or prefix or both"

    /// Most trunks and most routes.
    private static let trunksMax = 100
    private static let routesMax = 1_000

    // MARK: Trunks

    mutating func readTrunks(_ value: Node) {
        if Self.isEmpty(value) { return }
        guard case .sequence(let items) = value, items.count <= Self.trunksMax else {
            return refuse("sip.trunks", value: value, expected: Self.trunkExpectation)
        }
        for (index, item) in items.enumerated() { readTrunk(item, key: "sip.trunks[\(index)]") }
    }

    private mutating func readTrunk(_ item: Node, key: String) {
        lines[key] = item.mark?.line
        guard case .mapping(let mapping) = item else {
            return refuse(key, value: item, expected: "the keys name and destinations")
        }
        var trunk = ServerConfig.SIPTrunk()
        var missing: Set<String> = ["name", "destinations"]
        let known: Set<String> = [
            "name", "destinations", "addresses", "certificates", "publishes_line_state", "presence_gateway", "domains",
            "prefix", "keep_alive_seconds",
        ]
        for (keyNode, value) in mapping {
            guard let name = readKey(keyNode, path: [], known: known, prefix: key) else { continue }
            missing.remove(name)
            let path = "\(key).\(name)"
            switch name {
            case "name":
                if let text = one(value, path, "up to 64 letters, digits, dots and hyphens", SIPNames.isName) {
                    trunk.name = text
                }
            case "destinations":
                trunk.destinations = several(
                    value, path, "1 … 16 hosts such as cucm.example.com:5060;transport=tcp", SIPNames.isDestination)
                if !(1...ServerConfig.SIPTrunk.destinationsMax).contains(value.sequence?.count ?? 1) {
                    refuse(path, "expected 1 … \(ServerConfig.SIPTrunk.destinationsMax) destinations")
                }
            case "addresses":
                trunk.addresses = several(value, path, "addresses and networks such as 10.1.2.0/24") {
                    AddressRange($0) != nil
                }
            case "certificates":
                trunk.certificates = several(value, path, "names of certificates such as cucm.example.com") {
                    $0 != "*" && SIPNames.isPattern($0)
                }
            case "publishes_line_state": trunk.publishesLineState = toggle(value, path)
            case "presence_gateway": trunk.isPresenceGateway = toggle(value, path)
            case "domains":
                trunk.domains = several(value, path, "domain names") { $0 != "*" && SIPNames.isPattern($0) }
                    .map { $0.lowercased() }
            case "prefix": trunk.prefix = one(value, path, "the begin of a number", SIPNames.isPrefix) ?? ""
            default:
                guard let number = Self.integer(value), number == 0 || (5...3_600).contains(number) else {
                    refuse(path, value: value, expected: "0 (never) or 5 … 3600")
                    continue
                }
                trunk.keepAliveSeconds = number
            }
        }
        for name in missing.sorted() { refuse(key, "\(name) is missing: expected name and destinations") }
        if let first = config.sip.trunks.firstIndex(where: { $0.name == trunk.name }), !trunk.name.isEmpty {
            refuse("\(key).name", "trunk \(trunk.name) is given twice: sip.trunks[\(first)] has it already")
        }
        config.sip.trunks.append(trunk)
    }

    // MARK: Routes

    mutating func readRoutes(_ value: Node) {
        if Self.isEmpty(value) { return }
        guard case .sequence(let items) = value, items.count <= Self.routesMax else {
            return refuse("sip.routes", value: value, expected: Self.routeExpectation)
        }
        for (index, item) in items.enumerated() { readRoute(item, key: "sip.routes[\(index)]") }
    }

    private mutating func readRoute(_ item: Node, key: String) {
        lines[key] = item.mark?.line
        guard case .mapping(let mapping) = item else {
            return refuse(key, value: item, expected: "the keys trunk, and domain or prefix")
        }
        var route = ServerConfig.SIPRoute()
        var given: Set<String> = []
        for (keyNode, value) in mapping {
            guard let name = readKey(keyNode, path: [], known: ["domain", "prefix", "trunk"], prefix: key) else {
                continue
            }
            given.insert(name)
            let path = "\(key).\(name)"
            switch name {
            case "domain":
                route.domain =
                    one(value, path, "a domain, *.domain or *", SIPNames.isPattern)?.lowercased() ?? ""
            case "prefix": route.prefix = one(value, path, "the begin of a number", SIPNames.isPrefix) ?? ""
            default: route.trunk = one(value, path, "the name of a trunk", SIPNames.isName) ?? ""
            }
        }
        if !given.contains("trunk") { refuse(key, "trunk is missing: expected the name of one of sip.trunks") }
        if given.isDisjoint(with: ["domain", "prefix"]) {
            refuse(key, "matches nothing: expected domain or prefix")
        }
        config.sip.routes.append(route)
    }

    // MARK: Values

    private mutating func one(
        _ value: Node, _ path: String, _ expected: String, _ isAllowed: (String) -> Bool
    ) -> String? {
        guard let text = Self.text(value), isAllowed(text) else {
            refuse(path, value: value, expected: expected)
            return nil
        }
        return text
    }

    private mutating func several(
        _ value: Node, _ path: String, _ expected: String, _ isAllowed: (String) -> Bool
    ) -> [String] {
        let items = value.sequence.map { Array($0) } ?? [value]
        return items.prefix(100).compactMap { one($0, path, expected, isAllowed) }
    }

    private mutating func toggle(_ value: Node, _ path: String) -> Bool {
        switch value.scalar?.string.lowercased() {
        case "on", "true", "yes": return true
        case "off", "false", "no": return false
        default:
            refuse(path, value: value, expected: "one of on, off")
            return false
        }
    }

    // MARK: Checks

    /// Every alias means a domain that is served.
    mutating func checkSIP() {
        for alias in config.sip.domainAliases {
            let parts = alias.split(separator: "=").map(String.init)
            guard parts.count == 2 else { continue }
            let domain = (try? DomainName.prepare(parts[1]).get()) ?? ""
            if !config.domains.contains(where: { $0.name == domain }) {
                refuse("sip.domain_aliases", "\(parts[1]) is not a domain of this server")
            }
        }
    }
}
