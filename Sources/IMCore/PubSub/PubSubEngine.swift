import Storage
import XMLWire
import XMPPWire

/// The service that is asked: the one of an account (XEP-0163), or one with a domain of its own.
public struct PubSubAddress: Sendable {
    /// Bare address.
    public var jid: JID
    /// Row of the account; nil for a domain.
    public var userID: Int64?

    public init(jid: JID, userID: Int64?) {
        self.jid = jid
        self.userID = userID
    }

    public var isPersonal: Bool { userID != nil }
}

/// One request to a service, inside a transaction: checks, changes, and what is to be told afterwards.
///
/// Methods throw `StanzaError` for what the requester did wrong; then nothing is changed. Their answers are the
/// serialised content of the IQ result.
public struct PubSubEngine {
    let transaction: any Transaction
    public let service: PubSubAddress
    public let requester: PubSubRequester
    public private(set) var limits: PubSubLimits
    /// Milliseconds since 1970.
    let now: Int64
    /// In the order in which they are to be sent.
    public internal(set) var events: [PubSubEvent] = []
    /// The account's photo changed (XEP-0398).
    public internal(set) var avatar: AvatarChange?
    /// Bytes of private storage that conversions may fill.
    public var privateStorageBytes = Int.max
    /// Bytes of the largest vCard.
    public var vcardBytes = Int.max

    var address: String { service.jid.description }

    public init(
        service: PubSubAddress, requester: PubSubRequester, limits: PubSubLimits, now: Int64,
        in transaction: any Transaction
    ) {
        self.transaction = transaction
        self.service = service
        self.requester = requester
        self.limits = limits
        // Whose presence and which groups count for a node of a domain, only accounts could say.
        if !service.isPersonal { self.limits.accessModels = [.open, .authorize, .whitelist] }
        self.now = now
    }

    // MARK: Nodes

    /// - Throws: `nodeid-required` or `item-not-found`.
    func node(_ name: String?) throws -> PubSubNode {
        guard let name, !name.isEmpty else { throw StanzaError.nodeIDRequired }
        guard let node = try find(name) else { throw StanzaError.itemNotFound }
        return node
    }

    /// The node without items whose time is over.
    func find(_ name: String) throws -> PubSubNode? {
        guard var node = try PubSubStore.node(name, of: address, in: transaction) else { return nil }
        if let lifetime = node.configuration.itemLifetime {
            try PubSubStore.expire(&node, before: now - lifetime * 1_000, in: transaction)
        }
        return node
    }

    func affiliation(_ node: PubSubNode) throws -> Affiliation {
        if requester.isAccountOwner { return .owner }
        return try PubSubStore.affiliation(of: requester.bare, with: node, in: transaction)
    }

    /// The node, if the requester owns it.
    func owned(_ name: String?) throws -> PubSubNode {
        let node = try node(name)
        guard try affiliation(node) == .owner else { throw StanzaError.pubsubForbidden }
        return node
    }

    /// Who may create: the account itself, at a service every account of this server.
    var mayCreate: Bool { service.isPersonal ? requester.isAccountOwner : requester.mayCreateNodes }

    public func defaultConfiguration(_ node: String = "") -> NodeConfiguration {
        service.isPersonal ? .personal(node, limits) : .shared(limits)
    }

    func insert(_ name: String, _ configuration: NodeConfiguration) throws -> PubSubNode {
        guard name.utf8.count <= PubSubLimits.nameBytes else {
            throw StanzaError(
                .modify, .notAcceptable, "a node's name has at most \(PubSubLimits.nameBytes) bytes")
        }
        let creator = service.isPersonal ? service.jid : requester.bare
        let usage = try PubSubStore.usage(of: creator.description, at: address, in: transaction)
        guard usage.nodes < limits.nodes else {
            throw StanzaError(
                .wait, .resourceConstraint, "an account has at most \(limits.nodes) nodes here",
                extra: "<max-nodes-exceeded xmlns='\(PubSubNamespace.errors)'/>")
        }
        var node = PubSubNode(
            id: 0, service: address, userID: service.userID, name: name, creator: creator.description,
            createdAt: now, configuration: configuration, sequence: 0, itemCount: 0, bytes: 0)
        node.id = try PubSubStore.insert(node, in: transaction)
        try PubSubStore.setAffiliation(.owner, of: creator.description, with: node, in: transaction)
        return node
    }

    /// Creates a node (§8.1), with a name of ours when none is given.
    public mutating func create(_ name: String?, _ form: DataForm?) throws -> String {
        guard mayCreate else { throw StanzaError.pubsubForbidden }
        let isInstant = name == nil || name == ""
        let name = isInstant ? Self.makeID() : name!
        guard try PubSubStore.node(name, of: address, in: transaction) == nil else {
            throw StanzaError(.cancel, .conflict, "the node exists already")
        }
        var configuration = defaultConfiguration(name)
        if let form, form.kind == .submit { try configuration.apply(form, limits) }
        _ = try insert(name, configuration)
        return "<pubsub xmlns='\(PubSubNamespace.pubsub)'><create node='\(XMLText.escape(name))'/></pubsub>"
    }

    /// The configuration form of a node (§8.2.1).
    public func configuration(_ name: String?) throws -> String {
        let node = try owned(name)
        return "<pubsub xmlns='\(PubSubNamespace.owner)'><configure node='\(XMLText.escape(node.name))'>"
            + node.configuration.form(.form, limits).xml + "</configure></pubsub>"
    }

    /// §8.3.
    public func defaults() -> String {
        "<pubsub xmlns='\(PubSubNamespace.owner)'><default>\(defaultConfiguration().form(.form, limits).xml)</default>"
            + "</pubsub>"
    }

    /// Changes the configuration (§8.2.4). A form of type `cancel` changes nothing.
    public mutating func configure(_ name: String?, _ form: DataForm?) throws {
        var node = try owned(name)
        guard let form else { throw StanzaError.badRequest("the configuration form is missing or malformed") }
        if form.kind == .cancel { return }
        guard form.kind == .submit, form.formType == nil || form.formType == PubSubNamespace.nodeConfiguration else {
            throw StanzaError.badRequest("the form is not a submitted node configuration")
        }
        let before = node.configuration
        try node.configuration.apply(form, limits)
        guard node.configuration != before else { return }
        try PubSubStore.setConfiguration(node, in: transaction)
        if node.configuration.persistsItems {
            _ = try PubSubStore.trim(&node, to: node.configuration.itemLimit(limits), in: transaction)
        } else if node.itemCount > 0 {
            try PubSubStore.purge(&node, in: transaction)
        }
        if node.configuration.accessModel != before.accessModel, node.configuration.accessModel == .whitelist {
            try dropStrangers(node)
        }
        guard node.configuration.notifiesConfiguration else { return }
        let notice =
            node.configuration.deliversPayloads
            ? "<configuration node='\(XMLText.escape(node.name))'>\(node.configuration.form(.result, limits).xml)"
                + "</configuration>"
            : "<configuration node='\(XMLText.escape(node.name))'/>"
        try announce(PubSubEvent.event(notice), node)
    }

    /// Nobody stays subscribed to a whitelist without being on it.
    private mutating func dropStrangers(_ node: PubSubNode) throws {
        for subscription in try PubSubStore.subscriptions(to: node, in: transaction) {
            switch try PubSubStore.affiliation(of: subscription.jid.bare, with: node, in: transaction) {
            case .owner, .publisher, .member: continue
            case .none, .publishOnly, .outcast: try end(subscription, node)
            }
        }
    }

    /// §8.4; `redirect` names where the node is now.
    public mutating func delete(_ name: String?, redirect: String?) throws {
        let node = try owned(name)
        let inner =
            redirect.map {
                "<delete node='\(XMLText.escape(node.name))'><redirect uri='\(XMLText.escape($0))'/></delete>"
            } ?? "<delete node='\(XMLText.escape(node.name))'/>"
        if node.configuration.notifiesDeletion { try announce(PubSubEvent.event(inner), node) }
        try PubSubStore.delete(node, in: transaction)
        try emptied(node)
    }

    /// §8.5.
    public mutating func purge(_ name: String?) throws {
        var node = try owned(name)
        guard node.configuration.persistsItems else { throw StanzaError.unsupported("persistent-items") }
        try PubSubStore.purge(&node, in: transaction)
        if node.configuration.notifiesRetraction {
            try announce(PubSubEvent.event("<purge node='\(XMLText.escape(node.name))'/>"), node)
        }
        try emptied(node)
    }

    // MARK: Telling

    /// Adds an event for everyone who may hear of this node.
    mutating func announce(_ content: String, _ node: PubSubNode) throws {
        let configuration = node.configuration
        guard configuration.deliversNotifications else { return }
        var audience = PubSubEvent.Audience(
            accessModel: configuration.accessModel, groups: configuration.rosterGroups, subscribers: [],
            outcasts: [], affiliates: [], isAvailableOnly: configuration.deliversToAvailable)
        for subscription in try PubSubStore.subscriptions(to: node, in: transaction)
        where subscription.state == .subscribed && subscription.delivers {
            audience.subscribers.append(subscription.jid)
        }
        if service.isPersonal {
            for (jid, affiliation) in try PubSubStore.affiliations(with: node, in: transaction) {
                switch affiliation {
                case .outcast, .publishOnly: audience.outcasts.insert(jid)
                case .owner, .publisher, .member: audience.affiliates.insert(jid)
                case .none: break
                }
            }
        } else if audience.subscribers.isEmpty {
            return
        }
        events.append(
            PubSubEvent(
                node: node.name, content: content, type: configuration.notificationType,
                receiver: .audience(audience)))
    }

    /// Adds a message for one address.
    mutating func tell(_ jid: JID, _ content: String, _ node: PubSubNode, type: MessageType? = nil) {
        events.append(
            PubSubEvent(
                node: node.name, content: content, type: type ?? node.configuration.notificationType,
                receiver: .address(jid)))
    }

    /// Tells the owners of a node that one of its subscriptions changed, where they want to know.
    mutating func tellOwners(of subscription: PubSubSubscription, _ word: String, _ node: PubSubNode) throws {
        guard node.configuration.notifiesSubscriptions else { return }
        let content = PubSubEvent.subscription(node.name, subscription.jid, word)
        for (owner, affiliation) in try PubSubStore.affiliations(with: node, in: transaction)
        where affiliation == .owner {
            if let owner = try? JID(parsing: owner) { tell(owner, content, node) }
        }
    }

    /// An id that nobody can guess and nobody has used.
    static func makeID() -> String {
        var generator = SystemRandomNumberGenerator()
        let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 36)
        let more = String(UInt64.random(in: .min ... .max, using: &generator), radix: 36)
        return digits + more
    }
}
