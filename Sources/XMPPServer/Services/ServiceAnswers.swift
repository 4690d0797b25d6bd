import IMCore
import XMLWire
import XMPPWire

/// What every service of the server answers alike: service discovery (XEP-0030), ping (XEP-0199), and refusals.
struct ServiceAnswers {
    var identity: Discovery.Identity
    /// Besides those of discovery and ping.
    var features: [String]
    /// Facts beyond features (XEP-0128).
    var forms: [DataForm] = []

    private static let information = "http://jabber.org/protocol/disco#info"
    private static let items = "http://jabber.org/protocol/disco#items"
    private static let ping = "urn:xmpp:ping"

    /// The payload of a request that is the service's own affair; everything else is answered here and settled.
    func request(in stanza: RoutedStanza) -> (payload: XMLElement, isSet: Bool)? {
        let type = stanza.element["type"] ?? ""
        guard stanza.kind == .iq, type == "get" || type == "set" else {
            if stanza.kind == .message { stanza.refuse(.serviceUnavailable) }
            stanza.settle()
            return nil
        }
        guard stanza.to.local == nil, stanza.to.isBare else { return finish(stanza, .serviceUnavailable) }
        let elements = stanza.element.elements
        guard elements.count == 1, let payload = elements.first else {
            return finish(stanza, .badRequest("a request has exactly one child"))
        }
        switch (payload.name, payload.namespace) {
        case ("query", Self.information), ("query", Self.items):
            guard type == "get" else { return finish(stanza, .badRequest("discovery is asked with get")) }
            guard (payload["node"] ?? "").isEmpty else { return finish(stanza, .itemNotFound) }
            stanza.reply([payload.namespace == Self.information ? description : empty])
        case ("ping", Self.ping):
            guard type == "get" else { return finish(stanza, .badRequest("a ping is a get")) }
            stanza.reply()
        default: return (payload, type == "set")
        }
        stanza.settle()
        return nil
    }

    private var empty: XMLElement { XMLElement("query", namespace: Self.items) }

    private var description: XMLElement {
        var query = XMLElement("query", namespace: Self.information)
        query.children.append(
            .element(
                XMLElement(
                    "identity", namespace: Self.information,
                    attributes: ["category": identity.category, "type": identity.type, "name": identity.name])))
        for feature in (features + [Self.information, Self.items, Self.ping]).sorted() {
            query.children.append(
                .element(XMLElement("feature", namespace: Self.information, attributes: ["var": feature])))
        }
        for form in forms { query.children.append(.element(form.element)) }
        return query
    }

    private func finish(_ stanza: RoutedStanza, _ error: StanzaError) -> (payload: XMLElement, isSet: Bool)? {
        stanza.refuse(error)
        stanza.settle()
        return nil
    }
}

extension ServiceAccess {
    /// Whether an account of the server may use the service.
    func allows(_ home: UserHome?) -> Bool {
        guard let home else { return false }
        switch self {
        case .users: return true
        case .administrators: return home.account.isAdmin
        case .off: return false
        }
    }
}

extension DomainService {
    func refuse(_ stanza: RoutedStanza, _ error: StanzaError) { stanza.refuseAndSettle(error) }
}

extension RoutedStanza {
    func refuseAndSettle(_ error: StanzaError) {
        refuse(error)
        settle()
    }

    /// Answers an IQ to a service with a serialised result, in the name of the service's domain.
    func replyAndSettle(_ content: String) {
        var head = "<iq type='result' from='\(XMLText.escape(to.domain))'"
        head += " to='\(XMLText.escape(from.description))'"
        if let id = element["id"] { head += " id='\(XMLText.escape(id))'" }
        source.deliver(Array((content.isEmpty ? head + "/>" : head + ">" + content + "</iq>").utf8))
        settle()
    }
}
