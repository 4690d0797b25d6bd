import Storage
import XMPPWire

/// Subscriptions (XEP-0060 §5.6, §6.1 to §6.3, §8.6, §8.8). One address has at most one subscription to a node, so
/// there are no subscription ids.
extension PubSubEngine {
    private func subscriptionXML(_ node: String?, _ subscription: PubSubSubscription) -> String {
        let attribute = node.map { " node='\(XMLText.escape($0))'" } ?? ""
        return "<subscription\(attribute) jid='\(XMLText.escape(subscription.jid.description))'"
            + " subscription='\(subscription.state.word)'/>"
    }

    /// The requester's own address in `text` (§6.1.3.1).
    private func ownAddress(_ text: String?) throws -> JID {
        guard let text, let jid = try? JID(parsing: text), jid.bare == requester.bare
        else { throw StanzaError.pubsub(.modify, .badRequest, "invalid-jid") }
        return jid
    }

    /// Subscribes an address of the requester (§6.1).
    public mutating func subscribe(_ name: String?, jid text: String?, options: DataForm?) throws -> String {
        let node = try node(name)
        let jid = try ownAddress(text)
        let affiliation = try affiliation(node)
        var wanted: SubscriptionState
        switch PubSubPolicy.subscription(node.configuration, affiliation, requester) {
        case .failure(let error): throw error
        case .success(let state): wanted = state
        }
        let known = try PubSubStore.subscription(of: jid, to: node, in: transaction)
        if let known, wanted == .pending {
            if known.state == .pending { throw StanzaError.pubsub(.auth, .notAuthorized, "pending-subscription") }
            wanted = .subscribed
        }
        if known == nil, try PubSubStore.subscriptionCount(to: node, in: transaction) >= limits.subscriptions {
            throw StanzaError.pubsub(.wait, .policyViolation, "too-many-subscriptions")
        }
        var subscription =
            known ?? PubSubSubscription(nodeID: node.id, jid: jid, state: wanted, delivers: true)
        subscription.state = wanted
        if let options { try apply(options, &subscription) }
        try PubSubStore.save(subscription, in: transaction)
        if known == nil {
            try tellOwners(of: subscription, wanted.word, node)
            if wanted == .pending { try askOwners(jid, node) } else { try sendLast(subscription, node) }
        }
        return "<pubsub xmlns='\(PubSubNamespace.pubsub)'>\(subscriptionXML(node.name, subscription))</pubsub>"
    }

    /// The last item for a new subscriber (§6.1.7).
    private mutating func sendLast(_ subscription: PubSubSubscription, _ node: PubSubNode) throws {
        let configuration = node.configuration
        guard configuration.sendLastItem != .never, configuration.deliversNotifications, subscription.delivers,
            let item = try PubSubStore.newest(of: node, limit: 1, in: transaction).first
        else { return }
        tell(
            subscription.jid,
            PubSubEvent.items(node.name, [item], configuration) + PubSubDelivery.delay(item.publishedAt), node)
    }

    /// §6.2. There are no subscription ids, so one that is named is ignored (§6.2.3.5).
    public mutating func unsubscribe(_ name: String?, jid text: String?) throws {
        let node = try node(name)
        guard let text, let jid = try? JID(parsing: text) else {
            throw StanzaError.pubsub(.modify, .badRequest, "invalid-jid")
        }
        guard jid.bare == requester.bare else { throw StanzaError.pubsubForbidden }
        guard let known = try PubSubStore.subscription(of: jid, to: node, in: transaction) else {
            throw StanzaError.notSubscribed
        }
        _ = try PubSubStore.removeSubscription(of: jid, to: node, in: transaction)
        try tellOwners(of: known, "none", node)
    }

    /// The requester's subscriptions at the service, or to one node (§5.6).
    public func subscriptions(_ name: String?) throws -> String {
        if let name { _ = try node(name) }
        let all = try PubSubStore.subscriptions(of: requester.bare, at: address, in: transaction)
        let shown = all.filter { name == nil || $0.node == name }
        let attribute = name.map { " node='\(XMLText.escape($0))'" } ?? ""
        let items = shown.map { subscriptionXML(name == nil ? $0.node : nil, $0.subscription) }.joined()
        return "<pubsub xmlns='\(PubSubNamespace.pubsub)'><subscriptions\(attribute)>\(items)</subscriptions></pubsub>"
    }

    // MARK: Options

    private static func optionsForm(_ kind: DataForm.Kind, delivers: Bool) -> DataForm {
        DataForm(
            kind, type: PubSubNamespace.subscribeOptions,
            fields: [FormField("pubsub#deliver", label: "Deliver event notifications", value: delivers)])
    }

    private func apply(_ form: DataForm, _ subscription: inout PubSubSubscription) throws {
        guard form.kind == .submit, form.formType == nil || form.formType == PubSubNamespace.subscribeOptions else {
            throw StanzaError.invalidOptions
        }
        for field in form.fields where field.name != "FORM_TYPE" {
            guard field.name == "pubsub#deliver", field.values.count == 1, let value = field.isTrue
            else { throw StanzaError.invalidOptions }
            subscription.delivers = value
        }
    }

    private func subscription(
        _ name: String?, jid text: String?, subID: String?
    ) throws -> (PubSubNode, PubSubSubscription) {
        let node = try node(name)
        guard let text else { throw StanzaError.pubsub(.modify, .badRequest, "jid-required") }
        guard let jid = try? JID(parsing: text) else {
            throw StanzaError.pubsub(.modify, .badRequest, "invalid-jid")
        }
        guard jid.bare == requester.bare else { throw StanzaError.pubsubForbidden }
        if let subID, !subID.isEmpty { throw StanzaError.invalidSubID }
        guard let subscription = try PubSubStore.subscription(of: jid, to: node, in: transaction) else {
            throw StanzaError.pubsub(.modify, .unexpectedRequest, "not-subscribed")
        }
        return (node, subscription)
    }

    /// The options form of a subscription (§6.3.2).
    public func options(_ name: String?, jid: String?, subID: String?) throws -> String {
        let (node, subscription) = try subscription(name, jid: jid, subID: subID)
        return "<pubsub xmlns='\(PubSubNamespace.pubsub)'><options node='\(XMLText.escape(node.name))'"
            + " jid='\(XMLText.escape(subscription.jid.description))'>"
            + Self.optionsForm(.form, delivers: subscription.delivers).xml + "</options></pubsub>"
    }

    /// §6.3.5.
    public mutating func setOptions(_ name: String?, jid: String?, subID: String?, _ form: DataForm?) throws {
        var (_, subscription) = try subscription(name, jid: jid, subID: subID)
        guard let form else { throw StanzaError.invalidOptions }
        if form.kind == .cancel { return }
        try apply(form, &subscription)
        try PubSubStore.save(subscription, in: transaction)
    }

    /// §6.4.
    public func defaultOptions(_ name: String?) throws -> String {
        if let name { _ = try node(name) }
        let attribute = name.map { " node='\(XMLText.escape($0))'" } ?? ""
        return "<pubsub xmlns='\(PubSubNamespace.pubsub)'><default\(attribute)>"
            + Self.optionsForm(.form, delivers: true).xml + "</default></pubsub>"
    }

    // MARK: Owners

    /// Asks the owners to approve a subscription (§8.6.1).
    private mutating func askOwners(_ jid: JID, _ node: PubSubNode) throws {
        for (owner, affiliation) in try PubSubStore.affiliations(with: node, in: transaction)
        where affiliation == .owner {
            if let owner = try? JID(parsing: owner) { ask(owner, about: jid, node) }
        }
    }

    private mutating func ask(_ owner: JID, about jid: JID, _ node: PubSubNode) {
        let form = DataForm(
            .form, type: PubSubNamespace.subscribeAuthorization, title: "PubSub subscriber request",
            fields: [
                FormField("pubsub#node", .textSingle, label: "Node", value: node.name),
                FormField("pubsub#subscriber_jid", .jidSingle, label: "Subscriber", value: jid.description),
                FormField(
                    "pubsub#allow", label: "Allow this JID to subscribe to this pubsub node?", value: false),
            ])
        tell(owner, form.xml, node, type: .normal)
    }

    /// Names of the requester's nodes to which somebody waits to be subscribed (§8.7).
    public func nodesWithPending() throws -> [String] {
        try PubSubStore.nodesWithPending(ownedBy: requester.bare, at: address, in: transaction)
    }

    /// Asks the requester again about everyone who waits to be subscribed to a node (§8.7).
    public mutating func repeatRequests(_ name: String?) throws {
        let node = try owned(name)
        for subscription in try PubSubStore.pending(to: node, in: transaction) {
            ask(requester.jid, about: subscription.jid, node)
        }
    }

    /// An owner's answer to `askOwners` (§8.6.2); what is no answer to an open question is ignored.
    public mutating func answerRequest(_ form: DataForm) throws {
        guard form.kind == .submit, form.formType == PubSubNamespace.subscribeAuthorization else { return }
        let node = try owned(form["pubsub#node"]?.value)
        guard let text = form["pubsub#subscriber_jid"]?.value, let jid = try? JID(parsing: text),
            let allows = form["pubsub#allow"]?.isTrue
        else { throw StanzaError.badRequest("the answer names no subscriber or no decision") }
        guard var subscription = try PubSubStore.subscription(of: jid, to: node, in: transaction),
            subscription.state == .pending
        else { return }
        if allows {
            subscription.state = .subscribed
            try change(subscription, node)
        } else {
            try end(subscription, node)
        }
    }

    /// Gives a subscription another state than its subscriber asked for, and says so (§8.8.4).
    mutating func change(_ subscription: PubSubSubscription, _ node: PubSubNode) throws {
        try PubSubStore.save(subscription, in: transaction)
        let word = subscription.state.word
        tell(subscription.jid, PubSubEvent.subscription(node.name, subscription.jid, word), node)
        try tellOwners(of: subscription, word, node)
        if subscription.state == .subscribed { try sendLast(subscription, node) }
    }

    /// Removes a subscription that its subscriber did not end itself (§12.13).
    mutating func end(_ subscription: PubSubSubscription, _ node: PubSubNode) throws {
        _ = try PubSubStore.removeSubscription(of: subscription.jid, to: node, in: transaction)
        tell(subscription.jid, PubSubEvent.subscription(node.name, subscription.jid, "none"), node)
        try tellOwners(of: subscription, "none", node)
    }

    /// All subscriptions to a node (§8.8.1) but those that wait for an answer.
    public func subscribers(_ name: String?) throws -> String {
        let node = try owned(name)
        let items = try PubSubStore.subscriptions(to: node, in: transaction).filter { $0.state != .pending }
            .map { subscriptionXML(nil, $0) }
        return "<pubsub xmlns='\(PubSubNamespace.owner)'><subscriptions node='\(XMLText.escape(node.name))'>"
            + items.joined() + "</subscriptions></pubsub>"
    }

    /// Changes subscriptions of others (§8.8.2): all of them or none.
    public mutating func setSubscribers(
        _ name: String?, _ changes: [(jid: String?, state: String?)]
    ) throws {
        let node = try owned(name)
        var seen: Set<JID> = []
        for (text, word) in changes {
            guard let text, let jid = try? JID(parsing: text) else {
                throw StanzaError.jidMalformed("a subscription needs a jid")
            }
            guard seen.insert(jid).inserted else { throw StanzaError.badRequest("an address is named twice") }
            guard let word else { continue }
            let known = try PubSubStore.subscription(of: jid, to: node, in: transaction)
            if word == "none" {
                if let known { try end(known, node) }
                continue
            }
            guard let state = SubscriptionState(word: word) else {
                throw unchanged(node, jid, known, "'\(word)' is not a state of a subscription")
            }
            guard known?.state != state else { continue }
            if known == nil {
                guard try PubSubStore.subscriptionCount(to: node, in: transaction) < limits.subscriptions else {
                    throw StanzaError.pubsub(.wait, .policyViolation, "too-many-subscriptions")
                }
                switch try PubSubStore.affiliation(of: jid.bare, with: node, in: transaction) {
                case .outcast, .publishOnly: throw unchanged(node, jid, known, "\(text) may not be subscribed")
                case .owner, .publisher, .member, .none: break
                }
            }
            var subscription = known ?? PubSubSubscription(nodeID: node.id, jid: jid, state: state, delivers: true)
            subscription.state = state
            try change(subscription, node)
        }
    }

    /// The error with the entry that stays as it was (§8.8.2.4).
    private func unchanged(
        _ node: PubSubNode, _ jid: JID, _ known: PubSubSubscription?, _ text: String
    ) -> StanzaError {
        StanzaError(
            .modify, .notAcceptable, text,
            extra: "<pubsub xmlns='\(PubSubNamespace.owner)'><subscriptions node='\(XMLText.escape(node.name))'>"
                + "<subscription jid='\(XMLText.escape(jid.description))'"
                + " subscription='\(known?.state.word ?? "none")'/></subscriptions></pubsub>")
    }
}
