import IMCore
import XMLWire
import XMPPWire

/// IQs to the service, to rooms and to occupants.
extension RoomsService {
    static let information = "http://jabber.org/protocol/disco#info"
    static let items = "http://jabber.org/protocol/disco#items"
    static let ping = "urn:xmpp:ping"

    func receiveRequest(_ stanza: RoutedStanza) {
        let type = stanza.element["type"] ?? ""
        guard type == "get" || type == "set" else {
            if stanza.to.resource != nil { relay.answered(stanza.element, by: stanza.from) }
            return stanza.settle()
        }
        let elements = stanza.element.elements
        guard elements.count == 1, let payload = elements.first else {
            return refuse(stanza, .badRequest("a request has exactly one child"))
        }
        attempt(stanza) { () throws(StanzaError) in
            guard stanza.to.local != nil else {
                guard stanza.to.isBare else { throw .serviceUnavailable }
                return try answerForService(stanza, payload, isSet: type == "set")
            }
            if let nick = stanza.to.resource {
                try passOn(stanza, payload, to: nick)
            } else {
                guard let place = place(stanza.to) else {
                    throw StanzaError(.cancel, .itemNotFound, "there is no such room")
                }
                try answer(stanza, payload, isSet: type == "set", for: place)
            }
        }
    }

    func reply(_ stanza: RoutedStanza, _ content: [XMLElement] = []) {
        stanza.reply(content)
        stanza.settle()
    }

    private func answerForService(
        _ stanza: RoutedStanza, _ payload: XMLElement, isSet: Bool
    ) throws(StanzaError) {
        switch (payload.name, payload.namespace) {
        case ("query", Self.information) where !isSet:
            guard (payload["node"] ?? "").isEmpty else { throw .itemNotFound }
            reply(stanza, [RoomDiscovery.service])
        case ("query", Self.items) where !isSet:
            guard (payload["node"] ?? "").isEmpty else { throw .itemNotFound }
            reply(stanza, [try RoomDiscovery.rooms(places.values.map(\.room), payload)])
        case ("ping", Self.ping) where !isSet: reply(stanza)
        case (_, "jabber:iq:register"): throw StanzaError(.cancel, .featureNotImplemented)
        default: throw .serviceUnavailable
        }
    }

    private func answer(
        _ stanza: RoutedStanza, _ payload: XMLElement, isSet: Bool, for place: Place
    ) throws(StanzaError) {
        let room = place.room
        switch (payload.name, payload.namespace) {
        case ("query", Self.information) where !isSet:
            guard !room.isLocked || room.affiliation(of: stanza.from) == .owner else { throw .itemNotFound }
            reply(stanza, [try RoomDiscovery.information(room, payload["node"] ?? "", stanza.from)])
        case ("query", Self.items) where !isSet:
            guard (payload["node"] ?? "").isEmpty else { throw .itemNotFound }
            reply(stanza, [try RoomDiscovery.occupants(room, payload, stanza.from)])
        case ("ping", Self.ping) where !isSet:
            guard room.occupant(stanza.from) != nil || room.configuration.isPublic else {
                throw StanzaError(.cancel, .notAcceptable, "you are not in this room")
            }
            reply(stanza)
        case ("query", RoomNamespace.admin):
            if isSet { try administer(stanza, payload, place) } else { try list(stanza, payload, room) }
        case ("query", RoomNamespace.owner):
            if isSet { try own(stanza, payload, place) } else { try showConfiguration(stanza, room) }
        case ("moderate", Room.moderation) where isSet:
            // Only messages are taken back, nothing else is moderated.
            guard let name = payload["id"], payload.child("retract", namespace: "urn:xmpp:message-retract:1") != nil
            else { throw .badRequest("which message is to be taken back?") }
            let events = try room.moderate(
                name, by: stanza.from, reason: payload.child("reason", namespace: Room.moderation),
                id: router.journal.nextID())
            finish(stanza, events, [], place)
        case (_, "jabber:iq:register"):
            throw StanzaError(.cancel, .featureNotImplemented, "owners and admins make members")
        default: throw .serviceUnavailable
        }
    }

    /// To one occupant, or to oneself: the latter is how clients find out whether they are still there (XEP-0410).
    private func passOn(_ stanza: RoutedStanza, _ payload: XMLElement, to nick: String) throws(StanzaError) {
        let isDiscovery = payload.namespace == Self.information || payload.namespace == Self.items
        guard let room = place(stanza.to)?.room, let asker = room.occupant(stanza.from) else {
            // §6.6 for discovery, XEP-0410 §3.2 for everything else.
            throw isDiscovery
                ? .badRequest("only occupants ask occupants")
                : StanzaError(.cancel, .notAcceptable, "you are not in this room")
        }
        guard let target = room.occupant(nick: nick) else {
            throw StanzaError(.cancel, .itemNotFound, "nobody in the room has that nickname")
        }
        if target === asker, payload.name == "ping", payload.namespace == Self.ping { return reply(stanza) }
        relay.pass(on: stanza, from: asker, to: target, payload: payload)
    }

    // MARK: Administration (§8, §9)

    private func list(_ stanza: RoutedStanza, _ payload: XMLElement, _ room: Room) throws(StanzaError) {
        let asked = try RoomItem.items(in: payload, room: room.jid)
        guard asked.count == 1, let item = asked.first else {
            throw .badRequest("a list is of one role or one affiliation")
        }
        let found: [RoomItem]
        if let affiliation = item.affiliation {
            found = try room.list(affiliation, by: stanza.from)
        } else if let role = item.role {
            found = try room.list(role, by: stanza.from)
        } else {
            throw .badRequest("a list is of one role or one affiliation")
        }
        var query = XMLElement("query", namespace: RoomNamespace.admin)
        for item in found { query.add(item.element) }
        reply(stanza, [query])
    }

    private func administer(
        _ stanza: RoutedStanza, _ payload: XMLElement, _ place: Place
    ) throws(StanzaError) {
        let items = try RoomItem.items(in: payload, room: place.room.jid)
        guard !items.isEmpty else { throw .badRequest("nothing is to be changed") }
        let (events, absent) = try place.room.administer(
            items, by: stanza.from, id: { router.journal.nextID() })
        finish(stanza, events, absent, place)
    }

    /// Tells the room, then whoever asked, then those that were not there (status code 101).
    private func finish(_ stanza: RoutedStanza, _ events: [RoomEvent], _ absent: [RoomItem], _ place: Place) {
        tell(events, in: place) { [self] error in
            guard error == nil else { return refuse(stanza, StanzaError(.wait, .internalServerError)) }
            reply(stanza)
            for item in absent { tellAbsent(item, place.room) }
        }
    }

    private func tellAbsent(_ item: RoomItem, _ room: Room) {
        guard let jid = item.jid, jid.local != nil, router.serves(jid.domain) else { return }
        var message = XMLElement(
            "message", namespace: XMPPNamespace.client,
            attributes: ["from": room.jid.description, "to": jid.description])
        var x = XMLElement("x", namespace: RoomNamespace.user)
        var child = XMLElement(
            "item", namespace: RoomNamespace.user,
            attributes: [
                "affiliation": (item.affiliation ?? RoomAffiliation.none).word, "jid": jid.description, "role": "none",
            ])
        child.addReason(item.reason)
        x.add(child)
        x.add(XMLElement("status", namespace: RoomNamespace.user, attributes: ["code": "101"]))
        message.add(x)
        // News for who is there; nobody's mailbox fills up with it.
        message.add(XMLElement("no-store", namespace: "urn:xmpp:hints"))
        router.send(message, from: SilentRoomSource.shared)
    }

    // MARK: Ownership (§10)

    private func showConfiguration(_ stanza: RoutedStanza, _ room: Room) throws(StanzaError) {
        let form = try room.configurationForm(by: stanza.from)
        reply(stanza, [XMLElement("query", namespace: RoomNamespace.owner, children: [.element(form.element)])])
    }

    private func own(_ stanza: RoutedStanza, _ payload: XMLElement, _ place: Place) throws(StanzaError) {
        if let destroy = payload.child("destroy", namespace: RoomNamespace.owner) {
            let text = { (name: String) in destroy.child(name, namespace: RoomNamespace.owner)?.text }
            var alternate: JID?
            if let named = destroy["jid"], !named.isEmpty {
                guard let jid = try? JID(parsing: named) else { throw .jidMalformed("no such address: \(named)") }
                alternate = jid
            }
            let events = try place.room.destroy(
                .init(alternate: alternate, password: text("password"), reason: text("reason")), by: stanza.from)
            return end(place, events, stanza)
        }
        guard let form = DataForm(in: payload) else { throw .badRequest("a form, or destroy, is expected") }
        switch form.kind {
        case .cancel:
            // §10.1.3: a room that was never opened does not stay.
            guard place.room.isLocked else { return reply(stanza) }
            end(place, try place.room.destroy(.init(), by: stanza.from), stanza)
        case .submit:
            let isInstant = form.fields.allSatisfy { $0.name == DataForm.formTypeField }
            if isInstant {
                try place.room.open(by: stanza.from)
                return finish(stanza, [], [], place)
            }
            let (events, absent) = try place.room.configure(
                form, by: stanza.from, mayPersist: mayPersistMore, id: { router.journal.nextID() })
            finish(stanza, events, absent, place)
        case .form, .result: throw .badRequest("the form is not of type submit")
        }
    }

    private func end(_ place: Place, _ events: [RoomEvent], _ stanza: RoutedStanza) {
        forget(place, events) { [self] error in
            guard error == nil else { return refuse(stanza, StanzaError(.wait, .internalServerError)) }
            reply(stanza)
        }
    }
}

/// Sends what nobody needs to hear errors of.
private final class SilentRoomSource: StanzaSource, Sendable {
    static let shared = SilentRoomSource()

    let address: [UInt8] = []
    var resource: String { "" }
    func deliver(_ bytes: [UInt8]) {}
    func stanzaIsSafe(_ number: UInt64) {}
}

extension RoomItem {
    /// The items of a `muc#admin` query.
    static func items(in query: XMLElement, room: JID) throws(StanzaError) -> [RoomItem] {
        var items: [RoomItem] = []
        for child in query.elements where child.name == "item" && child.namespace == RoomNamespace.admin {
            var item = RoomItem()
            if let text = child["jid"] {
                guard let jid = try? JID(parsing: text) else { throw .jidMalformed("'\(text)' is not an address") }
                item.jid = jid
            }
            if let text = child["nick"] {
                guard let nick = (try? room.withResource(text))?.resource else {
                    throw .jidMalformed("'\(text)' is not a nickname")
                }
                item.nick = nick
            }
            if let text = child["affiliation"] {
                guard let affiliation = RoomAffiliation(word: text) else { throw .badRequest("unknown affiliation") }
                item.affiliation = affiliation
            }
            if let text = child["role"] {
                guard let role = RoomRole(rawValue: text) else { throw .badRequest("unknown role") }
                item.role = role
            }
            if let reason = child.child("reason", namespace: RoomNamespace.admin)?.text {
                guard reason.utf8.count <= 4_096 else {
                    throw StanzaError(.modify, .policyViolation, "the reason is too long")
                }
                item.reason = reason
            }
            items.append(item)
        }
        return items
    }

    var element: XMLElement {
        var element = XMLElement("item", namespace: RoomNamespace.admin)
        element["affiliation"] = affiliation?.word
        element["jid"] = jid?.description
        element["nick"] = nick
        element["role"] = role?.rawValue
        element.addReason(reason)
        return element
    }
}
