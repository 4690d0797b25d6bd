import XMPPWire

/// Roster changes (RFC 6121 §2) and presence subscriptions (§3). Stored first; answers, pushes and presence
/// follow the commit.
extension Router {
    /// What a client may set of an item (§2.1.2).
    public struct RosterUpdate: Sendable {
        public var contact: JID
        public var name: String
        public var groups: [String]

        public init(contact: JID, name: String, groups: [String]) {
            self.contact = contact
            self.name = name
            self.groups = groups
        }
    }

    /// The visible items.
    public func rosterItems(_ home: UserHome) -> [RosterItem] { home.roster.values.filter(\.isVisible) }

    /// Adds or changes an item (§2.3, §2.4). `completion` gets nil once it is durable.
    public func setRosterItem(
        _ update: RosterUpdate, _ home: UserHome, completion: @escaping (StanzaError?) -> Void
    ) {
        let item: RosterItem
        if let known = home.roster[update.contact] {
            item = known
        } else {
            guard home.roster.count < config.rosterItems else {
                return completion(
                    StanzaError(.cancel, .resourceConstraint, "the roster is full (\(config.rosterItems) contacts)"))
            }
            item = RosterItem(contact: update.contact, isVisible: true)
            home.roster[update.contact] = item
        }
        item.isVisible = true
        item.name = update.name
        item.groups = update.groups
        // The result first, then the push (§2.3.2).
        save(item, home, push: true, first: { completion($0 ? nil : StanzaError(.wait, .internalServerError)) })
    }

    /// Removes an item and ends the subscriptions in both directions (§2.5).
    public func removeRosterItem(_ contact: JID, _ home: UserHome, completion: @escaping (StanzaError?) -> Void) {
        guard let item = home.roster[contact], item.isVisible else { return completion(.itemNotFound) }
        let had = item.subscription
        home.roster[contact] = nil
        home.rosterVersion += 1
        let (userID, version) = (home.id, home.rosterVersion)
        persist(home) {
            try RosterStore.remove(contact, of: userID, in: $0)
            try RosterStore.setVersion(version, of: userID, in: $0)
        } then: { [self] error in
            guard error == nil else { return completion(StanzaError(.wait, .internalServerError)) }
            if had.from || had.pendingIn { stopSharing(home, with: contact) }
            push("<item jid='\(XMLText.escape(contact.description))' subscription='remove'/>", home, version)
            // The result comes when the contact's side is durable too: otherwise a crash leaves the two apart.
            let second = { [self] in
                guard had.from || had.pendingIn else { return completion(nil) }
                passOn(.unsubscribed, from: home, to: contact, stanza: nil) { completion(nil) }
            }
            guard had.to || had.pendingOut else { return second() }
            passOn(.unsubscribe, from: home, to: contact, stanza: nil, then: second)
        }
    }

    // MARK: Subscriptions

    /// The user sent a subscription stanza; `stanza` is stamped with the bare address (§3.1.2).
    public func sendSubscription(
        _ kind: SubscriptionMachine.Stanza, to contact: JID, from home: UserHome, stanza: [UInt8],
        completion: @escaping (StanzaError?) -> Void
    ) {
        if contact == home.jid { return completion(nil) }
        if home.blocks(contact, .all) { return completion(.blocked) }
        let item: RosterItem
        if let known = home.roster[contact] {
            item = known
        } else {
            guard kind == .subscribe || kind == .subscribed else { return completion(nil) }
            guard home.roster.count < config.rosterItems else {
                return completion(
                    StanzaError(.cancel, .resourceConstraint, "the roster is full (\(config.rosterItems) contacts)"))
            }
            item = RosterItem(contact: contact, isVisible: false)
            home.roster[contact] = item
        }
        let before = item.subscription
        let outcome = item.subscription.sent(kind)
        if outcome.pushes { item.isVisible = true }
        if !item.subscription.pendingIn { item.request = nil }
        let after: (Bool) -> Void = { [self] stored in
            guard stored else { return completion(StanzaError(.wait, .internalServerError)) }
            if outcome.stopsSharing { stopSharing(home, with: contact) }
            guard outcome.passesOn else { return completion(nil) }
            // Counted as handled once the contact's side is durable too; presence comes behind `subscribed` (§3.1.5).
            passOn(kind, from: home, to: contact, stanza: stanza) { [self] in
                if outcome.startsSharing { startSharing(home, with: contact) }
                completion(nil)
            }
        }
        if item.subscription == before { return after(true) }
        save(item, home, push: outcome.pushes, then: after)
    }

    /// Ends every subscription of an account that is about to be removed: a later account of the same name is
    /// somebody else.
    public func endSubscriptions(_ home: UserHome) {
        for item in home.roster.values {
            stopSharing(home, with: item.contact)
            passOn(.unsubscribe, from: home, to: item.contact, stanza: nil)
            passOn(.unsubscribed, from: home, to: item.contact, stanza: nil)
        }
    }

    /// Carries a subscription stanza to the contact's home; nil makes a bare one. `then` runs when what it changed
    /// there is durable, or when there is nobody.
    func passOn(
        _ kind: SubscriptionMachine.Stanza, from home: UserHome, to contact: JID, stanza: [UInt8]?,
        then: @escaping () -> Void = {}
    ) {
        let isLocal = serves(contact.domain)
        guard isLocal || services[contact.domain] != nil else { return then() }
        let sender = home.jid
        let bytes =
            stanza
            ?? PresenceStanza(type: kind.rawValue, from: home.address).addressed(to: Array(contact.description.utf8))
        guard isLocal else {
            _ = passOn(bytes, toServiceAt: contact)
            return then()
        }
        homes.withHome(contact) { [self] other in
            // §3.1.3: no such account; the user is not told.
            guard let other else { return then() }
            receiveSubscription(kind, from: sender, at: other, stanza: bytes, then: then)
        }
    }

    func receiveSubscription(
        _ kind: SubscriptionMachine.Stanza, from sender: JID, at home: UserHome, stanza: [UInt8],
        then: @escaping () -> Void
    ) {
        if home.blocks(sender, .all) { return then() }
        let item: RosterItem
        if let known = home.roster[sender] {
            item = known
        } else {
            guard kind == .subscribe else { return then() }
            guard home.roster.count < config.rosterItems else {
                return reply(.unsubscribed, from: home, to: sender, then: then)
            }
            item = RosterItem(contact: sender, isVisible: false)
            home.roster[sender] = item
        }
        let before = item.subscription
        let outcome = item.subscription.received(kind)
        if kind == .subscribe, item.subscription.pendingIn { item.request = stanza }
        if !item.subscription.pendingIn { item.request = nil }
        if outcome.pushes { item.isVisible = true }
        let after: (Bool) -> Void = { [self] stored in
            guard stored else { return then() }
            if outcome.passesOn {
                for endpoint in home.endpoints where endpoint.availability != nil || kind != .subscribe {
                    if kind == .subscribe || endpoint.isInterested { endpoint.deliver(stanza) }
                }
            }
            if outcome.stopsSharing { stopSharing(home, with: sender) }
            if let answer = outcome.reply {
                reply(answer, from: home, to: sender) { [self] in
                    if answer == .subscribed { startSharing(home, with: sender) }
                    then()
                }
            } else {
                then()
            }
            if kind == .unsubscribed, outcome.pushes { showGone(sender, home) }
        }
        if item.subscription == before { return after(true) }
        save(item, home, push: outcome.pushes, then: after)
    }

    /// A contact that took its permission back is shown as unavailable (§3.2.3).
    private func showGone(_ contact: JID, _ home: UserHome) {
        guard homes.loaded(contact) == nil else { return }
        let goodbye = PresenceStanza(type: "unavailable", from: Array(contact.description.utf8))
        for endpoint in home.endpoints where endpoint.availability != nil {
            endpoint.deliver(goodbye, to: home.address)
        }
    }

    private func reply(
        _ kind: SubscriptionMachine.Stanza, from home: UserHome, to contact: JID, then: @escaping () -> Void
    ) {
        passOn(kind, from: home, to: contact, stanza: nil, then: then)
    }

    /// Requests that wait for an answer are delivered at each login (§3.1.3).
    func deliverRequests(to endpoint: any Endpoint, _ home: UserHome) {
        for item in home.roster.values where item.subscription.pendingIn {
            if let request = item.request, !home.blocks(item.contact, .all, at: endpoint) { endpoint.deliver(request) }
        }
    }

    // MARK: Storing and pushing

    /// - Parameters:
    ///   - first: runs before the push, with whether the item is stored.
    ///   - then: the same, behind the push.
    private func save(
        _ item: RosterItem, _ home: UserHome, push: Bool, first: @escaping (Bool) -> Void = { _ in },
        then: @escaping (Bool) -> Void = { _ in }
    ) {
        if item.subscription.isEmpty, !item.isVisible { home.roster[item.contact] = nil }
        let isGone = home.roster[item.contact] == nil
        if push { home.rosterVersion += 1 }
        let (record, userID, version) = (item.record, home.id, home.rosterVersion)
        let xml = item.xml
        persist(home) {
            if isGone {
                try RosterStore.remove(record.contact, of: userID, in: $0)
            } else {
                try RosterStore.save(record, of: userID, in: $0)
            }
            if push { try RosterStore.setVersion(version, of: userID, in: $0) }
        } then: { [self] error in
            first(error == nil)
            if error == nil, push { self.push(xml, home, version) }
            then(error == nil)
        }
    }

    /// Tells every interested client of the change (§2.1.6).
    private func push(_ item: String, _ home: UserHome, _ version: Int64) {
        for endpoint in home.endpoints where endpoint.isInterested {
            let to = XMLText.escape(String(decoding: endpoint.address, as: UTF8.self))
            endpoint.deliver(
                Array(
                    ("<iq type='set' id='push-\(version)-\(journal.nextID().value & 0xFFFF)' to='\(to)'>"
                        + "<query xmlns='jabber:iq:roster' ver='\(version)'>\(item)</query></iq>").utf8))
        }
    }
}
