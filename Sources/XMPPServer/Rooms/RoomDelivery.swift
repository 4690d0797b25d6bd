import IMCore
import XMLWire
import XMPPWire

/// Brings what a room tells to the clients of its occupants: written once, `to` put in for each.
extension RoomsService {
    func deliver(_ events: [RoomEvent], in room: Room) {
        for event in events {
            switch event {
            case .presence(let presence): deliver(presence, in: room)
            case .message(let message): deliver(message, in: room)
            }
        }
    }

    // MARK: Presence

    private func deliver(_ presence: RoomPresence, in room: Room) {
        // By what a recipient may see; most rooms have one kind of recipient and the occupant itself.
        var written: [Int: PresenceStanza] = [:]
        let from = JID(room.jid, nick: presence.nick)
        let isShared = sharesStatus(presence.jid)
        for recipient in presence.recipients {
            let home = router.homes.loaded(recipient.jid)
            // Everybody sees the own status.
            let isHidden = !recipient.isOwn && !(isShared && home?.isSharing ?? true)
            let kind = (recipient.seesJID ? 1 : 0) + (recipient.isOwn ? 2 : 0) + (isHidden ? 4 : 0)
            let stanza: PresenceStanza
            if let known = written[kind] {
                stanza = known
            } else {
                var shown = presence
                if isHidden {
                    shown.content = UnknownAvailability.hiding(presence.content, isSigned: presence.isAvailable)
                }
                let element = Self.element(shown, in: room, seesJID: recipient.seesJID, isOwn: recipient.isOwn)
                // `to` goes in right behind the name.
                stanza = PresenceStanza(bytes: element.stanzaBytes, gap: "<presence".utf8.count)
                written[kind] = stanza
            }
            guard router.serves(recipient.jid.domain) else {
                if let element = XMLElement(stanza: stanza.addressed(to: recipient.address)) {
                    router.send(element, from: source)
                }
                continue
            }
            guard let home, let endpoint = recipient.jid.resource.flatMap({ home.endpoint(resource: $0) }),
                !home.hasRules || !home.blocks(from, .presenceIn, at: endpoint)
            else { continue }
            endpoint.deliver(stanza, to: recipient.address)
        }
    }

    static func element(_ presence: RoomPresence, in room: Room, seesJID: Bool, isOwn: Bool) -> XMLElement {
        var element = XMLElement(
            "presence", namespace: XMPPNamespace.client,
            attributes: ["from": room.jid.description + "/" + presence.nick])
        if !presence.isAvailable { element["type"] = "unavailable" }
        element.children = presence.content
        var item = XMLElement(
            "item", namespace: RoomNamespace.user,
            attributes: ["affiliation": presence.affiliation.word, "role": presence.role.rawValue])
        if seesJID { item["jid"] = presence.jid.description }
        item["nick"] = presence.nextNick
        if let actor = presence.actor {
            item.add(XMLElement("actor", namespace: RoomNamespace.user, attributes: ["nick": actor]))
        }
        item.addReason(presence.reason)
        var x = XMLElement("x", namespace: RoomNamespace.user)
        x.add(item)
        if let destruction = presence.destruction {
            var destroy = XMLElement("destroy", namespace: RoomNamespace.user)
            destroy["jid"] = destruction.alternate?.description
            destroy.addReason(destruction.reason)
            if let password = destruction.password {
                destroy.add(XMLElement("password", namespace: RoomNamespace.user, children: [.text(password)]))
            }
            x.add(destroy)
        }
        let codes = presence.codes + (isOwn ? [110] + presence.ownCodes : [])
        for code in codes.sorted() {
            x.add(XMLElement("status", namespace: RoomNamespace.user, attributes: ["code": String(code)]))
        }
        element.add(x)
        return element
    }

    // MARK: Messages

    private func deliver(_ message: RoomMessage, in room: Room) {
        guard !message.recipients.isEmpty else { return }
        let template = PresenceStanza(bytes: message.stanza.stanzaBytes, gap: "<message".utf8.count)
        let type = MessageType(rawValue: message.stanza["type"] ?? "normal") ?? .normal
        var traits = MessageTraits(of: message.stanza)
        // What a room announces is of no use in anybody's own history.
        if type == .normal { traits.formUnion([.noPermanentStore, .noCopy]) }
        let from = message.nick.map { JID(room.jid, nick: $0) } ?? room.jid
        var ghosts: [JID] = []
        for recipient in message.recipients {
            let bytes = template.addressed(to: recipient.address)
            guard router.serves(recipient.jid.domain) else {
                if let element = XMLElement(stanza: bytes) { router.send(element, from: source) }
                continue
            }
            guard let home = router.homes.loaded(recipient.jid),
                let endpoint = recipient.jid.resource.flatMap({ home.endpoint(resource: $0) })
            else {
                ghosts.append(recipient.jid)
                continue
            }
            // Who blocks somebody in the room does not leave it.
            guard !home.hasRules || !home.blocks(from, .message, at: endpoint) else { continue }
            router.route(
                IncomingMessage(
                    id: message.id, type: type, traits: traits, bytes: bytes, fullAddress: recipient.address,
                    ledgerNumber: nil, sender: source, senderHome: nil, from: from),
                to: home)
        }
        guard !ghosts.isEmpty, let place = place(room.jid), place.room === room else { return }
        for ghost in ghosts { dropGhost(ghost, of: place) }
    }
}

extension JID {
    /// An occupant's address, of a nickname that is prepared.
    init(_ room: JID, nick: String) {
        self.init(preparedLocal: room.local, domain: room.domain, resource: nick)
    }
}

extension XMLElement {
    mutating func add(_ child: XMLElement) { children.append(.element(child)) }

    mutating func addReason(_ reason: String?) {
        guard let reason, !reason.isEmpty else { return }
        add(XMLElement("reason", namespace: namespace, children: [.text(reason)]))
    }
}
