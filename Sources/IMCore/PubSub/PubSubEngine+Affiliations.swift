import Storage
import XMPPWire

/// Affiliations (XEP-0060 §5.7, §8.9) and what discovery tells of nodes (§5.2 to §5.5).
extension PubSubEngine {
    /// The requester's affiliations at the service, or with one node (§5.7).
    public func affiliations(_ name: String?) throws -> String {
        if let name { _ = try node(name) }
        let all = try PubSubStore.affiliations(of: requester.bare, at: address, in: transaction)
        let items = all.filter { name == nil || $0.node == name }.map {
            "<affiliation node='\(XMLText.escape($0.node))' affiliation='\($0.affiliation.word)'/>"
        }
        let attribute = name.map { " node='\(XMLText.escape($0))'" } ?? ""
        return "<pubsub xmlns='\(PubSubNamespace.pubsub)'><affiliations\(attribute)>\(items.joined())</affiliations>"
            + "</pubsub>"
    }

    /// Everyone affiliated with a node (§8.9.1).
    public func affiliates(_ name: String?) throws -> String {
        let node = try owned(name)
        let items = try PubSubStore.affiliations(with: node, in: transaction).map {
            "<affiliation jid='\(XMLText.escape($0.jid))' affiliation='\($0.affiliation.word)'/>"
        }
        return "<pubsub xmlns='\(PubSubNamespace.owner)'><affiliations node='\(XMLText.escape(node.name))'>"
            + items.joined() + "</affiliations></pubsub>"
    }

    /// Changes affiliations (§8.9.2): all of them or none. The last owner stays, and so does the owner of an account's
    /// node, which has no other.
    public mutating func setAffiliates(_ name: String?, _ changes: [(jid: String?, affiliation: String?)]) throws {
        let node = try owned(name)
        var current: [String: Affiliation] = [:]
        for (jid, affiliation) in try PubSubStore.affiliations(with: node, in: transaction) {
            current[jid] = affiliation
        }
        let before = current
        var seen: Set<String> = []
        for (text, word) in changes {
            guard let text, let jid = try? JID(parsing: text) else {
                throw StanzaError.jidMalformed("an affiliation needs a jid")
            }
            let bare = jid.bare.description
            guard seen.insert(bare).inserted else { throw StanzaError.badRequest("an entity is named twice") }
            guard let word else { continue }
            guard let affiliation = Affiliation(word: word) else {
                throw StanzaError(.modify, .notAcceptable, "'\(word)' is not an affiliation")
            }
            if service.isPersonal, (bare == address) != (affiliation == .owner) {
                throw StanzaError(
                    .modify, .notAcceptable, "the account is the one owner of its nodes",
                    extra: unchanged(node, bare, current[bare] ?? .none))
            }
            current[bare] = affiliation == .none ? nil : affiliation
        }
        guard current.values.contains(.owner) else {
            let owner = before.first { $0.value == .owner }?.key ?? ""
            throw StanzaError(
                .modify, .notAcceptable, "a node needs an owner", extra: unchanged(node, owner, .owner))
        }
        guard current.count <= limits.subscriptions else {
            throw StanzaError(.wait, .resourceConstraint, "a node has at most \(limits.subscriptions) affiliations")
        }
        for bare in seen where current[bare] != before[bare] {
            let affiliation = current[bare] ?? .none
            try PubSubStore.setAffiliation(affiliation, of: bare, with: node, in: transaction)
            try enforce(affiliation, on: bare, node)
        }
    }

    /// The entry that stays as it was (§8.9.2.4).
    private func unchanged(_ node: PubSubNode, _ jid: String, _ affiliation: Affiliation) -> String {
        "<pubsub xmlns='\(PubSubNamespace.owner)'><affiliations node='\(XMLText.escape(node.name))'>"
            + "<affiliation jid='\(XMLText.escape(jid))' affiliation='\(affiliation.word)'/></affiliations></pubsub>"
    }

    /// Whoever may not read any more is not subscribed any more; whoever may needs no approval (§8.7).
    private mutating func enforce(_ affiliation: Affiliation, on bare: String, _ node: PubSubNode) throws {
        let mustGo: Bool
        switch affiliation {
        case .outcast, .publishOnly: mustGo = true
        case .none: mustGo = node.configuration.accessModel == .whitelist
        case .owner, .publisher, .member: mustGo = false
        }
        guard mustGo || affiliation != .none else { return }
        for var subscription in try PubSubStore.subscriptions(ofAnyAddressOf: bare, to: node, in: transaction) {
            if mustGo {
                try end(subscription, node)
            } else if subscription.state == .pending {
                subscription.state = .subscribed
                try change(subscription, node)
            }
        }
    }

    // MARK: Discovery

    /// Whether the requester may know of the node.
    private func isVisible(_ node: PubSubNode) throws -> Bool {
        let affiliation = try affiliation(node)
        if affiliation == .outcast { return false }
        // Whoever may ask for a subscription may know of the node.
        if node.configuration.accessModel == .authorize { return true }
        return PubSubPolicy.accessError(node.configuration, affiliation, requester, subscription: nil) == nil
    }

    /// Nodes that discovery lists at once.
    static let listedNodes = 1_000

    /// disco#items of the service (§5.2): `<item/>` elements, and where there are more than fit, a result set.
    public func nodeItems(_ page: ResultSetRequest?) throws -> String {
        let limit = min(page?.maximum ?? Self.listedNodes, Self.listedNodes)
        var start = ""
        switch page?.position ?? .first {
        case .first: break
        case .after(let name): start = name
        case .last, .before, .index: throw StanzaError.badRequest("nodes are listed forwards only")
        }
        let nodes = try PubSubStore.nodes(of: address, after: start, limit: limit, in: transaction)
        var xml = ""
        for node in nodes where try isVisible(node) {
            xml += "<item jid='\(XMLText.escape(address))' node='\(XMLText.escape(node.name))'"
            if !node.configuration.title.isEmpty { xml += " name='\(XMLText.escape(node.configuration.title))'" }
            xml += "/>"
        }
        guard page != nil || nodes.count == limit else { return xml }
        return xml
            + ResultSet(
                first: nodes.first?.name, last: nodes.last?.name,
                count: try PubSubStore.nodeCount(of: address, in: transaction)
            ).xml
    }

    /// disco#items of a node (§5.5): its items by id.
    public func itemItems(_ name: String) throws -> String {
        let node = try node(name)
        try checkRetrieval(node)
        return try PubSubStore.itemIDs(of: node, limit: Self.listedNodes, in: transaction).map {
            "<item jid='\(XMLText.escape(address))' name='\(XMLText.escape($0))'/>"
        }.joined()
    }

    /// disco#info of a node (§5.3, §5.4): identity and features are the caller's, this is the metadata form.
    public func metadata(_ name: String) throws -> String {
        let node = try node(name)
        guard try isVisible(node) else { throw StanzaError.itemNotFound }
        let configuration = node.configuration
        var owners: [String] = []
        var publishers: [String] = []
        for (jid, affiliation) in try PubSubStore.affiliations(with: node, in: transaction) {
            if affiliation == .owner { owners.append(jid) }
            if affiliation == .publisher { publishers.append(jid) }
        }
        let count = try PubSubStore.subscriptionCount(to: node, in: transaction)
        var fields: [FormField] = [
            FormField("pubsub#type", .textSingle, values: [configuration.type]),
            FormField("pubsub#creator", .jidSingle, values: [node.creator]),
            FormField("pubsub#creation_date", .textSingle, values: [PubSubDelivery.stamp(node.createdAt)]),
            FormField("pubsub#title", .textSingle, values: [configuration.title]),
            FormField("pubsub#description", .textSingle, values: [configuration.description]),
            FormField("pubsub#language", .listSingle, values: [configuration.language]),
            FormField("pubsub#access_model", .listSingle, values: [configuration.accessModel.rawValue]),
            FormField("pubsub#publish_model", .listSingle, values: [configuration.publishModel.rawValue]),
            FormField("pubsub#max_items", .textSingle, values: [String(configuration.itemLimit(limits))]),
            FormField("pubsub#contact", .jidMulti, values: configuration.contacts),
            FormField("pubsub#owner", .jidMulti, values: owners),
            FormField("pubsub#publisher", .jidMulti, values: publishers),
            FormField("pubsub#num_subscribers", .textSingle, values: [String(count)]),
        ]
        fields.removeAll { $0.values.allSatisfy(\.isEmpty) }
        return DataForm(.result, type: PubSubNamespace.metadata, fields: fields).xml
    }
}
