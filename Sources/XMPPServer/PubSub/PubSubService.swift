import IMCore
import XMLWire
import XMPPWire

/// A pubsub service with a domain of its own, such as `pubsub.example.com` (XEP-0060). Its nodes belong to the
/// accounts that create them.
final class PubSubService: DomainService {
    let domain: String
    let title = "Publish-Subscribe"
    private unowned let server: C2SServer
    private let address: PubSubAddress

    /// Local part of the domain's name.
    static let subdomain = "pubsub"
    private static let identity = Discovery.Identity(category: "pubsub", type: "service", name: "Publish-Subscribe")
    private static let ping = "urn:xmpp:ping"
    private lazy var pending = PendingRequests(service: address, server: server)
    private static let information = "http://jabber.org/protocol/disco#info"
    private static let items = "http://jabber.org/protocol/disco#items"

    init(domain: String, server: C2SServer) {
        self.domain = domain
        self.server = server
        address = PubSubAddress(jid: JID(preparedLocal: nil, domain: domain, resource: nil), userID: nil)
    }

    func receive(_ stanza: RoutedStanza) {
        switch stanza.kind {
        case .iq: receiveIQ(stanza)
        case .message: receiveMessage(stanza)
        case .presence: stanza.settle()
        }
    }

    private func receiveIQ(_ stanza: RoutedStanza) {
        let type = stanza.element["type"]
        guard type == "get" || type == "set" else { return stanza.settle() }
        guard stanza.to.local == nil, stanza.to.isBare, let payload = stanza.element.firstElement else {
            stanza.refuse(.serviceUnavailable)
            return stanza.settle()
        }
        let isSet = type == "set"
        let node = payload["node"]
        if pending.receive(payload, isSet: isSet, stanza) { return }
        switch (payload.namespace, payload.name) {
        case (PubSubNamespace.pubsub, "pubsub"), (PubSubNamespace.owner, "pubsub"):
            run(stanza) { try PubSubRequests.run(payload, isSet: isSet, &$0) }
        case (Self.information, "query") where !isSet:
            if let node, !node.isEmpty {
                run(stanza) { try PubSubDiscovery.nodeInformation(node, isPersonal: false, $0) }
            } else {
                let features =
                    [Self.information, Self.items, Self.ping, CommandEngine.namespace, DataForm.namespace]
                    + PubSubDiscovery.features(isPersonal: false)
                stanza.replyAndSettle(Discovery.information(Self.identity, features, node: nil))
            }
        case (Self.items, "query") where !isSet:
            run(stanza) { try PubSubDiscovery.items(node, payload, $0) }
        case (Self.ping, "ping") where !isSet: stanza.replyAndSettle("")
        default:
            stanza.refuse(.serviceUnavailable)
            stanza.settle()
        }
    }

    /// The answer of an owner to a request for subscription (§8.6.2).
    private func receiveMessage(_ stanza: RoutedStanza) {
        guard let form = DataForm(in: stanza.element), form.formType == PubSubNamespace.subscribeAuthorization else {
            if stanza.element["type"] != "headline" { stanza.refuse(.serviceUnavailable) }
            return stanza.settle()
        }
        server.router.pubsub(address, requester(stanza)) {
            try $0.answerRequest(form)
            return ""
        } then: { result in
            if case .failure(let error) = result { stanza.refuse(error) }
            stanza.settle()
        }
    }

    private func requester(_ stanza: RoutedStanza) -> PubSubRequester {
        var requester = PubSubRequester(stanza.from)
        requester.mayCreateNodes = server.router.serves(stanza.from.domain)
        return requester
    }

    private func run(_ stanza: RoutedStanza, _ body: @escaping @Sendable (inout PubSubEngine) throws -> String) {
        server.router.pubsub(address, requester(stanza), body) { result in
            switch result {
            case .success(let content): stanza.replyAndSettle(content)
            case .failure(let error): stanza.refuseAndSettle(error)
            }
        }
    }
}
