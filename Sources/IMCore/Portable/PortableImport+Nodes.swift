import Storage
import XMLWire
import XMPPWire

/// Personal publish-subscribe nodes of an account that is imported (XEP-0227 §4.10).
extension PortableImport {
    mutating func takeNode(_ element: XMLElement, _ line: Int) throws {
        guard let name = element["node"], !name.isEmpty, name.utf8.count <= PubSubLimits.nameBytes else {
            return leaveOut(line, "<\(element.name)/> names no node")
        }
        var node = try self.node(name, line)
        switch element.name {
        case "configure":
            guard let x = element.child("x", namespace: DataForm.namespace), let form = DataForm(x) else {
                return leaveOut(line, "node \(name): the configuration is no form")
            }
            // Field by field: what is not understood here does not cost the rest.
            for field in form.fields where !field.values.isEmpty {
                do {
                    try node.configuration.apply(DataForm(.submit, fields: [field]), limits.pubsub)
                } catch {
                    leaveOut(line, "node \(name): \(error.text ?? field.name)")
                }
            }
            try PubSubStore.setConfiguration(node, in: transaction)
        case "affiliations":
            for child in element.elements where child.name == "affiliation" {
                guard let jid = child["jid"].flatMap({ try? JID(parsing: $0) })?.bare,
                    let affiliation = child["affiliation"].flatMap({ Affiliation(word: $0) })
                else {
                    leaveOut(line, "node \(name): an affiliation makes no sense")
                    continue
                }
                try PubSubStore.setAffiliation(affiliation, of: jid.description, with: node, in: transaction)
            }
        case "subscriptions":
            for child in element.elements where child.name == "subscription" {
                // Prosody writes the state under another name.
                let word = child["subscription"] ?? child["subscribed"]
                guard let jid = child["jid"].flatMap({ try? JID(parsing: $0) }),
                    let state = SubscriptionState(word: word ?? "")
                else {
                    leaveOut(line, "node \(name): a subscription makes no sense")
                    continue
                }
                try PubSubStore.save(
                    PubSubSubscription(nodeID: node.id, jid: jid, state: state, delivers: true), in: transaction)
            }
        default: leaveOut(line, "node \(name): <\(element.name)/> is unknown here")
        }
    }

    mutating func takeItem(_ element: XMLElement, node name: String, _ line: Int) throws {
        guard element.name == "item", !name.isEmpty, name.utf8.count <= PubSubLimits.nameBytes,
            let payload = element.firstElement
        else { return leaveOut(line, "an item without node or payload") }
        var node = try self.node(name, line)
        guard node.configuration.persistsItems else { return leaveOut(line, "node \(name) keeps no items") }
        let bytes = payload.standaloneBytes
        let id = element["id"] ?? ""
        guard bytes.count <= limits.pubsub.itemBytes, id.utf8.count <= PubSubLimits.nameBytes else {
            return leaveOut(line, "node \(name): an item larger than \(limits.pubsub.itemBytes) bytes")
        }
        let usage = try PubSubStore.usage(of: address, at: address, in: transaction)
        guard usage.bytes + bytes.count <= limits.pubsub.totalBytes else {
            throw refusal(line, "the items of the account have more than \(limits.pubsub.totalBytes) bytes")
        }
        let publisher = element["publisher"].flatMap { try? JID(parsing: $0) }?.bare.description ?? address
        let item = PubSubItem(
            id: id.isEmpty ? PubSubEngine.makeID() : id, sequence: 0, publisher: publisher, publishedAt: now,
            payload: bytes)
        let most = node.configuration.itemLimit(limits.pubsub)
        let gone = try PubSubStore.publish(item, to: &node, keeping: most, in: transaction)
        if !gone.isEmpty { leaveOut(line, "node \(name) holds \(most) items: an older one is gone") }
    }

    /// The node, made with what personal nodes begin with when it does not exist.
    private mutating func node(_ name: String, _ line: Int) throws -> PubSubNode {
        if let known = try PubSubStore.node(name, of: address, in: transaction) { return known }
        let usage = try PubSubStore.usage(of: address, at: address, in: transaction)
        guard usage.nodes < limits.pubsub.nodes else {
            throw refusal(line, "the account has more than \(limits.pubsub.nodes) nodes")
        }
        var node = PubSubNode(
            id: 0, service: address, userID: id, name: name, creator: address, createdAt: now,
            configuration: .personal(name, limits.pubsub), sequence: 0, itemCount: 0, bytes: 0)
        node.id = try PubSubStore.insert(node, in: transaction)
        try PubSubStore.setAffiliation(.owner, of: address, with: node, in: transaction)
        return node
    }
}
