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
        if let error = noRoom(for: update.contact, home) { return completion(error) }
        let item: RosterItem
        if let known = home.roster[update.contact] {
            item = known
        } else {
            item = RosterItem(contact: update.contact, isVisible: true)
            home.roster[update.contact] = item
        }
        item.isVisible = true
        item.name = update.name
        item.groups = update.groups
        // The result first, then the push (§2.3.2).
        save(item, home, push: true, first: { completion($0 ? nil : StanzaError(.wait, .internalServerError)) })
    }

    /// The error where one more contact is one too many: of the list, or with open requests of what is kept at all.
    private func noRoom(for contact: JID, _ home: UserHome) -> StanzaError? {
        let known = home.roster[contact]
        if known?.isVisible == true { return nil }
        let limit = contactLimit(home)
        if limit.isReached { return .contactsFull(limit) }
        return known == nil && isRosterFull(home) ? .contactsFull(limit) : nil
    }

    /// Contacts and open requests together are bounded too.
    func isRosterFull(_ home: UserHome) -> Bool {
        home.roster.count >= max(config.rosterItems, home.policy.values.presence.contacts)
    }

    /// Removes an item and ends the subscriptions in both directions (§2.5).
    public func removeRosterItem(_ contact: JID, _ home: UserHome, completion: @escaping (StanzaError?) -> Void) {
        withContact(contact) { [self] in removeItem(contact, home, completion) }
    }

    private func removeItem(_ contact: JID, _ home: UserHome, _ completion: @escaping (StanzaError?) -> Void) {
        guard let item = home.roster[contact], item.isVisible else { return completion(.itemNotFound) }
        let had = item.subscription
        home.roster[contact] = nil
        home.rosterVersion += 1
        let (userID, version) = (home.id, home.rosterVersion)
        let steps = Steps(completion)
        steps.begin()
        persist(home) {
            try RosterStore.remove(contact, of: userID, in: $0)
            try RosterCountStore.recount(userID, in: $0)
            try RosterStore.setVersion(version, of: userID, in: $0)
        } then: { [self] error in
            guard error == nil else { return steps.fail(StanzaError(.wait, .internalServerError)) }
            if had.from || had.pendingIn { stopSharing(home, with: contact) }
            if !had.isEmpty { subscriptionChanged(home, contact) }
            push("<item jid='\(XMLText.escape(contact.description))' subscription='remove'/>", home, version)
            if !serves(contact.domain) { endSubscriptions(had, home, contact, steps) }
            steps.end()
        }
        // With the same commit: otherwise a crash leaves the two rosters apart.
        if serves(contact.domain) { endSubscriptions(had, home, contact, steps) }
        steps.end()
    }

    private func endSubscriptions(_ had: SubscriptionMachine, _ home: UserHome, _ contact: JID, _ steps: Steps) {
        if had.to || had.pendingOut {
            steps.begin()
            passOn(.unsubscribe, from: home, to: contact, stanza: nil) { steps.end() }
        }
        if had.from || had.pendingIn {
            steps.begin()
            passOn(.unsubscribed, from: home, to: contact, stanza: nil) { steps.end() }
        }
    }

    /// Runs `body` when the contact's home, if it is one of ours, is in memory: what is done then to both rosters is
    /// one commit.
    private func withContact(_ contact: JID, _ body: @escaping () -> Void) {
        guard serves(contact.domain) else { return body() }
        homes.withHome(contact) { _ in body() }
    }

    // MARK: Subscriptions

    /// The user sent a subscription stanza; `stanza` is stamped with the bare address (§3.1.2).
    public func sendSubscription(
        _ kind: SubscriptionMachine.Stanza, to contact: JID, from home: UserHome, stanza: [UInt8],
        completion: @escaping (StanzaError?) -> Void
    ) {
        if contact == home.jid { return completion(nil) }
        if home.blocks(contact, .all) { return completion(.blocked) }
        withContact(contact) { [self] in
            if let error = obstacle(to: kind, contact, home) { return completion(error) }
            changeSubscription(kind, to: contact, from: home, stanza, completion)
        }
    }

    /// What speaks against it: the own limits, or those of the contact, who then answers `unsubscribed`.
    private func obstacle(to kind: SubscriptionMachine.Stanza, _ contact: JID, _ home: UserHome) -> StanzaError? {
        let item = home.roster[contact]
        switch kind {
        case .subscribe:
            if let error = noRoom(for: contact, home) { return error }
            guard let other = homes.loaded(contact), serves(contact.domain) else { return nil }
            let decision = requestDecision(from: home.jid, at: other)
            guard decision.verdict == .refuse else { return nil }
            answerUnsubscribed(contact, home)
            return .full(contact, decision.reason)
        case .subscribed:
            if let error = noRoom(for: contact, home) { return error }
            guard item?.subscription.from != true, let limit = watcherLimit(home), limit.isReached else { return nil }
            return .watchersFull(limit)
        case .unsubscribe, .unsubscribed: return nil
        }
    }

    /// In the name of a contact that has no room for the user.
    private func answerUnsubscribed(_ contact: JID, _ home: UserHome) {
        let answer = PresenceStanza(type: "unsubscribed", from: Array(contact.description.utf8))
            .addressed(to: home.address)
        if home.roster[contact]?.subscription.pendingOut == true {
            return receiveSubscription(.unsubscribed, from: contact, at: home, stanza: answer) {}
        }
        for endpoint in home.endpoints where endpoint.isInterested { endpoint.deliver(answer) }
    }

    private func changeSubscription(
        _ kind: SubscriptionMachine.Stanza, to contact: JID, from home: UserHome, _ stanza: [UInt8],
        _ completion: @escaping (StanzaError?) -> Void
    ) {
        let item: RosterItem
        if let known = home.roster[contact] {
            item = known
        } else {
            guard kind == .subscribe || kind == .subscribed else { return completion(nil) }
            item = RosterItem(contact: contact, isVisible: false)
            home.roster[contact] = item
        }
        let before = item.subscription
        let outcome = item.subscription.sent(kind)
        if outcome.pushes { item.isVisible = true }
        if !item.subscription.pendingIn { item.request = nil }
        // Counted as handled once both sides are durable; presence comes behind `subscribed` (§3.1.5).
        let steps = Steps { [self] error in
            if error == nil, outcome.passesOn, outcome.startsSharing { startSharing(home, with: contact) }
            completion(error)
        }
        let after: (Bool) -> Void = { [self] stored in
            guard stored else { return steps.fail(StanzaError(.wait, .internalServerError)) }
            if outcome.stopsSharing { stopSharing(home, with: contact) }
            if item.subscription != before { subscriptionChanged(home, contact) }
            if outcome.passesOn, !serves(contact.domain) { passOn(kind, from: home, to: contact, stanza: stanza) }
            steps.end()
        }
        steps.begin()
        if item.subscription == before { after(true) } else { save(item, home, push: outcome.pushes, then: after) }
        if outcome.passesOn, serves(contact.domain) {
            steps.begin()
            // With the same commit: otherwise a crash leaves the two rosters apart.
            passOn(kind, from: home, to: contact, stanza: stanza) { steps.end() }
        }
        steps.end()
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
        guard isLocal || service(contact.domain) != nil else { return then() }
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
        var approves = false
        if kind == .subscribe {
            let decision = requestDecision(from: sender, at: home)
            switch decision.verdict {
            case .approve: approves = true
            case .prompt: break
            case .ignore: return then()
            case .refuse: return passOn(.unsubscribed, from: home, to: sender, stanza: nil, then: then)
            }
        }
        let item: RosterItem
        if let known = home.roster[sender] {
            item = known
        } else {
            guard kind == .subscribe else { return then() }
            guard !isRosterFull(home) else {
                return passOn(.unsubscribed, from: home, to: sender, stanza: nil, then: then)
            }
            item = RosterItem(contact: sender, isVisible: false)
            home.roster[sender] = item
        }
        let before = item.subscription
        let outcome = item.subscription.received(kind, approves: approves)
        if kind == .subscribe, item.subscription.pendingIn { item.request = stanza }
        if !item.subscription.pendingIn { item.request = nil }
        if outcome.pushes { item.isVisible = true }
        let steps = Steps { _ in then() }
        // Who becomes available before the commit gets an open request as one that waited.
        let present = kind == .subscribe ? home.endpoints.filter { $0.availability != nil } : []
        let after: (Bool) -> Void = { [self] stored in
            guard stored else { return steps.end() }
            if outcome.passesOn {
                for endpoint in home.endpoints {
                    let isTold =
                        kind == .subscribe
                        ? endpoint.availability != nil && present.contains { $0 === endpoint } : endpoint.isInterested
                    if isTold { endpoint.deliver(stanza) }
                }
            }
            if outcome.stopsSharing { stopSharing(home, with: sender) }
            if item.subscription != before { subscriptionChanged(home, sender) }
            if !serves(sender.domain) { reply(outcome.reply, from: home, to: sender, steps) }
            steps.end()
            if kind == .unsubscribed, outcome.pushes { showGone(sender, home) }
        }
        steps.begin()
        if item.subscription == before { after(true) } else { save(item, home, push: outcome.pushes, then: after) }
        if serves(sender.domain) { reply(outcome.reply, from: home, to: sender, steps) }
        steps.end()
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
        _ answer: SubscriptionMachine.Stanza?, from home: UserHome, to contact: JID, _ steps: Steps
    ) {
        guard let answer else { return }
        steps.begin()
        passOn(answer, from: home, to: contact, stanza: nil) { [self] in
            if answer == .subscribed { startSharing(home, with: contact) }
            steps.end()
        }
    }

    /// Requests that wait for an answer are delivered at each login (§3.1.3).
    func deliverRequests(to endpoint: any Endpoint, _ home: UserHome) {
        guard home.roster.values.contains(where: { $0.subscription.pendingIn }) else { return }
        decideWaitingRequests(home)
        for item in home.roster.values where item.subscription.pendingIn {
            if let request = item.request, !home.blocks(item.contact, .all, at: endpoint) { endpoint.deliver(request) }
        }
    }

    /// Approves what waits for an answer that the server may give by now (`presence.auto_authorize`).
    func decideWaitingRequests(_ home: UserHome) {
        for item in home.roster.values where item.subscription.pendingIn {
            guard requestDecision(from: item.contact, at: home).verdict == .approve else { continue }
            let stanza = PresenceStanza(type: "subscribed", from: home.address).addressed(to: item.address)
            sendSubscription(.subscribed, to: item.contact, from: home, stanza: stanza) { _ in }
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
            try RosterCountStore.recount(userID, in: $0)
            if push { try RosterStore.setVersion(version, of: userID, in: $0) }
        } then: { [self] error in
            first(error == nil)
            if error == nil, push { self.push(xml, home, version) }
            then(error == nil)
        }
    }

    /// Tells every interested client of the change (§2.1.6).
    func push(_ item: String, _ home: UserHome, _ version: Int64) {
        for endpoint in home.endpoints where endpoint.isInterested {
            let to = XMLText.escape(String(decoding: endpoint.address, as: UTF8.self))
            endpoint.deliver(
                Array(
                    ("<iq type='set' id='push-\(version)-\(journal.nextID().value & 0xFFFF)' to='\(to)'>"
                        + "<query xmlns='jabber:iq:roster' ver='\(version)'>\(item)</query></iq>").utf8))
        }
    }
}
