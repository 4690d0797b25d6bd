import IMCore
import SIPWire
import XMPPWire

/// Where a request would go, with the questions that `SIPProxy` asks in their order; for administrators.
public struct RouteExplanation: Sendable {
    public enum Verdict: Sendable { case contacts, user, trunk, dns, refused }

    public internal(set) var verdict = Verdict.refused
    /// One sentence.
    public internal(set) var text = ""
    /// Where the request would be sent, in the order of trying.
    public internal(set) var targets: [String] = []
    /// What was asked (`uri`, `domain`, `account`, `contacts`, `route`, `trunk`, `outside`, `dns`), and what came out.
    public internal(set) var steps: [(question: String, answer: String)] = []

    mutating func add(_ question: String, _ answer: String) { steps.append((question, answer)) }

    mutating func refuse(_ text: String) { (verdict, self.text) = (.refused, text) }
}

extension SIPServer {
    /// Where a request to `uri` would go now, and why. Nothing is sent but questions to name servers.
    ///
    /// - Parameters:
    ///   - sender: whose request it is; nil for one of our users.
    ///   - answer: called once, on the loop, perhaps at once.
    public func explainRoute(of uri: SIPURI, from sender: JID?, _ answer: @escaping (RouteExplanation) -> Void) {
        var found = RouteExplanation()
        let isInside = sender.map { serves(SIPBytes($0.domain)) } ?? true
        found.add(
            "uri",
            "\(uri.scheme == .tel ? "a telephone number" : "user \(uri.user?.string ?? "(none)") at \(uri.hostPort.string)")"
        )
        guard let domain = domain(uri) else {
            found.add("domain", "\(uri.host.string) is not a domain of this server")
            return explainOutside(uri, isInside, found, answer)
        }
        found.add(
            "domain",
            uri.host.string == domain
                ? "\(domain) is a domain of this server" : "\(uri.host.string) means \(domain), a domain of this server"
        )
        guard uri.user != nil else {
            (found.verdict, found.text) = (.user, "The server itself answers.")
            return answer(found)
        }
        guard isInside || config.acceptsForeign else {
            found.add("outside", "sip.accept_from_outside is off, and it comes over no trunk")
            found.refuse("403: people of other domains are let in over trunks only.")
            return answer(found)
        }
        explainUser(uri, domain, sender, isInside, found, answer)
    }

    private func explainUser(
        _ uri: SIPURI, _ domain: String, _ sender: JID?, _ isInside: Bool, _ start: RouteExplanation,
        _ answer: @escaping (RouteExplanation) -> Void
    ) {
        var found = start
        let gruu = registrar.gruus.resolve(uri, domain: Array(domain.utf8), location)
        guard let address = gruu?.address ?? addressOfRecord(uri),
            let user = try? JID(parsing: String(decoding: address, as: UTF8.self))
        else {
            found.add("account", "the user part is no address")
            found.refuse("404: there is no such address.")
            return answer(found)
        }
        router.homes.withHome(user) { [self] home in
            guard let home else {
                found.add("account", "there is no account \(user)")
                guard isInside, let trunk = trunks.route(of: uri, isOwnDomain: true) else {
                    found.add("route", "no route has a prefix of it")
                    found.refuse("404: nobody has this address, and no route leads on.")
                    return answer(found)
                }
                return explain(trunk, uri, isOwn: true, found, answer)
            }
            found.add("account", "\(user) has an account")
            if let sender, home.blocks(sender, .message) {
                found.add("account", "\(user) blocks \(sender)")
                found.refuse("480: the address is blocked.")
                return answer(found)
            }
            let all = gruu?.bindings ?? location.bindings(of: address)
            let reachable = all.filter(\.isReachable)
            found.add(
                "contacts",
                all.isEmpty
                    ? "nothing is registered"
                    : "\(all.count) registered"
                        + (reachable.count < all.count ? ", \(reachable.count) of them reachable" : "")
                        + (gruu == nil ? "" : " with the instance that the GRUU names"))
            found.targets = reachable.map { binding in
                let over = binding.flow.map { " over \($0)" } ?? ""
                return binding.contact.string + over
            }
            guard reachable.isEmpty else {
                (found.verdict, found.text) = (
                    .contacts, "Messages go to the user's XMPP clients too; presence is answered by the server itself."
                )
                return answer(found)
            }
            (found.verdict, found.text) = (
                .user,
                "No contact is registered: calls get 480; messages go to XMPP clients or into the store; presence is"
                    + " answered by the server itself."
            )
            answer(found)
        }
    }

    private func explainOutside(
        _ uri: SIPURI, _ isInside: Bool, _ start: RouteExplanation, _ answer: @escaping (RouteExplanation) -> Void
    ) {
        var found = start
        guard isInside else {
            found.add("outside", "neither the sender nor the address is of this server")
            found.refuse("403: this server is no relay.")
            return answer(found)
        }
        if let trunk = trunks.route(of: uri, isOwnDomain: false) {
            return explain(trunk, uri, isOwn: false, found, answer)
        }
        found.add("route", "no route matches, and no trunk has this domain")
        guard uri.scheme == .sip || uri.scheme == .sips else {
            found.refuse("404: a telephone number needs a route.")
            return answer(found)
        }
        guard config.acceptsForeign else {
            found.add("outside", "sip.accept_from_outside is off")
            found.refuse("404: other domains are reached over routes only.")
            return answer(found)
        }
        locate(uri) { hops in
            found.targets = hops.map(\.text)
            found.add("dns", hops.isEmpty ? "no server was found" : "\(hops.count) found (RFC 3263)")
            if hops.isEmpty {
                found.refuse("DNS knows no SIP server of \(uri.host.string).")
            } else {
                (found.verdict, found.text) = (.dns, "To the servers that DNS names.")
            }
            answer(found)
        }
    }

    private func explain(
        _ trunk: SIPTrunk, _ uri: SIPURI, isOwn: Bool, _ start: RouteExplanation,
        _ answer: @escaping (RouteExplanation) -> Void
    ) {
        var found = start
        let user = uri.decodedUser.map { String(decoding: $0, as: UTF8.self) } ?? ""
        let place = config.routes.firstIndex {
            $0.trunk == trunk.name && $0.matches(host: uri.host.string, user: user, isOwn: isOwn)
        }
        found.add(
            "route",
            place.map { "route \($0 + 1) matches and leads to \(trunk.name)" } ?? "\(trunk.name) has this domain")
        let destinations = trunk.ordered
        found.add(
            "trunk",
            trunk.destinations.map { one in
                let state = one.isUp.map { $0 ? "answers" : "is down: \(one.lastError)" } ?? "has not been asked"
                return "\(one.uri.hostPort.string) \(state)"
            }.joined(separator: "; "))
        found.verdict = .trunk
        found.text =
            destinations.first.map {
                "As \(trunk.requestURI(for: uri, at: $0, isOwn: isOwn).string), the servers of \(trunk.name) one after the other."
            } ?? "The trunk has no destination: 503."
        if destinations.isEmpty { found.verdict = .refused }
        locateAll(destinations[...], found, answer)
    }

    private func locateAll(
        _ destinations: ArraySlice<SIPURI>, _ start: RouteExplanation, _ answer: @escaping (RouteExplanation) -> Void
    ) {
        var found = start
        guard let next = destinations.first else { return answer(found) }
        locate(next) { [self] hops in
            found.targets += hops.map(\.text)
            if hops.isEmpty { found.add("dns", "no server was found for \(next.hostPort.string)") }
            locateAll(destinations.dropFirst(), found, answer)
        }
    }
}

extension SIPHop {
    /// `udp 192.0.2.1:5060`
    public var text: String { "\(transport.parameter) \(address)" }
}
