import IMCore
import XMLWire
import XMPPWire

/// Stanzas of a client to a service (see `DomainService`): read into a tree, with the client's full address as `from`.
extension C2SSession {
    func toService(
        _ kind: RoutedStanza.Kind, _ jid: JID, _ bytes: UnsafeRawBufferPointer, _ attributes: StanzaAttributes,
        _ number: UInt64?
    ) {
        guard let home, let service = server.router.service(jid.domain) else {
            refuse(kind.rawValue, attributes, bytes, .serviceUnavailable)
            if let number { stanzaIsSafe(number) }
            return
        }
        if home.blocks(jid, kind == .presence ? .presenceOut : .all, at: self) {
            refuse(kind.rawValue, attributes, bytes, .blocked)
            if let number { stanzaIsSafe(number) }
            return
        }
        guard var stanza = routed(kind, jid, bytes, attributes, number) else { return }
        // A component answers when it likes; what it has not taken is bounded there.
        if kind == .iq, !(service is ComponentService) {
            requestOpened()
            stanza.whenSettled = { [weak self] in self?.requestAnswered() }
        }
        if kind == .message { server.router.copySent(stanza.element, by: self, of: home) }
        service.receive(stanza)
    }

    /// To a hosted domain itself, which only brings stanzas to many (XEP-0033 §2.2).
    func toMany(
        _ kind: RoutedStanza.Kind, _ jid: JID, _ bytes: UnsafeRawBufferPointer, _ attributes: StanzaAttributes,
        _ number: UInt64?
    ) {
        guard let stanza = routed(kind, jid, bytes, attributes, number) else { return }
        server.broadcast.receive(stanza)
    }

    /// The stanza as a tree, with its addresses and the language of the stream (RFC 6120 §8.1.5).
    private func routed(
        _ kind: RoutedStanza.Kind, _ jid: JID, _ bytes: UnsafeRawBufferPointer, _ attributes: StanzaAttributes,
        _ number: UInt64?
    ) -> RoutedStanza? {
        guard let home,
            var element = try? XMLElement(
                parsing: bytes, streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: [])
        else {
            refuse(kind.rawValue, attributes, bytes, .serviceUnavailable)
            if let number { stanzaIsSafe(number) }
            return nil
        }
        let from = JID(preparedLocal: home.jid.local, domain: home.jid.domain, resource: resource)
        element["from"] = from.description
        element["to"] = jid.description
        if let language, !attributes.hasLanguage { element["xml:lang"] = language }
        // Rooms show the avatar too (XEP-0398 §4).
        if kind == .presence, attributes.type == nil, let hash = home.photoHash {
            element = VCardUpdate.updated(element, photoHash: hash) ?? element
        }
        if kind == .message { server.router.keepSent(element, by: self, of: home, to: jid) }
        return RoutedStanza(kind: kind, element: element, from: from, to: jid, source: self, ledgerNumber: number)
    }
}

extension C2SServer {
    /// An IQ of a service or a component to a hosted domain or to the bare address of an account, answered for it
    /// (RFC 6121 §8.5.2.1.3).
    func answer(_ stanza: RoutedStanza) {
        guard ["get", "set"].contains(stanza.element["type"]) else { return }
        let elements = stanza.element.elements
        guard let payload = elements.first, elements.count == 1 else {
            return stanza.refuse(.badRequest("a request has exactly one child"))
        }
        guard stanza.to.isBare, let handle = registry.handler(payload, stanza.to.local == nil ? .server : .contact)
        else { return stanza.refuse(.serviceUnavailable) }
        handle(IQRequest(of: stanza, payload: payload, server: self))
    }
}
