import XMPPWire

/// Presence of clients of ours (RFC 6121 §4).
extension Router {
    /// A client said it is available, or changed what it says (§4.2, §4.4).
    public func becomeAvailable(_ endpoint: any Endpoint, _ home: UserHome, _ availability: Availability) {
        let wasAvailable = endpoint.availability != nil
        let wasReachable = endpoint.isReachable
        endpoint.availability = availability
        home.forking.presenceChanged(endpoint.resource)
        broadcast(availability.stanza, from: endpoint, home)
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
        let wasAvailable = endpoint.availability != nil
        endpoint.availability = nil
        home.forking.presenceChanged(endpoint.resource)
        if wasAvailable { broadcast(goodbye, from: endpoint, home) }
        // §4.6.5: those who got presence directly and would not hear of it by the broadcast.
        let directed = endpoint.directed
        endpoint.directed = []
        for jid in directed where !wasAvailable || !sharesPresence(home, with: jid.bare) {
            sendDirected(goodbye, to: jid, from: home, source: SilentSource.shared)
        }
        replayEnded(for: endpoint, home)
    }

    /// To every contact that may see the user, and to the user's own other clients.
    private func broadcast(_ stanza: PresenceStanza, from endpoint: any Endpoint, _ home: UserHome) {
        for item in home.roster.values where item.subscription.from {
            if home.hasRules, home.blocks(item.contact, .presenceOut, at: endpoint) { continue }
            guard let contact = homes.loaded(item.address) else {
                if !services.isEmpty { tellService(stanza, at: item.contact) }
                continue
            }
            if !contact.endpoints.isEmpty { deliver(stanza, toAvailableOf: contact, from: home) }
        }
        for other in home.endpoints where other === endpoint || other.availability != nil {
            other.deliver(stanza, to: home.address)
        }
    }

    private func deliver(_ stanza: PresenceStanza, toAvailableOf contact: UserHome, from home: UserHome) {
        for endpoint in contact.endpoints where endpoint.availability != nil {
            if contact.hasRules, contact.blocks(home.jid, .presenceIn, at: endpoint) { continue }
            endpoint.deliver(stanza, to: contact.address)
        }
    }

    /// Initial presence asks for that of the contacts (§4.3); ours answer from memory.
    private func probe(for endpoint: any Endpoint, _ home: UserHome) {
        for item in home.roster.values where item.subscription.to {
            guard let contact = homes.loaded(item.address) else {
                if !services.isEmpty { probeService(item.contact, for: home) }
                continue
            }
            if !contact.endpoints.isEmpty { answerProbe(contact, to: endpoint, home) }
        }
        for other in home.endpoints where other !== endpoint {
            if let availability = other.availability { endpoint.deliver(availability.stanza, to: home.address) }
        }
    }

    func answerProbe(_ contact: UserHome, to endpoint: any Endpoint, _ home: UserHome) {
        guard contact.roster[home.jid]?.subscription.from == true,
            !home.blocks(contact.jid, .presenceIn, at: endpoint)
        else { return }
        for other in contact.endpoints where !contact.blocks(home.jid, .presenceOut, at: other) {
            if let availability = other.availability { endpoint.deliver(availability.stanza, to: home.address) }
        }
    }

    /// A probe sent by a client itself (§4.3.2): who may not see gets `unsubscribed`, who may the presence.
    public func probe(_ target: JID, by endpoint: any Endpoint, _ home: UserHome) {
        if target.bare == home.jid {
            for other in home.endpoints {
                if let availability = other.availability { endpoint.deliver(availability.stanza, to: home.address) }
            }
            return
        }
        homes.withHome(target) { contact in
            // XEP-0191 §3.2: a blocked user gets no answer at all.
            if let contact, contact.blocks(home.jid, .presenceOut) { return }
            guard let contact, contact.roster[home.jid]?.subscription.from == true else {
                endpoint.deliver(
                    PresenceStanza(type: "unsubscribed", from: Array(target.bare.description.utf8)),
                    to: home.address)
                return
            }
            if contact.isAvailable {
                for other in contact.endpoints {
                    if let availability = other.availability {
                        endpoint.deliver(availability.stanza, to: home.address)
                    }
                }
            } else {
                endpoint.deliver(PresenceStanza(type: "unavailable", from: contact.address), to: home.address)
            }
        }
    }

    /// Presence sent to one address (§4.6).
    public func direct(
        _ stanza: PresenceStanza, isAvailable: Bool, to target: JID, from endpoint: any Endpoint, _ home: UserHome
    ) {
        if home.blocks(target, .presenceOut, at: endpoint) { return }
        if isAvailable { endpoint.directed.insert(target) } else { endpoint.directed.remove(target) }
        // Bounded: a client that addresses ever more strangers has the first ones forgotten.
        if endpoint.directed.count > 1_000, let first = endpoint.directed.first { endpoint.directed.remove(first) }
        sendDirected(stanza, to: target, from: home, source: endpoint)
    }

    private func sendDirected(
        _ stanza: PresenceStanza, to target: JID, from home: UserHome, source: any StanzaSource
    ) {
        if !services.isEmpty, services[target.domain] != nil {
            return tellService(stanza, at: target, source: source)
        }
        guard let contact = homes.loaded(target) else { return }
        if target.isBare {
            for endpoint in contact.endpoints where endpoint.availability != nil {
                if contact.blocks(home.jid, .presenceIn, at: endpoint) { continue }
                endpoint.deliver(stanza, to: contact.address)
            }
        } else if let endpoint = contact.endpoint(address: Array(target.description.utf8)),
            !contact.blocks(home.jid, .presenceIn, at: endpoint)
        {
            endpoint.deliver(stanza, to: endpoint.address)
        }
    }

    /// Whether the contact hears the user's broadcasts.
    public func sharesPresence(_ home: UserHome, with contact: JID) -> Bool {
        contact == home.jid || home.roster[contact]?.subscription.from == true
    }

    // MARK: When a subscription or a block changes

    /// The contact may see the user from now on (§3.1.5).
    func startSharing(_ home: UserHome, with contact: JID) {
        guard let other = homes.loaded(contact) else {
            for endpoint in home.endpoints where !home.blocks(contact, .presenceOut, at: endpoint) {
                if let availability = endpoint.availability { tellService(availability.stanza, at: contact) }
            }
            return
        }
        for endpoint in home.endpoints where !home.blocks(contact, .presenceOut, at: endpoint) {
            if let availability = endpoint.availability {
                deliver(availability.stanza, toAvailableOf: other, from: home)
            }
        }
        if !home.blocks(contact, .all) { sendLastItems(at: home, toClientsOf: other) }
    }

    /// The contact may not see the user any more (§3.2.2).
    func stopSharing(_ home: UserHome, with contact: JID) {
        let other = homes.loaded(contact)
        if other == nil, services.isEmpty { return }
        for endpoint in home.endpoints where endpoint.availability != nil {
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
