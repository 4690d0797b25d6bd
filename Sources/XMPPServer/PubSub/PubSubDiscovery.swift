import IMCore
import XMLWire
import XMPPWire

/// What service discovery tells of pubsub services and their nodes (XEP-0060 §5, §10).
enum PubSubDiscovery {
    /// Features of a service, in the order of the specification.
    static func features(isPersonal: Bool) -> [String] {
        var names = [
            "auto-create", "config-node", "create-and-configure", "create-nodes", "delete-items", "delete-nodes",
            "instant-nodes", "item-ids", "last-published", "manage-subscriptions", "member-affiliation", "meta-data",
            "modify-affiliations", "multi-items", "outcast-affiliation", "persistent-items", "publish",
            "publish-only-affiliation", "publish-options", "publisher-affiliation", "purge-nodes", "retract-items",
            "retrieve-affiliations", "retrieve-default", "retrieve-default-sub", "retrieve-items",
            "retrieve-subscriptions", "rsm", "subscribe", "subscription-notifications", "subscription-options",
            "access-authorize", "access-open", "access-presence", "access-roster", "access-whitelist",
            "config-node-max",
        ]
        if isPersonal {
            names += ["auto-subscribe", "filtered-notifications", "presence-subscribe", "pubsub-on-a-jid"]
        } else {
            names.removeAll { ["access-presence", "access-roster"].contains($0) }
            names.append("get-pending")
        }
        return [PubSubNamespace.pubsub] + names.map { PubSubNamespace.pubsub + "#" + $0 }
    }

    /// disco#info of a node.
    static func nodeInformation(_ node: String, isPersonal: Bool, _ engine: PubSubEngine) throws -> String {
        let form = try engine.metadata(node)
        return Discovery.information(
            .init(category: "pubsub", type: "leaf", name: ""), features(isPersonal: isPersonal), node: node,
            form: form)
    }

    /// disco#items of a service, or of a node.
    static func items(_ node: String?, _ payload: XMLElement, _ engine: PubSubEngine) throws -> String {
        guard let node, !node.isEmpty else {
            return Discovery.items(try engine.nodeItems(try ResultSetRequest(in: payload)), node: nil)
        }
        return Discovery.items(try engine.itemItems(node), node: node)
    }
}

extension XMPPFeature {
    /// disco#items of an account: its nodes, as far as the asker may know of them.
    static func answerPersonalItems(_ request: IQRequest) {
        let payload = request.payload
        atPersonalService(request) { service, requester in
            request.pubsub(service, requester) { try PubSubDiscovery.items(nil, payload, $0) }
        }
    }

    /// Every node of an account that no other feature knows may be one of its pubsub nodes.
    static func answerPersonalNode(_ request: IQRequest, _ node: String, _ aspect: Discovery.Aspect) -> Bool {
        let payload = request.payload
        // To strangers a node that they may not see, and an account that does not exist, look alike (XEP-0030 §8).
        let hide = {
            switch aspect {
            case .information: request.refuse(.serviceUnavailable)
            case .items: request.reply(Discovery.items("", node: node))
            }
        }
        atPersonalService(
            request,
            { service, requester in
                let isStranger = !requester.isAccountOwner && !requester.hasPresence
                request.pubsub(
                    service, requester,
                    { engine in
                        switch aspect {
                        case .information: try PubSubDiscovery.nodeInformation(node, isPersonal: true, engine)
                        case .items: try PubSubDiscovery.items(node, payload, engine)
                        }
                    }, refuse: isStranger ? { _ in hide() } : nil)
            }, otherwise: hide)
        return true
    }
}
