import Crypto
import IMCore
import XMLWire
import XMPPWire

/// Service discovery (XEP-0030) and entity capabilities of the server (XEP-0115).
enum Discovery {
    static let node = "https://roost.im"

    struct Identity {
        var category: String
        var type: String
        var name: String
    }

    /// What is asked of a node.
    enum Aspect { case information, items }

    static let serverIdentity = Identity(category: "server", type: "im", name: "Roost")
    static let accountIdentity = Identity(category: "account", type: "registered", name: "")
    /// An account is a pubsub service too (XEP-0163 §6.1).
    static let personalEventing = Identity(category: "pubsub", type: "pep", name: "")
}

extension XMPPFeature {
    private static let itemsNamespace = "http://jabber.org/protocol/disco#items"
    private static let infoNamespace = "http://jabber.org/protocol/disco#info"

    static var discovery: XMPPFeature {
        XMPPFeature(
            "discovery",
            [
                Standard("XEP-0030", "Service Discovery", "2.5"),
                Standard("XEP-0115", "Entity Capabilities", "1.6.0"),
            ],
            requests: [
                Request(
                    name: "query", namespace: infoNamespace, scopes: [.server, .account, .contact],
                    handle: handleInformation),
                Request(
                    name: "query", namespace: itemsNamespace, scopes: [.server, .account, .contact],
                    handle: handleItems),
            ],
            serverFeatures: [infoNamespace, itemsNamespace, "http://jabber.org/protocol/caps"],
            accountFeatures: [infoNamespace, itemsNamespace])
    }

    private static func handleInformation(_ request: IQRequest) {
        guard !request.isSet else { return request.refuse(.badRequest("discovery is asked with get")) }
        let registry = request.server.registry
        let node = request.payload["node"]
        if let node, !node.isEmpty, answersNode(request, node, .information) { return }
        guard let target = request.target, target != request.home.jid else {
            guard node == nil || node == "" else { return request.refuse(.itemNotFound) }
            return request.reply(Discovery.account(registry, request.home.policy))
        }
        if target.local == nil {
            let known = Discovery.node + "#" + registry.capabilities(request.home.policy)
            guard node == nil || node == "" || node == known else { return request.refuse(.itemNotFound) }
            return request.reply(
                Discovery.information(
                    Discovery.serverIdentity, registry.shown(registry.serverFeatures, to: request.home.policy),
                    node: node, others: registry.furtherIdentities,
                    forms: registry.serverForms))
        }
        // XEP-0030 §8: only those who may see the user learn that the account exists.
        visibleHome(request, target, otherwise: { request.refuse(.serviceUnavailable) }) { _ in
            guard node == nil || node == "" else { return request.refuse(.itemNotFound) }
            request.reply(Discovery.account(registry, request.home.policy))
        }
    }

    private static func handleItems(_ request: IQRequest) {
        guard !request.isSet else { return request.refuse(.badRequest("discovery is asked with get")) }
        if let node = request.payload["node"], !node.isEmpty {
            if answersNode(request, node, .items) { return }
            return request.refuse(.itemNotFound)
        }
        guard let target = request.target, target != request.home.jid else { return answerPersonalItems(request) }
        if target.local == nil {
            let items = request.server.router.services(below: target.domain).map {
                "<item jid='\(XMLText.escape($0.domain))' name='\(XMLText.escape($0.title))'/>"
            }
            return request.reply(Discovery.items(items.joined(), node: nil))
        }
        visibleHome(request, target, otherwise: { request.reply(Discovery.items("", node: nil)) }) { _ in
            answerPersonalItems(request)
        }
    }

    /// Nodes of the server and of one's own account belong to features.
    private static func answersNode(_ request: IQRequest, _ node: String, _ aspect: Discovery.Aspect) -> Bool {
        let scope: Scope
        switch request.target {
        case nil, request.home.jid: scope = .account
        case let target?: scope = target.local == nil ? .server : .contact
        }
        return request.server.registry.answerNode(request, node, aspect, scope)
    }

    /// The home of a contact that shares its presence with the asker; otherwise the same answer as for nobody.
    private static func visibleHome(
        _ request: IQRequest, _ target: JID, otherwise: @escaping () -> Void, _ body: @escaping (UserHome) -> Void
    ) {
        let router = request.server.router
        router.homes.withHome(target) { other in
            guard let other, !other.blocks(request.asker, .iq), router.sharesPresence(other, with: request.home.jid)
            else { return otherwise() }
            body(other)
        }
    }
}

extension Discovery {
    /// The answer to disco#info.
    /// - Parameter others: further identities.
    static func information(
        _ identity: Identity, _ features: [String], node: String?, others: [Identity] = [],
        forms: [DiscoveryForm] = [], form: String = ""
    ) -> String {
        var xml = "<query xmlns='http://jabber.org/protocol/disco#info'\(attribute(node))>"
        for identity in [identity] + others {
            xml += "<identity category='\(identity.category)' type='\(identity.type)'"
            if !identity.name.isEmpty { xml += " name='\(XMLText.escape(identity.name))'" }
            xml += "/>"
        }
        for feature in features { xml += "<feature var='\(feature)'/>" }
        for form in forms { xml += form.xml }
        return xml + form + "</query>"
    }

    /// disco#info of an account.
    static func account(_ registry: XMPPRegistry, _ policy: UserPolicy) -> String {
        information(
            accountIdentity, registry.shown(registry.accountFeatures, to: policy), node: nil,
            others: [personalEventing])
    }

    /// The answer to disco#items; `items` is serialised.
    static func items(_ items: String, node: String?) -> String {
        "<query xmlns='http://jabber.org/protocol/disco#items'\(attribute(node))>\(items)</query>"
    }

    private static func attribute(_ node: String?) -> String {
        guard let node, !node.isEmpty else { return "" }
        return " node='\(XMLText.escape(node))'"
    }
}

/// XEP-0115 §5.
enum EntityCapabilities {
    static func verification(
        identities: [Discovery.Identity], features: [String], forms: [DiscoveryForm] = []
    ) -> String {
        var text = ""
        for identity in identities { text += "\(identity.category)/\(identity.type)//\(identity.name)<" }
        for feature in features.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) { text += feature + "<" }
        for form in forms.sorted(by: { $0.type.utf8.lexicographicallyPrecedes($1.type.utf8) }) {
            text += form.verification
        }
        return Base64.encode(Array(Insecure.SHA1.hash(data: Array(text.utf8))))
    }
}
