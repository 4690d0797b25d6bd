import Storage
import XMLWire
import XMPPWire

/// Publishing, retracting and retrieving items (XEP-0060 §6.5, §7).
extension PubSubEngine {
    /// Publishes (§7.1), creating the node if the requester may.
    ///
    /// - Parameter options: the form of `<publish-options/>`: preconditions for a node that exists, configuration for
    ///   one that does not (§7.1.5).
    public mutating func publish(_ name: String?, _ items: [XMLElement], options: DataForm?) throws -> String {
        guard let name, !name.isEmpty else { throw StanzaError.nodeIDRequired }
        if let options {
            guard options.kind == .submit,
                options.formType == nil || options.formType == PubSubNamespace.publishOptions
            else { throw StanzaError.badRequest("the publish-options are not a submitted form") }
        }
        var node: PubSubNode
        if let known = try find(name) {
            node = known
        } else {
            guard mayCreate else { throw service.isPersonal ? StanzaError.pubsubForbidden : StanzaError.itemNotFound }
            var configuration = defaultConfiguration(name)
            if let options {
                do { try configuration.apply(options, limits) } catch { throw StanzaError.preconditionNotMet }
            }
            node = try insert(name, configuration)
        }
        let affiliation = try affiliation(node)
        let isSubscribed =
            try node.configuration.publishModel == .subscribers
            && PubSubStore.state(of: requester.bare, with: node, in: transaction) == .subscribed
        guard PubSubPolicy.mayPublish(node.configuration, affiliation, isSubscribed: isSubscribed) else {
            throw StanzaError.pubsubForbidden
        }
        if let options, !node.configuration.meets(options, limits) { throw StanzaError.preconditionNotMet }
        let published = try makeItems(items, node)
        guard !published.isEmpty else {
            // Only notifications without payload go without an item (§7.1.3.6).
            try announce(PubSubEvent.items(node.name, [], node.configuration), node)
            return publishAnswer(node, [])
        }
        try store(published, &node, affiliation)
        return publishAnswer(node, published)
    }

    private func publishAnswer(_ node: PubSubNode, _ items: [PubSubItem]) -> String {
        let ids = items.map { "<item id='\(XMLText.escape($0.id))'/>" }.joined()
        return "<pubsub xmlns='\(PubSubNamespace.pubsub)'>"
            + "<publish node='\(XMLText.escape(node.name))'>\(ids)</publish></pubsub>"
    }

    /// Checks what is to be published against what the node takes (§7.1.3).
    private func makeItems(_ elements: [XMLElement], _ node: PubSubNode) throws -> [PubSubItem] {
        let configuration = node.configuration
        let wantsItem = configuration.persistsItems || configuration.deliversPayloads
        guard wantsItem else {
            guard elements.isEmpty else { throw StanzaError.pubsub(.modify, .badRequest, "item-forbidden") }
            return []
        }
        guard !elements.isEmpty else { throw StanzaError.itemRequired }
        let most = configuration.persistsItems ? min(configuration.itemLimit(limits), 1_000) : 1_000
        guard elements.count <= most else {
            throw StanzaError.pubsub(.modify, .notAllowed, "max-items-exceeded")
        }
        var ids: Set<String> = []
        return try elements.map { element in
            let payloads = element.elements
            guard payloads.count <= 1 else { throw StanzaError.pubsub(.modify, .badRequest, "invalid-payload") }
            let payload = payloads.first
            // §7.1.3.6: where payloads are not told, nobody needs one.
            guard payload != nil || !configuration.deliversPayloads else {
                throw StanzaError.pubsub(.modify, .badRequest, "payload-required")
            }
            guard configuration.type.isEmpty || payload == nil || payload?.namespace == configuration.type else {
                throw StanzaError.pubsub(.modify, .badRequest, "invalid-payload")
            }
            let bytes = payload?.standaloneBytes ?? []
            let limit = min(configuration.maxPayloadBytes, limits.itemBytes)
            guard bytes.count <= limit else { throw StanzaError.payloadTooBig(limit) }
            let given = element["id"] ?? ""
            let id = given.isEmpty ? Self.makeID() : given
            guard id.utf8.count <= PubSubLimits.nameBytes, ids.insert(id).inserted else {
                throw StanzaError.badRequest("an item's id is used once and has at most 1023 bytes")
            }
            return PubSubItem(
                id: id, sequence: 0, publisher: requester.bare.description, publishedAt: now, payload: bytes)
        }
    }

    /// Stores and announces items of a node that the requester may publish to.
    mutating func store(_ items: [PubSubItem], _ node: inout PubSubNode, _ affiliation: Affiliation) throws {
        if node.configuration.persistsItems {
            let usage = try PubSubStore.usage(of: node.creator, at: address, in: transaction)
            guard usage.bytes + items.reduce(0, { $0 + $1.payload.count }) <= limits.totalBytes else {
                throw StanzaError(
                    .wait, .resourceConstraint, "the items of an account have at most \(limits.totalBytes) bytes")
            }
            for item in items {
                // Others must not overwrite what somebody else published.
                if affiliation != .owner, affiliation != .publisher,
                    let old = try PubSubStore.item(item.id, of: node, in: transaction),
                    old.publisher != item.publisher
                {
                    throw StanzaError.pubsubForbidden
                }
                _ = try PubSubStore.publish(
                    item, to: &node, keeping: node.configuration.itemLimit(limits), in: transaction)
            }
        }
        try announce(PubSubEvent.items(node.name, items, node.configuration), node)
        if service.isPersonal { for item in items { try convert(item, of: node) } }
    }

    /// Retracts items (§7.2).
    /// - Parameter notify: the attribute of that name.
    public mutating func retract(_ name: String?, _ ids: [String?], notify: Bool) throws {
        var node = try node(name)
        let affiliation = try affiliation(node)
        guard affiliation != .outcast else { throw StanzaError.pubsubForbidden }
        guard !ids.isEmpty, !ids.contains(where: { ($0 ?? "").isEmpty }) else { throw StanzaError.itemRequired }
        guard node.configuration.persistsItems else { throw StanzaError.unsupported("persistent-items") }
        var retracted: [String] = []
        for case let id? in ids {
            let item = try PubSubStore.item(id, of: node, in: transaction)
            guard
                PubSubPolicy.mayRetract(affiliation, publisher: item?.publisher ?? "", requester: requester.jid)
            else { throw StanzaError.pubsubForbidden }
            guard try PubSubStore.retract(id, from: &node, in: transaction) else { throw StanzaError.itemNotFound }
            retracted.append(id)
        }
        if notify || node.configuration.notifiesRetraction {
            try announce(PubSubEvent.retraction(node.name, retracted), node)
        }
        try self.retracted(retracted, from: node)
    }

    // MARK: Retrieving

    /// Bytes of payloads in one answer; the rest is to be had page by page.
    static let answerBytes = 2_097_152

    /// Items of a node (§6.5): those asked for by id, the newest `maxItems`, or a page (§6.5.4). Newest first.
    public func items(
        _ name: String?, ids: [String?], maxItems: Int?, page: ResultSetRequest?
    ) throws -> String {
        let node = try node(name)
        try checkRetrieval(node)
        guard node.configuration.persistsItems else { throw StanzaError.unsupported("persistent-items") }
        let head = "<pubsub xmlns='\(PubSubNamespace.pubsub)'><items node='\(XMLText.escape(node.name))'"
        if !ids.isEmpty {
            var xml = ""
            for id in ids {
                guard let id, !id.isEmpty else { throw StanzaError.itemRequired }
                if let item = try PubSubStore.item(id, of: node, in: transaction) {
                    xml += PubSubEvent.itemXML(item, node.configuration, payload: true)
                }
                guard xml.utf8.count <= Self.answerBytes else { throw StanzaError.answerTooBig }
            }
            guard !xml.isEmpty else { throw StanzaError.itemNotFound }
            return head + ">" + xml + "</items></pubsub>"
        }
        let (items, first) = try select(node, maxItems, page)
        var content = items.map { PubSubEvent.itemXML($0, node.configuration, payload: true) }.joined()
        content = content.isEmpty ? "/>" : ">" + content + "</items>"
        let isWhole = items.count == node.itemCount || items.count == maxItems
        if page != nil || !isWhole {
            content +=
                ResultSet(
                    first: items.first?.id, last: items.last?.id, index: items.isEmpty ? nil : first,
                    count: node.itemCount
                ).xml
        }
        return head + content + "</pubsub>"
    }

    /// The payload of the newest item, serialised.
    public func lastPayload(_ name: String) throws -> String {
        let node = try node(name)
        try checkRetrieval(node)
        guard let item = try PubSubStore.newest(of: node, limit: 1, in: transaction).first else {
            throw StanzaError.itemNotFound
        }
        return String(decoding: item.payload, as: UTF8.self)
    }

    func checkRetrieval(_ node: PubSubNode) throws {
        let affiliation = try affiliation(node)
        let state = try PubSubStore.state(of: requester.bare, with: node, in: transaction)
        if let error = PubSubPolicy.retrievalError(node.configuration, affiliation, requester, subscription: state) {
            throw error
        }
    }

    /// The items of a page, newest first, and the position of the first of them.
    private func select(
        _ node: PubSubNode, _ maxItems: Int?, _ page: ResultSetRequest?
    ) throws -> ([PubSubItem], Int) {
        let limit = min(page?.maximum ?? maxItems ?? limits.items, limits.items)
        guard let page else {
            let items = try PubSubStore.newest(of: node, limit: limit, bytes: Self.answerBytes, in: transaction)
            return (items, 0)
        }
        guard limit > 0 else { return ([], 0) }
        // Where few items could fill the answer, a page that is read from its old end is short.
        let few = node.bytes > Self.answerBytes ? min(limit, 20) : limit
        let items: [PubSubItem]
        switch page.position {
        case .first:
            items = try PubSubStore.newest(of: node, limit: limit, bytes: Self.answerBytes, in: transaction)
        case .after(let id):
            items = try PubSubStore.newest(
                of: node, limit: limit, before: try sequence(id, node), bytes: Self.answerBytes, in: transaction)
        case .last:
            items = try PubSubStore.oldest(of: node, limit: few, in: transaction).reversed()
        case .before(let id):
            items = try PubSubStore.oldest(
                of: node, limit: few, after: try sequence(id, node), in: transaction
            ).reversed()
        case .index(let index):
            guard index < node.itemCount || index == 0 else { throw StanzaError.itemNotFound }
            let oldest = max(0, node.itemCount - index - few)
            let count = max(0, node.itemCount - index - oldest)
            items = try PubSubStore.oldest(of: node, limit: count, skipping: oldest, in: transaction).reversed()
        }
        guard let newest = items.first else { return ([], 0) }
        let position = try PubSubStore.position(newest.sequence, in: node, in: transaction)
        return (items, node.itemCount - 1 - position)
    }

    private func sequence(_ id: String, _ node: PubSubNode) throws -> Int64 {
        guard let item = try PubSubStore.item(id, of: node, in: transaction) else { throw StanzaError.itemNotFound }
        return item.sequence
    }
}

extension StanzaError {
    static let answerTooBig = StanzaError(.modify, .resourceConstraint, "that many items do not fit into one answer")
}

extension XMLElement {
    /// The element with its namespace declared on itself, so that it can stand anywhere.
    var standaloneBytes: [UInt8] {
        var bytes: [UInt8] = []
        // No namespace is written like this one, so a declaration is always needed.
        write(into: &bytes, inheritedNamespace: " ")
        return bytes
    }
}
