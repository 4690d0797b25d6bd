import Storage
import XMPPWire

/// The last item of every node a client is interested in, for a client that has just become available or interested
/// (XEP-0060 §6.1.7, XEP-0163 §4.3.4).
extension Router {
    /// Services that one query looks at.
    private static let servicesPerQuery = 50

    /// Sends the last items of the account's own nodes and of those of the contacts whose presence it sees.
    public func sendLastItems(of nodes: Set<String>, to endpoint: any Endpoint, _ home: UserHome) {
        guard !nodes.isEmpty else { return }
        var services = [home.jid]
        // Nodes that are status do not come from whom the user does not see.
        let others = StatusNodes.without(nodes)
        var hiding: [JID] = []
        for item in home.roster.values where item.subscription.to && serves(item.contact.domain) {
            if home.hasRules, home.blocks(item.contact, .message, at: endpoint) { continue }
            if others.count == nodes.count || sharesStatus(home, with: item.contact) {
                services.append(item.contact)
            } else {
                hiding.append(item.contact)
            }
        }
        if !others.isEmpty, !hiding.isEmpty { sendLastItems(of: others, at: hiding[...], to: endpoint, home) }
        sendLastItems(of: nodes, at: services[...], to: endpoint, home)
    }

    /// The contact's clients see the user from now on: they also hear of its nodes.
    func sendLastItems(at home: UserHome, toClientsOf contact: UserHome) {
        for endpoint in contact.endpoints where endpoint.availability != nil {
            guard var nodes = endpoint.interests?.nodes else { continue }
            if !home.isSharing || !contact.isSharing { nodes = StatusNodes.without(nodes) }
            guard !nodes.isEmpty else { continue }
            sendLastItems(of: nodes, at: [home.jid], to: endpoint, contact)
        }
    }

    private func sharesStatus(_ home: UserHome, with contact: JID) -> Bool {
        home.isSharing && homes.loaded(contact)?.isSharing ?? policies.policy(for: contact).values.presence.sharing
    }

    /// Service after service, so that a long roster neither fills the client's buffer nor holds up the store.
    private func sendLastItems(
        of nodes: Set<String>, at services: ArraySlice<JID>, to endpoint: any Endpoint, _ home: UserHome
    ) {
        let now = services.prefix(Self.servicesPerQuery).map(\.description)
        let later = services.dropFirst(Self.servicesPerQuery)
        let (receiver, instant) = (home.jid, time.now)
        // Through the journal, so that no later publication overtakes what is read here.
        journal.perform({ try PubSubStore.lastItems(of: nodes, at: now, for: receiver, now: instant, in: $0) }) {
            [weak self] result in
            guard let self, case .success(let found) = result, endpoint.availability != nil else { return }
            for last in found { Self.send(last, to: endpoint) }
            guard !later.isEmpty else { return }
            endpoint.whenDrained { [weak self] in self?.sendLastItems(of: nodes, at: later, to: endpoint, home) }
        }
    }
}

extension Router {
    fileprivate static func send(_ last: PubSubStore.LastItem, to endpoint: any Endpoint) {
        let head = "<message from='\(XMLText.escape(last.service))'\(last.configuration.notificationType.attribute)"
        let to = XMLText.escape(String(decoding: endpoint.address, as: UTF8.self))
        endpoint.deliver(
            Array(
                (head + " id='\(PubSubEngine.makeID())' to='\(to)'>"
                    + PubSubEvent.items(last.node, [last.item], last.configuration)
                    + PubSubDelivery.delay(last.item.publishedAt) + "</message>").utf8))
    }

    /// Sends the last items of the nodes of services to which the client or its account is subscribed, where the nodes
    /// want that with presence. Most accounts have none: that is found out beside the journal.
    func sendSubscribedItems(to endpoint: any Endpoint, _ home: UserHome) {
        let bare = home.jid
        let full = String(decoding: endpoint.address, as: UTF8.self)
        let now = time.now
        readArchive({ try PubSubStore.lastItems(subscribedBy: bare, full, now: now, in: $0) }) { [weak self] result in
            guard let self, case .success(let found) = result, !found.isEmpty else { return }
            // Through the journal, so that no later publication overtakes what is read here.
            journal.perform({ try PubSubStore.lastItems(subscribedBy: bare, full, now: now, in: $0) }) { result in
                guard case .success(let found) = result, endpoint.availability != nil else { return }
                for last in found { Self.send(last, to: endpoint) }
            }
        }
    }
}

extension PubSubStore {
    /// The last items of nodes of services, for one client that has become available.
    static func lastItems(
        subscribedBy bare: JID, _ full: String, now: Int64, in transaction: any Transaction
    ) throws -> [LastItem] {
        let columns = nodeColumns.split(separator: ", ").map { "n." + $0 }.joined(separator: ", ")
        let rows = try transaction.query(
            """
            SELECT \(columns) FROM pubsub_subscriptions s JOIN pubsub_nodes n ON n.id = s.node_id
            WHERE s.bare = ? AND s.jid IN (?, ?) AND s.state = ? AND s.delivers = ? AND n.user_id IS NULL
            ORDER BY n.service, n.name
            """,
            [
                .text(bare.description), .text(bare.description), .text(full),
                .integer(SubscriptionState.subscribed.rawValue), .bool(true),
            ])
        var found: [LastItem] = []
        for row in rows {
            let node = node(row: row)
            // Both addresses may be subscribed.
            if found.last?.node == node.name, found.last?.service == node.service { continue }
            let configuration = node.configuration
            guard configuration.sendLastItem == .onSubscriptionAndPresence, configuration.deliversNotifications,
                let item = try newest(of: node, limit: 1, in: transaction).first,
                configuration.itemLifetime.map({ item.publishedAt >= now - $0 * 1_000 }) ?? true
            else { continue }
            found.append(
                LastItem(service: node.service, node: node.name, item: item, configuration: configuration))
        }
        return found
    }

    struct LastItem: Sendable {
        var service: String
        var node: String
        var item: PubSubItem
        var configuration: NodeConfiguration
    }

    /// The last items at accounts whose presence `receiver` sees, in the order of `services`.
    static func lastItems(
        of names: Set<String>, at services: [String], for receiver: JID, now: Int64, in transaction: any Transaction
    ) throws -> [LastItem] {
        guard !services.isEmpty else { return [] }
        let places = Array(repeating: "?", count: 50).joined(separator: ", ")
        let padded = (services + Array(repeating: "", count: 50)).prefix(50)
        let rows = try transaction.query(
            "SELECT \(nodeColumns) FROM pubsub_nodes WHERE service IN (\(places))", padded.map { .text($0) })
        let own = receiver.description
        var found: [String: [LastItem]] = [:]
        for row in rows where names.contains(row.text(3)) {
            let node = node(row: row)
            let configuration = node.configuration
            guard configuration.sendLastItem == .onSubscriptionAndPresence, configuration.deliversNotifications,
                try node.service == own || mayHear(receiver, node, in: transaction),
                let item = try newest(of: node, limit: 1, in: transaction).first,
                configuration.itemLifetime.map({ item.publishedAt >= now - $0 * 1_000 }) ?? true
            else { continue }
            found[node.service, default: []].append(
                LastItem(service: node.service, node: node.name, item: item, configuration: configuration))
        }
        return services.flatMap { found[$0] ?? [] }
    }

    /// For somebody who sees the presence of the account that the node belongs to.
    private static func mayHear(_ jid: JID, _ node: PubSubNode, in transaction: any Transaction) throws -> Bool {
        guard let userID = node.userID else { return false }
        let blocked = try BlockStore.load(userID, in: transaction)
        if let match = PrivacyPolicy.match(jid, in: blocked) {
            let exception = PrivacyPolicy.match(jid, in: try AllowStore.load(userID, in: transaction))
            guard let exception, exception.rank < match.rank else { return false }
        }
        switch try affiliation(of: jid, with: node, in: transaction) {
        case .owner, .publisher, .member: return true
        case .outcast, .publishOnly: return false
        case .none: break
        }
        switch node.configuration.accessModel {
        case .open, .presence: return true
        case .whitelist, .authorize: return false
        case .roster:
            let groups = try RosterStore.groups(of: jid, in: userID, transaction)
            return groups.contains(where: node.configuration.rosterGroups.contains)
        }
    }
}
