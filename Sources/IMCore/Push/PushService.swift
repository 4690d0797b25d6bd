import Ground
import XMLWire
import XMPPWire

/// Push notifications (XEP-0357): which clients miss a message, and telling their services. Delivery never waits for it.
extension Router {
    // MARK: Enabling (§5, §6)

    /// Enables a service for a client. The same service and node again replace options and client.
    public func enablePush(
        _ service: JID, node: String, options: [UInt8]?, for endpoint: any Endpoint, _ home: UserHome,
        completion: @escaping (StanzaError?) -> Void
    ) {
        let record = PushRecord(service: service, node: node, resource: endpoint.resource, options: options)
        if let known = home.pushes.first(where: { $0.service == service && $0.node == node }) {
            known.resource = record.resource
            known.options = options
            known.failures = 0
            known.notBefore = 0
        } else {
            guard home.pushes.count < config.push.services else {
                return completion(
                    StanzaError(
                        .cancel, .resourceConstraint, "at most \(config.push.services) push services can be enabled"))
            }
            home.pushes.append(PushRegistration(record))
        }
        clientIsBack(endpoint, home)
        let userID = home.id
        persist(home) {
            try PushStore.save(record, of: userID, in: $0)
        } then: { error in
            completion(error == nil ? nil : StanzaError(.wait, .internalServerError))
        }
    }

    /// Disables one node of a service, or all of them.
    public func disablePush(
        _ service: JID, node: String?, _ home: UserHome, completion: @escaping (StanzaError?) -> Void
    ) {
        let gone = home.pushes.filter { $0.service == service && (node == nil || $0.node == node) }
        home.pushes.removeAll { registration in gone.contains { $0 === registration } }
        guard !gone.isEmpty else { return completion(nil) }
        let (userID, nodes) = (home.id, gone.map(\.node))
        persist(home) {
            for node in nodes { try PushStore.remove(service, node, of: userID, in: $0) }
        } then: { error in
            completion(error == nil ? nil : StanzaError(.wait, .internalServerError))
        }
    }

    // MARK: What is missed

    /// A message was routed to the user: services of clients that do not get it now are told.
    func notifyAbsent(_ message: IncomingMessage, _ home: UserHome) {
        guard message.type != .error, message.type != .headline, isWorthPushing(message) else { return }
        let forAll = message.type == .chat || message.type == .normal
        let isShared = message.fullAddress == nil || MessagePolicy.isCopied(type: message.type, traits: message.traits)
        for push in home.pushes {
            let client = home.endpoint(resource: push.resource)
            if let client, !client.isHibernating, !isQuiet(client, home) { continue }
            let isAddressed = client != nil && client?.address == message.fullAddress
            guard isAddressed || (forAll && isShared) else { continue }
            missed(message.bytes, 1, push, home)
        }
    }

    private func isWorthPushing(_ message: IncomingMessage) -> Bool {
        if message.traits.contains(.body) { return true }
        // Calls (XEP-0353) and messages that only their recipient can read (XEP-0380).
        return message.bytes.withUnsafeBytes {
            (ByteCompare.contains($0, "urn:xmpp:jingle-message:") && ByteCompare.contains($0, "<propose"))
                || ByteCompare.contains($0, "urn:xmpp:eme:0")
        }
    }

    /// A client is gone and may not have what it was sent last.
    func notifyAbsent(_ resource: String, of entries: [JournalEntry], _ home: UserHome) {
        let lost = entries.filter { entry in
            !entry.isSettled && entry.bytes.withUnsafeBytes { ByteCompare.contains($0, "<body") }
        }
        guard let last = lost.last else { return }
        // Who has missed something already knows, and a session that is lost ends a second time when it is given up.
        for push in home.pushes where push.resource == resource && push.missed == 0 {
            missed(last.bytes, lost.count, push, home)
        }
    }

    private func missed(_ stanza: [UInt8], _ count: Int, _ push: PushRegistration, _ home: UserHome) {
        push.missed += count
        push.last = stanza
        push.hasNews = true
        if time.uptime >= push.notBefore, !push.isAsking {
            publish(push, home)
        } else if !push.isWaiting {
            push.isWaiting = true
            waitingPushes.append((push, home))
        }
    }

    /// The client is there again: what it missed it gets now.
    public func clientIsBack(_ endpoint: any Endpoint, _ home: UserHome) {
        for push in home.pushes where push.resource == endpoint.resource {
            push.missed = 0
            push.last = []
            push.hasNews = false
        }
    }

    // MARK: Publishing (§7)

    /// Once a second.
    func sendWaitingPushes() {
        let waiting = waitingPushes
        waitingPushes = []
        for (push, home) in waiting {
            let isEnabled = !home.isRemoved && home.pushes.contains { $0 === push }
            guard push.hasNews, isEnabled else {
                push.isWaiting = false
                continue
            }
            if push.isAsking || time.uptime < push.notBefore {
                waitingPushes.append((push, home))
            } else {
                push.isWaiting = false
                publish(push, home)
            }
        }
    }

    private func publish(_ push: PushRegistration, _ home: UserHome) {
        push.hasNews = false
        push.isAsking = true
        push.notBefore = time.uptime + config.push.interval
        inquire(notification(push, home), type: "set", from: home, of: push.service) { [self] answer in
            push.isAsking = false
            if answer?["type"] == "result" {
                push.failures = 0
                return
            }
            let condition = answer?.child("error", namespace: StanzaNamespace.client)?.elements
                .first { $0.namespace == StanzaNamespace.errors && $0.name != "text" }?.name
            if push.failed(condition, interval: config.push.interval, uptime: time.uptime) {
                logger.info(
                    "push service disabled",
                    metadata: ["service": "\(push.service)", "condition": "\(condition ?? "no answer")"])
                let isSame = home.pushes.contains { $0 === push }
                if isSame { disablePush(push.service, node: push.node, home) { _ in } }
            } else if push.missed > 0, !push.isWaiting {
                // Still not told.
                push.hasNews = true
                push.isWaiting = true
                waitingPushes.append((push, home))
            }
        }
    }

    private func notification(_ push: PushRegistration, _ home: UserHome) -> XMLElement {
        var fields = [
            FormField("message-count", value: String(max(push.missed, home.storedMessages)))
        ]
        if config.push.namesSender || config.push.carriesBody {
            let last = push.last.withUnsafeBytes {
                try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
            }
            if config.push.namesSender, let from = last?["from"] {
                fields.append(FormField("last-message-sender", value: from))
            }
            if config.push.carriesBody, let body = last?.child("body", namespace: StanzaNamespace.client)?.text {
                fields.append(FormField("last-message-body", value: String(body.prefix(1_024))))
            }
        }
        let summary = DataForm(.submit, type: "urn:xmpp:push:summary", fields: fields)
        let pubsub = "http://jabber.org/protocol/pubsub"
        let item = XMLElement(
            "item", namespace: pubsub,
            children: [
                .element(
                    XMLElement("notification", namespace: "urn:xmpp:push:0", children: [.element(summary.element)]))
            ])
        var publish = XMLElement("publish", namespace: pubsub, children: [.element(item)])
        if !push.node.isEmpty { publish["node"] = push.node }
        var payload = XMLElement("pubsub", namespace: pubsub, children: [.element(publish)])
        let options = push.options?.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: "", streamPrefixes: [])
        }
        if let options {
            payload.children.append(
                .element(XMLElement("publish-options", namespace: pubsub, children: [.element(options)])))
        }
        return payload
    }
}
