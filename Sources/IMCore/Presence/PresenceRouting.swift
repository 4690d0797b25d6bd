import XMPPWire

/// Presence of clients of ours (RFC 6121 §4). Who sees whom is the word of `PresencePolicy`.
extension Router {
    /// A client said it is available, or changed what it says (§4.2, §4.4).
    public func becomeAvailable(_ endpoint: any Endpoint, _ home: UserHome, _ availability: Availability) {
        let before = endpoint.availability
        let wasAvailable = before != nil
        let wasReachable = endpoint.isReachable
        endpoint.availability = availability
        endpoint.availability?.since = time.now
        home.forking.presenceChanged(endpoint.resource)
        if home.manual == nil, !home.isBusyElsewhere {
            announce(endpoint, home, before: before?.shown)
        } else {
            announceAll(home, changed: endpoint, before: before?.shown)
        }
        tellOwnClients(availability.stanza, from: endpoint, home)
        if !wasAvailable { probe(for: endpoint, home) }
        if !wasReachable, availability.priority >= 0 { startReplay(for: endpoint, home) }
        if !wasAvailable {
            deliverRequests(to: endpoint, home)
            sendSubscribedItems(to: endpoint, home)
        }
    }

    /// A client said it is unavailable (§4.5), or ended: then there is no stanza of its own.
    public func becomeUnavailable(_ endpoint: any Endpoint, _ home: UserHome, stanza: PresenceStanza?) {
        let hadDirected = !endpoint.directed.isEmpty
        guard endpoint.availability != nil || hadDirected else { return }
        let goodbye = stanza ?? PresenceStanza(type: "unavailable", from: endpoint.address)
        let before = endpoint.availability
        let wasShown = before?.shown != nil
        endpoint.availability = nil
        pacing.forget(endpoint)
        home.forking.presenceChanged(endpoint.resource)
        if wasShown { tellWatchers(goodbye, from: endpoint, home, isGoodbye: true) }
        if before != nil { tellOwnClients(goodbye, from: endpoint, home) }
        if !adHoc.isEmpty { endWatches(by: endpoint, home) }
        // §4.6.5: those who got presence directly and would not hear of it by the broadcast.
        let directed = endpoint.directed
        endpoint.directed = []
        for jid in directed where !wasShown || !sharesPresence(home, with: jid.bare) {
            sendDirected(goodbye, to: jid, from: home, source: SilentSource.shared)
        }
        if home.manual != nil || home.isBusyElsewhere { announceAll(home) }
        replayEnded(for: endpoint, home)
    }

    /// To everybody who may see the user.
    func tellWatchers(
        _ stanza: PresenceStanza, from endpoint: any Endpoint, _ home: UserHome, isGoodbye: Bool = false
    ) {
        counters.presenceChanges += 1
        presenceChanged(home)
        if isGoodbye ? home.toldSharing : home.isSharing {
            for item in home.roster.values where item.subscription.from {
                guard let contact = homes.loaded(item.address) else {
                    if !hasServices { continue }
                    let decision = PresencePolicy.decide(
                        .subscription, of: home, at: endpoint, toOutside: item.contact, isGoodbye: isGoodbye)
                    if decision.isVisible { tellService(stanza, at: item.contact) }
                    continue
                }
                if !contact.endpoints.isEmpty { show(stanza, of: endpoint, home, to: contact, isGoodbye: isGoodbye) }
            }
            if !adHoc.isEmpty { tellWatches(stanza, of: endpoint, home, isGoodbye: isGoodbye) }
        }
    }

    /// §4.2.2, §4.4.2: to the user's own clients, the one that said it among them.
    func tellOwnClients(_ stanza: PresenceStanza, from endpoint: any Endpoint, _ home: UserHome) {
        for other in home.endpoints where other === endpoint || other.availability != nil {
            other.deliver(stanza, to: home.address)
        }
    }

    /// Presence of one client to those of a contact that may see it.
    ///
    /// - Returns: how many got it.
    @discardableResult
    func show(
        _ stanza: PresenceStanza, of endpoint: any Endpoint, _ home: UserHome, to contact: UserHome,
        isGoodbye: Bool = false
    ) -> Int {
        var count = 0
        for receiver in contact.endpoints where receiver.availability != nil {
            let decision = PresencePolicy.decide(
                .subscription, of: home, at: endpoint, to: contact, at: receiver, isGoodbye: isGoodbye)
            guard decision.isVisible else { continue }
            receiver.deliver(stanza, to: contact.address)
            count += 1
        }
        counters.presenceDeliveries += count
        return count
    }

    /// Initial presence asks for that of the contacts (§4.3); ours answer from memory.
    private func probe(for endpoint: any Endpoint, _ home: UserHome) {
        if home.isSharing {
            for item in home.roster.values where item.subscription.to {
                guard let contact = homes.loaded(item.address) else {
                    if hasServices { probeService(item.contact, for: home) }
                    continue
                }
                if !contact.endpoints.isEmpty { answerProbe(contact, to: endpoint, home) }
            }
        }
        for other in home.endpoints where other !== endpoint {
            if let availability = other.availability { endpoint.deliver(availability.stanza, to: home.address) }
        }
    }

    /// Shows a contact to one client, if the contact is subscribed to and may be seen.
    ///
    /// - Returns: how many of the contact's clients it saw.
    @discardableResult
    func answerProbe(_ contact: UserHome, to endpoint: any Endpoint, _ home: UserHome) -> Int {
        let relation = presenceRelation(of: contact, for: home.jid)
        guard relation == .subscription else { return 0 }
        return show(contact, to: endpoint, home, by: relation)
    }

    /// What the contact's clients say, as far as this client may see it.
    func show(
        _ contact: UserHome, to endpoint: any Endpoint, _ home: UserHome, by relation: PresenceRelation,
        address: [UInt8]? = nil
    ) -> Int {
        var count = 0
        for other in contact.endpoints {
            guard let shown = other.availability?.shown,
                PresencePolicy.decide(relation, of: contact, at: other, to: home, at: endpoint).isVisible
            else { continue }
            endpoint.deliver(shown, to: address ?? home.address)
            count += 1
        }
        return count
    }

    /// A probe sent by a client itself (§4.3.2): who may not see gets `unsubscribed`, who may the presence.
    public func probe(_ target: JID, by endpoint: any Endpoint, _ home: UserHome) {
        if target.bare == home.jid {
            for other in home.endpoints {
                if let availability = other.availability { endpoint.deliver(availability.stanza, to: home.address) }
            }
            return
        }
        homes.withHome(target) { [self] contact in
            // XEP-0191 §3.2: a blocked user gets no answer at all.
            if let contact, contact.blocks(home.jid, .presenceOut) { return }
            guard let contact, case let relation = presenceRelation(of: contact, for: home.jid), relation.entitles
            else {
                endpoint.deliver(
                    PresenceStanza(type: "unsubscribed", from: Array(target.bare.description.utf8)),
                    to: home.address)
                return
            }
            if show(contact, to: endpoint, home, by: relation) == 0 {
                endpoint.deliver(PresenceStanza(type: "unavailable", from: contact.address), to: home.address)
            }
        }
    }

    /// What entitles a viewer to see somebody.
    func presenceRelation(of target: UserHome, for viewer: JID) -> PresenceRelation {
        let item = target.roster[viewer.bare]
        if item?.subscription.from == true { return .subscription }
        if !adHoc.isEmpty, adHoc[target.jid].contains(where: { $0.watcher.jid == viewer.bare }) { return .adHoc }
        return item?.subscription.pendingIn == true ? .waiting : .none
    }

    /// Whether the contact hears the user's broadcasts, as far as the subscription goes.
    public func sharesPresence(_ home: UserHome, with contact: JID) -> Bool {
        contact == home.jid || home.roster[contact]?.subscription.from == true
    }

    /// Whether somebody may know if the user is there.
    ///
    /// - Parameter viewer: for an asker without account here an empty home.
    public func showsPresence(of home: UserHome, to viewer: UserHome) -> Bool {
        if home.jid == viewer.jid { return true }
        let relation = presenceRelation(of: home, for: viewer.jid)
        return PresencePolicy.decide(relation, of: home, at: nil, to: viewer, at: nil).isVisible
    }

    // MARK: When a subscription or a block changes

    /// The contact may see the user from now on (§3.1.5).
    func startSharing(_ home: UserHome, with contact: JID) {
        guard let other = homes.loaded(contact) else {
            for endpoint in home.endpoints {
                guard let shown = endpoint.availability?.shown,
                    PresencePolicy.decide(.subscription, of: home, at: endpoint, toOutside: contact).isVisible
                else { continue }
                tellService(shown, at: contact)
            }
            return
        }
        for endpoint in home.endpoints {
            if let shown = endpoint.availability?.shown { show(shown, of: endpoint, home, to: other) }
        }
        if !adHoc.isEmpty { forgetWatches(of: home.jid, by: contact) }
        if !home.blocks(contact, .all) { sendLastItems(at: home, toClientsOf: other) }
    }

    /// The contact may not see the user any more (§3.2.2).
    func stopSharing(_ home: UserHome, with contact: JID) {
        let other = homes.loaded(contact)
        if other == nil, !hasServices { return }
        guard home.toldSharing, other?.toldSharing ?? true else { return }
        for endpoint in home.endpoints where endpoint.availability?.shown != nil {
            let goodbye = PresenceStanza(type: "unavailable", from: endpoint.address)
            guard let other else {
                tellService(goodbye, at: contact)
                continue
            }
            for receiver in other.endpoints where receiver.availability != nil {
                receiver.deliver(goodbye, to: other.address)
            }
        }
    }
}
