import XMPPWire

/// Presence sent to one address (RFC 6121 §4.6).
extension Router {
    public func direct(
        _ stanza: PresenceStanza, isAvailable: Bool, to target: JID, from endpoint: any Endpoint, _ home: UserHome
    ) {
        if home.blocks(target, .presenceOut, at: endpoint) { return }
        guard let shown = isAvailable ? directable(stanza, to: target, home) : stanza else { return }
        let wasTold = isAvailable || endpoint.directed.remove(target) != nil
        if isAvailable { endpoint.directed.insert(target) }
        // Who never saw the user is not told that the user is gone.
        if !wasTold, directable(stanza, to: target, home) == nil { return }
        // Bounded: a client that addresses ever more strangers has the first ones forgotten.
        if endpoint.directed.count > 1_000, let first = endpoint.directed.first { endpoint.directed.remove(first) }
        sendDirected(shown, to: target, from: home, source: endpoint)
    }

    /// The presence as an address may see it. Of a user who does not share availability, chat rooms hide the status
    /// themselves, one at a component gets presence without status, everybody else nothing.
    private func directable(_ stanza: PresenceStanza, to target: JID, _ home: UserHome) -> PresenceStanza? {
        if target.bare == home.jid { return stanza }
        if home.isSharing { return homes.loaded(target)?.isSharing ?? true ? stanza : nil }
        guard hasServices, let service = service(target.domain) else { return nil }
        if service.hidesStatus { return stanza }
        return Self.mayBeOccupant(target) ? UnknownAvailability.hiding(stanza) : nil
    }

    /// Whether presence to an address of a component can be that of somebody in a chat room there.
    static func mayBeOccupant(_ address: JID) -> Bool { address.local != nil && address.resource != nil }

    func sendDirected(
        _ stanza: PresenceStanza, to target: JID, from home: UserHome, source: any StanzaSource
    ) {
        if hasServices, service(target.domain) != nil {
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
}
