import IMCore
import PresenceWire
import XMLWire
import XMPPWire

/// Who sees a user's presence as a document of presence rules, and back (pure).
///
///     block, polite-block   block list (XEP-0191); to the watcher both look like the second: the user is unavailable
///     allow                 subscribed to the user (`from`), approved beforehand, or on the allow list
///     confirm               the user is asked; the default
///
/// The closest address decides, not the highest action as in RFC 4745 §10.2: somebody blocked in a domain that is allowed
/// stays blocked, with XMPP as with SIP. Rules whose names begin with `roost-` are written anew each time: what no rule
/// of the client stands for, and what becomes of everybody else, which is the administrator's to say.
///
/// What the core cannot express: a rule that lets in under further conditions (spheres, times, lists elsewhere) lets
/// nobody in, and is kept; one that keeps out under such conditions is refused. Transformations are kept and not followed:
/// whoever is let in sees everything.
enum RulesDocument {
    typealias Handling = PresenceRules.Handling

    /// What the core says.
    struct Standing: Equatable {
        var owner: JID
        var blocked: Set<JID>
        /// None of them is blocked.
        var allowed: Set<JID>
        /// Of the server.
        var domains: [String]
        var inside = Handling.confirm
        var outside = Handling.confirm
    }

    static let ownPrefix = "roost-"

    // MARK: What a document wants

    /// - Throws: `constraint-failure` for what cannot be had.
    static func intent(
        _ rules: [PresenceRules.Rule], _ standing: Standing
    ) throws(XCAPFailure) -> [JID: Handling] {
        var wanted: [JID: Handling] = [:]
        for rule in rules {
            guard let handling = rule.handling, try applies(rule) else { continue }
            let isOwn = rule.id.hasPrefix(ownPrefix)
            guard let identities = rule.identities else {
                try everybody(handling, standing)
                continue
            }
            for identity in identities {
                switch identity {
                case .one(let text):
                    guard let jid = XCAPAddress.jid(text) else {
                        if handling.keepsOut { throw .constraint("\(text) cannot be blocked: it is no address here") }
                        continue
                    }
                    guard jid.bare != standing.owner else {
                        if handling.keepsOut { throw .constraint("you cannot block yourself") }
                        continue
                    }
                    // Only blocked addresses may be of one client.
                    add(handling, handling.keepsOut ? jid : jid.bare, to: &wanted)
                case .many(let domain?, _):
                    guard let jid = XCAPAddress.domain(domain) else {
                        throw .constraint("\(domain) is not a domain")
                    }
                    if isOwn, handling == standing.inside, standing.domains.contains(jid.domain) { continue }
                    add(handling, jid, to: &wanted)
                case .many(nil, _):
                    try everybody(handling, standing)
                }
            }
        }
        for rule in rules where !rule.id.hasPrefix(ownPrefix) { try checkExceptions(rule, wanted) }
        return wanted
    }

    private static func add(_ handling: Handling, _ jid: JID, to wanted: inout [JID: Handling]) {
        wanted[jid] = max(wanted[jid] ?? handling, handling)
    }

    /// Whether the rule counts for anybody.
    private static func applies(_ rule: PresenceRules.Rule) throws(XCAPFailure) -> Bool {
        // Everybody here has a name.
        if rule.otherConditions.contains("anonymous-request") { return false }
        guard let condition = rule.otherConditions.first(where: { $0 != "other-identity" }) else { return true }
        if rule.handling?.keepsOut == true {
            throw .constraint("nobody can be kept out by the condition \(condition): name whom to block")
        }
        return false
    }

    private static func everybody(_ handling: Handling, _ standing: Standing) throws(XCAPFailure) {
        guard handling != .confirm else { return }
        if handling == standing.inside, handling == standing.outside { return }
        if handling.keepsOut, standing.outside.keepsOut { return }
        throw .constraint(
            "what becomes of everybody else is decided by the administrator: it is "
                + (standing.inside == standing.outside
                    ? standing.outside.word
                    : "\(standing.inside.word) for people of this server, \(standing.outside.word) for others"))
    }

    /// The core knows no exceptions but addresses that are closer.
    private static func checkExceptions(
        _ rule: PresenceRules.Rule, _ wanted: [JID: Handling]
    ) throws(XCAPFailure) {
        guard let handling = rule.handling, handling != .confirm, rule.otherConditions.isEmpty else { return }
        for case .many(_?, let exceptions) in rule.identities ?? [] {
            for exception in exceptions {
                let (text, jid) =
                    switch exception {
                    case .one(let id): (id, XCAPAddress.jid(id))
                    case .domain(let domain): (domain, XCAPAddress.domain(domain))
                    }
                let other = jid.flatMap { wanted[$0] ?? wanted[$0.bare] }
                let isSaid = handling == .allow ? other?.keepsOut == true : other == .allow
                guard isSaid else {
                    throw .constraint(
                        "\(text) is an exception: say in a rule of its own whether to \(handling == .allow ? "block" : "allow") it"
                    )
                }
            }
        }
    }

    /// What has to be done.
    struct Change: Equatable {
        var block: [JID] = []
        var unblock: [JID] = []
        var allow: [JID] = []
        var disallow: [JID] = []
    }

    static func change(_ wanted: [JID: Handling], _ standing: Standing) -> Change {
        func sorted(_ jids: some Sequence<JID>) -> [JID] { jids.sorted { $0.description < $1.description } }
        let blocked = wanted.filter(\.value.keepsOut).keys
        let allowed = wanted.filter { $0.value == .allow }.keys
        return Change(
            block: sorted(blocked.filter { !standing.blocked.contains($0) }),
            unblock: sorted(standing.blocked.filter { wanted[$0]?.keepsOut != true }),
            allow: sorted(allowed.filter { !standing.allowed.contains($0) }),
            // Whoever is blocked instead keeps what he has: it counts again once he is not.
            disallow: sorted(
                standing.allowed.filter { wanted[$0] != .allow && wanted[$0]?.keepsOut != true }))
    }

    // MARK: The document

    /// - Parameter kept: the client's own rules, without ours.
    static func render(_ standing: Standing, over kept: XMLElement?) -> XMLElement {
        var root = kept ?? XMLElement("ruleset", namespace: PresenceRules.rulesetNamespace)
        var shown: Set<JID> = []
        var saysOthers = false
        root.children = root.children.compactMap { node in
            guard case .element(let rule) = node, rule.name == "rule" else { return node }
            return settled(rule, standing, &shown, &saysOthers).map { .element($0) }
        }
        let order = { (left: JID, right: JID) in left.description < right.description }
        let blocked = standing.blocked.subtracting(shown).sorted(by: order)
        if !blocked.isEmpty {
            root.append(.init(id: "roost-blocked", identities: blocked.map { identity($0) }, handling: .block))
        }
        let allowed = standing.allowed.subtracting(shown).sorted(by: order)
        if !allowed.isEmpty {
            let identities = allowed.map { identity($0, except: closer(than: $0, standing.blocked).sorted(by: order)) }
            root.append(.init(id: "roost-allowed", identities: identities, handling: .allow))
        }
        if !saysOthers { appendOthers(standing, standing.blocked.sorted(by: order), to: &root) }
        return root
    }

    /// What is kept of a document.
    static func remainder(_ root: XMLElement) -> XMLElement? {
        var root = root
        root.children.removeAll { node in
            switch node {
            case .element(let rule): rule.name == "rule" && rule["id"]?.hasPrefix(ownPrefix) == true
            case .text(let text): text.allSatisfy(\.isWhitespace)
            }
        }
        return root.children.isEmpty ? nil : root
    }

    /// A rule of the client without those for whom it does not hold any more; nil when it holds for nobody.
    private static func settled(
        _ element: XMLElement, _ standing: Standing, _ shown: inout Set<JID>, _ saysOthers: inout Bool
    ) -> XMLElement? {
        guard let rule = try? PresenceRules.rule(element), let handling = rule.handling else { return element }
        if rule.identities == nil, rule.otherConditions.allSatisfy({ $0 == "other-identity" }) { saysOthers = true }
        guard rule.otherConditions.isEmpty, let identities = rule.identities else { return element }
        func holds(_ jid: JID?) -> Bool {
            guard let jid, jid.bare != standing.owner else { return true }
            let holds =
                switch handling {
                case .block, .politeBlock: standing.blocked.contains(jid)
                case .allow: standing.allowed.contains(jid.bare)
                case .confirm: !standing.blocked.contains(jid) && !standing.allowed.contains(jid.bare)
                }
            if holds { shown.insert(handling == .allow ? jid.bare : jid) }
            return holds
        }
        let left = identities.filter { identity in
            switch identity {
            case .one(let text): return holds(XCAPAddress.jid(text))
            case .many(let domain?, _): return holds(XCAPAddress.domain(domain))
            case .many(nil, _):
                saysOthers = true
                return true
            }
        }
        guard left.count < identities.count else { return element }
        guard !left.isEmpty else { return nil }
        return PresenceRules.replaceIdentities(of: element, by: left)
    }

    private static func identity(_ jid: JID, except closer: [JID] = []) -> PresenceRules.Identity {
        guard jid.local == nil else { return .one(XCAPAddress.uri(jid)) }
        return .many(domain: JID.asciiDomain(jid.domain), except: closer.map { exception($0) })
    }

    private static func exception(_ jid: JID) -> PresenceRules.Exception {
        jid.local == nil ? .domain(JID.asciiDomain(jid.domain)) : .one(XCAPAddress.uri(jid))
    }

    /// Those of a domain.
    private static func closer(than domain: JID, _ jids: Set<JID>) -> [JID] {
        guard domain.local == nil else { return [] }
        return jids.filter {
            ($0.local != nil && $0.domain == domain.domain) || $0.domain.hasSuffix("." + domain.domain)
        }
    }

    /// What becomes of those whom nothing else is about. Those who are blocked are not among them: otherwise `confirm`,
    /// the higher one, would count (RFC 4745 §10.2).
    private static func appendOthers(_ standing: Standing, _ blocked: [JID], to root: inout XMLElement) {
        let exceptions = blocked.map { exception($0) }
        guard standing.inside != standing.outside else {
            root.append(
                .init(
                    id: "roost-others", identities: [.many(domain: nil, except: exceptions)],
                    handling: standing.outside))
            return
        }
        root.append(
            .init(
                id: "roost-inside",
                identities: standing.domains.map { .many(domain: JID.asciiDomain($0), except: exceptions) },
                handling: standing.inside))
        let inside = standing.domains.map { PresenceRules.Exception.domain(JID.asciiDomain($0)) }
        root.append(
            .init(
                id: "roost-outside", identities: [.many(domain: nil, except: inside + exceptions)],
                handling: standing.outside))
    }
}

extension XMLElement {
    fileprivate mutating func append(_ rule: PresenceRules.Rule) {
        children.append(.element(PresenceRules.element(rule)))
    }
}

extension RulesDocument.Standing {
    init(_ home: UserHome, _ router: Router) {
        owner = home.jid
        blocked = home.blocked
        var entries = home.allowed
        for item in home.roster.values where item.subscription.from || item.subscription.approved {
            entries.insert(item.contact)
        }
        allowed = home.hasRules ? entries.filter { !home.blocks($0, .all) } : entries
        domains = router.domainNames
        let settings = home.policy.values.presence
        inside = settings.insideRequests == .block ? .politeBlock : settings.autoAuthorizes ? .allow : .confirm
        outside = settings.outsideRequests == .block ? .politeBlock : .confirm
    }
}
