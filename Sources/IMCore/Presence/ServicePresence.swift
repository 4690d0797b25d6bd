import XMLWire
import XMPPWire

/// Presence between users of ours and addresses of services and components (RFC 6121 §3, §4).
extension Router {
    /// A user's presence to a service; nothing happens where there is none.
    ///
    /// - Parameter source: hears of errors. Nobody does where the user did not name the address in the stanza.
    func tellService(_ stanza: PresenceStanza, at target: JID, source: any StanzaSource = SilentSource.shared) {
        guard let service = service(target.domain) else { return }
        deliver(stanza.addressed(to: Array(target.description.utf8)), to: service, at: target, source: source)
    }

    /// §4.3.1: from the bare address of the user to that of the contact.
    func probeService(_ contact: JID, for home: UserHome) {
        guard home.isSharing, !home.blocks(contact, .all) else { return }
        tellService(PresenceStanza(type: "probe", from: home.address), at: contact)
    }

    private func deliver(
        _ bytes: [UInt8], to service: any DomainService, at target: JID, source: any StanzaSource
    ) {
        let read = bytes.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
        }
        guard let element = read, let from = element["from"].flatMap({ try? JID(parsing: $0) }) else { return }
        service.receive(RoutedStanza(kind: .presence, element: element, from: from, to: target, source: source))
    }

    /// A subscription stanza of a user to an address of a service; false when there is no such service.
    func passOn(_ stanza: [UInt8], toServiceAt contact: JID) -> Bool {
        guard let service = service(contact.domain) else { return false }
        deliver(stanza, to: service, at: contact, source: SilentSource.shared)
        return true
    }

    // MARK: From a service

    /// Presence of a service for a user or for all of a user's clients.
    func receivePresence(_ stanza: RoutedStanza) {
        let type = stanza.element["type"] ?? ""
        guard stanza.to.local != nil else { return stanza.settle() }
        if let kind = SubscriptionMachine.Stanza(rawValue: type) { return receiveSubscription(kind, stanza) }
        switch type {
        case "probe": answerProbe(stanza)
        case "", "unavailable", "error":
            if let home = homes.loaded(stanza.to), let shown = shown(stanza, type, to: home) {
                let bytes = shown.stanzaBytes
                let addressed = Array(stanza.to.description.utf8)
                for endpoint in home.endpoints
                where stanza.to.isBare ? endpoint.availability != nil : endpoint.address == addressed {
                    if !home.blocks(stanza.from, .presenceIn, at: endpoint) { endpoint.deliver(bytes) }
                }
            }
            stanza.settle()
        default:
            stanza.refuse(.badRequest("unknown presence type"))
            stanza.settle()
        }
    }

    /// The presence as the user may see it; nil for none. To whoever does not share availability, nobody from outside is
    /// there but the other people in chat rooms, without status.
    private func shown(_ stanza: RoutedStanza, _ type: String, to home: UserHome) -> XMLElement? {
        guard type.isEmpty, !home.isSharing else { return stanza.element }
        let room = stanza.element.child("x", namespace: "http://jabber.org/protocol/muc#user")
        guard let room, Self.mayBeOccupant(stanza.from) else { return nil }
        // One's own (XEP-0045 §7.2.2) is known anyway.
        if room.elements.contains(where: { $0.name == "status" && $0["code"] == "110" }) { return stanza.element }
        var element = stanza.element
        element.children = UnknownAvailability.hiding(element.children)
        return element
    }

    private func receiveSubscription(_ kind: SubscriptionMachine.Stanza, _ stanza: RoutedStanza) {
        // §3.1.2: between bare addresses.
        var element = stanza.element
        element["from"] = stanza.from.bare.description
        element["to"] = stanza.to.bare.description
        homes.withHome(stanza.to) { [self] home in
            guard let home else { return stanza.settle() }
            if kind == .subscribe {
                let decision = requestDecision(from: stanza.from, at: home)
                if decision.verdict == .refuse { stanza.refuse(.full(home.jid, decision.reason)) }
            }
            receiveSubscription(kind, from: stanza.from.bare, at: home, stanza: element.stanzaBytes) { stanza.settle() }
        }
    }

    /// §4.3.2: who may not see the user is told `unsubscribed`, as for an account that does not exist.
    private func answerProbe(_ stanza: RoutedStanza) {
        let asker = Array(stanza.from.description.utf8)
        let bare = Array(stanza.to.bare.description.utf8)
        homes.withHome(stanza.to) { [self] home in
            defer { stanza.settle() }
            if let home, home.blocks(stanza.from, .presenceOut) { return }
            guard let home, case let relation = presenceRelation(of: home, for: stanza.from), relation.entitles else {
                return stanza.source.deliver(PresenceStanza(type: "unsubscribed", from: bare).addressed(to: asker))
            }
            let shown = home.endpoints.compactMap { endpoint in
                PresencePolicy.decide(relation, of: home, at: endpoint, toOutside: stanza.from).isVisible
                    ? endpoint.availability?.shown : nil
            }
            if shown.isEmpty {
                stanza.source.deliver(PresenceStanza(type: "unavailable", from: bare).addressed(to: asker))
            }
            for presence in shown { stanza.source.deliver(presence.addressed(to: asker)) }
        }
    }
}
