import Ground
import XMLWire
import XMPPWire

/// Stanzas from services and components (RFC 6120 §10): to users, and to each other.
extension Router {
    /// Adds a service; false when its domain is taken.
    @discardableResult
    public func add(_ service: any DomainService) -> Bool {
        guard !serves(service.domain), services[service.domain] == nil else { return false }
        services[service.domain] = service
        return true
    }

    public func remove(_ service: any DomainService) {
        if services[service.domain] === service { services[service.domain] = nil }
    }

    public func service(_ domain: String) -> (any DomainService)? {
        if let service = services[domain] { return service }
        guard let outside, !serves(domain) else { return nil }
        return outside(domain)
    }

    /// Whether any domain may be answered by a service.
    var hasServices: Bool { !services.isEmpty || outside != nil }

    /// Services that discovery shows with a hosted domain: those below it.
    public func services(below domain: String) -> [any DomainService] {
        services.values.filter { $0.domain.hasSuffix("." + domain) }.sorted { $0.domain < $1.domain }
    }

    /// Routes a stanza of a service. `from` and `to` must be in it; what cannot be delivered is answered to `source`.
    ///
    /// - Parameters:
    ///   - number: of the source's ledger; told through `stanzaIsSafe` once nothing can be lost.
    ///   - senderHome: whose message it is, when a service brings that of a user.
    public func send(
        _ element: XMLElement, from source: any StanzaSource, number: UInt64? = nil, of senderHome: UserHome? = nil
    ) {
        guard let kind = RoutedStanza.Kind(rawValue: element.name),
            let from = element["from"].flatMap({ try? JID(parsing: $0) })
        else {
            if let number { source.stanzaIsSafe(number) }
            return
        }
        guard let text = element["to"], let to = try? JID(parsing: text) else {
            let stanza = RoutedStanza(
                kind: kind, element: element, from: from, to: from, source: source, ledgerNumber: number)
            stanza.refuse(.jidMalformed())
            return stanza.settle()
        }
        let stanza = RoutedStanza(
            kind: kind, element: element, from: from, to: to, source: source, ledgerNumber: number)
        if let service = service(to.domain) { return service.receive(stanza) }
        guard serves(to.domain) else {
            stanza.refuse(StanzaError(.cancel, .remoteServerNotFound))
            return stanza.settle()
        }
        switch kind {
        case .message: sendMessage(stanza, number, senderHome)
        case .presence: receivePresence(stanza)
        case .iq: sendIQ(stanza)
        }
    }

    private func sendMessage(_ stanza: RoutedStanza, _ number: UInt64?, _ senderHome: UserHome?) {
        guard stanza.to.local != nil else {
            stanza.refuse(.serviceUnavailable)
            return stanza.settle()
        }
        let id = journal.nextID()
        let type = MessageType(rawValue: stanza.element["type"] ?? "normal") ?? .normal
        var element = stanza.element
        element["to"] = stanza.to.description
        // What a service says itself is the service's affair.
        if config.stripsXHTML, senderHome != nil {
            element.children.removeAll {
                guard case .element(let child) = $0 else { return false }
                return child.name == "html" && child.namespace == "\(MessageTraits.xhtmlNamespace)"
            }
        }
        let traits = MessageTraits(of: element)
        if type == .chat || type == .normal {
            // The server's id is the only one of that address (XEP-0359 §4).
            let owner = stanza.to.bare.description
            element.children.removeAll {
                guard case .element(let child) = $0 else { return false }
                return child.name == "stanza-id" && child.namespace == "urn:xmpp:sid:0" && child["by"] == owner
            }
            if isIdentified(type, traits) {
                let name = String(decoding: journal.names.name(of: id), as: UTF8.self)
                element.children.append(
                    .element(
                        XMLElement("stanza-id", namespace: "urn:xmpp:sid:0", attributes: ["id": name, "by": owner])))
            }
        }
        var message = IncomingMessage(
            id: id, type: type, traits: traits, bytes: element.stanzaBytes,
            fullAddress: stanza.to.isBare ? nil : Array(stanza.to.description.utf8), ledgerNumber: number,
            sender: stanza.source, senderHome: senderHome, from: stanza.from)
        if let name = element["id"] { message.nameHash = MessageTrail.hash(name.utf8) }
        route(message, to: stanza.to.bare)
    }

    /// A user's message to a service, for the user's other clients (XEP-0280 §7).
    public func copySent(_ message: XMLElement, by sender: any StanzaSource, of home: UserHome) {
        guard home.endpoints.contains(where: { $0.wantsCarbons && $0.address != sender.address }) else { return }
        copySent(
            message.stanzaBytes, MessageType(rawValue: message["type"] ?? "normal") ?? .normal,
            MessageTraits(of: message), by: sender, of: home)
    }

    private func sendIQ(_ stanza: RoutedStanza) {
        defer { stanza.settle() }
        let isAnswer = ["result", "error"].contains(stanza.element["type"])
        if isAnswer, stanza.to.isBare { return inquiries.answered(stanza.element, by: stanza.from) }
        guard stanza.to.local != nil, !stanza.to.isBare else {
            guard let answerIQ else { return stanza.refuse(.serviceUnavailable) }
            return answerIQ(stanza)
        }
        guard let home = homes.loaded(stanza.to),
            let endpoint = home.endpoint(address: Array(stanza.to.description.utf8)),
            !home.blocks(stanza.from, .iq, at: endpoint)
        else { return stanza.refuse(.serviceUnavailable) }
        endpoint.deliver(stanza.element.stanzaBytes)
    }
}

extension MessageTraits {
    /// The traits of a message that is there as a tree; the same rules as for bytes.
    public init(of message: XMLElement) {
        self = []
        for child in message.elements {
            switch (child.namespace, child.name) {
            case (StanzaNamespace.client, "body"): formUnion([.body, .substance, .lasting])
            case (StanzaNamespace.client, "thread"), ("urn:xmpp:sid:0", _): break
            case ("http://jabber.org/protocol/chatstates", _): insert(.chatState)
            case ("urn:xmpp:hints", "no-copy"): insert(.noCopy)
            case ("urn:xmpp:hints", "no-store"): insert(.noStore)
            case ("urn:xmpp:hints", "no-permanent-store"): insert(.noPermanentStore)
            case ("urn:xmpp:hints", "store"): insert(.store)
            case ("urn:xmpp:hints", _): break
            case ("urn:xmpp:carbons:2", "private"): insert(.noCopy)
            case ("urn:xmpp:carbons:2", _): insert(.isCarbon)
            case ("urn:xmpp:receipts", _), ("urn:xmpp:chat-markers:0", _):
                formUnion([.receipt, .substance, .lasting])
            case ("urn:xmpp:message-retract:1", "retract"): formUnion([.substance, .lasting, .retraction])
            case ("jabber:x:data", _): formUnion([.substance, .lasting, .form])
            case ("urn:xmpp:jingle-message:0", _): formUnion([.substance, .lasting, .call])
            default:
                insert(.substance)
                if !Self.transientNamespaces.contains(where: { "\($0)" == child.namespace }) { insert(.lasting) }
            }
        }
    }
}
