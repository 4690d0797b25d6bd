import Ground
import IMCore
import XMLWire
import XMPPWire

/// Entering, changing presence and nickname, leaving (XEP-0045 §7).
extension RoomsService {
    func receivePresence(_ stanza: RoutedStanza) {
        switch stanza.element["type"] ?? "" {
        case "": available(stanza)
        case "unavailable": unavailable(stanza)
        case "error": error(stanza)
        default:
            // Rooms have no roster, and a probe tells a service what it can find out by itself.
            stanza.settle()
        }
    }

    private func available(_ stanza: RoutedStanza) {
        guard stanza.to.local != nil, !stanza.from.isBare else {
            return stanza.to.local == nil ? stanza.settle() : refuse(stanza, .jidMalformed())
        }
        guard let nick = stanza.to.resource else {
            return refuse(stanza, .jidMalformed("a nickname is needed: room@service/nickname"))
        }
        let request = stanza.element.child("x", namespace: RoomNamespace.muc)
        let presence = Self.content(of: stanza.element)
        attempt(stanza) { () throws(StanzaError) in
            guard let place = place(stanza.to) else {
                guard let request else { throw Self.strayed }
                return try create(stanza, nick, request, presence)
            }
            guard let request else {
                guard place.room.occupant(stanza.from) != nil else { throw Self.strayed }
                tell(try place.room.changePresence(stanza.from, nick: nick, presence), in: place)
                return stanza.settle()
            }
            let events = try place.room.enter(
                stanza.from, as: nick, try RoomEntry(request, presence), id: { router.journal.nextID() },
                now: server.time.now)
            tell(events, in: place)
            stanza.settle()
        }
    }

    /// A client that believes to be in a room, and is not.
    private static let strayed = StanzaError(.cancel, .notAcceptable, "you are not in this room")

    /// §10.1: whoever enters a room that does not exist makes it.
    private func create(
        _ stanza: RoutedStanza, _ nick: String, _ request: XMLElement, _ presence: [XMLElement.Node]
    ) throws(StanzaError) {
        guard config.create.allows(router.homes.loaded(stanza.from)) else {
            throw StanzaError(.cancel, .notAllowed, "making rooms is not allowed to you")
        }
        guard hasRoomForMore else { throw StanzaError(.wait, .resourceConstraint, "there are too many rooms") }
        let room = Room(stanza.to.bare, owner: stanza.from, now: server.time.now, limits: config.limits)
        var entry = try RoomEntry(request, presence)
        entry.history = RoomHistoryRequest(stanzas: 0)
        let events = try room.enter(
            stanza.from, as: nick, entry, id: { router.journal.nextID() }, now: server.time.now)
        tell(events, in: add(room))
        stanza.settle()
    }

    private func unavailable(_ stanza: RoutedStanza) {
        defer { stanza.settle() }
        // To the room without nickname: a client that goes offline.
        guard let place = place(stanza.to) else { return }
        tell(place.room.leave(stanza.from, Self.content(of: stanza.element)), in: place)
    }

    /// The occupant's server could not deliver the room's presence.
    private func error(_ stanza: RoutedStanza) {
        defer { stanza.settle() }
        guard let place = place(stanza.to), Self.isGone(stanza.element) else { return }
        dropGhost(stanza.from, of: place)
    }

    /// §14.4 of the implementation notes: a client that cannot be reached is no occupant any more.
    func dropGhost(_ session: JID, of place: Place) {
        let events = place.room.leave(session, [], codes: [307, 333])
        if !events.isEmpty { tell(events, in: place) }
    }

    /// Whether an error says that the client is not there any more.
    static func isGone(_ element: XMLElement) -> Bool {
        guard let error = element.child("error", namespace: XMPPNamespace.client) else { return false }
        let conditions: Set<String> = [
            "gone", "item-not-found", "jid-malformed", "recipient-unavailable", "redirect", "remote-server-not-found",
            "remote-server-timeout", "service-unavailable",
        ]
        return error.elements.contains { $0.namespace == StanzaNamespace.errors && conditions.contains($0.name) }
    }

    /// What a client says about itself, without what only a room says.
    private static func content(of presence: XMLElement) -> [XMLElement.Node] {
        presence.children.filter { node in
            guard case .element(let child) = node else { return false }
            switch (child.name, child.namespace) {
            case ("x", RoomNamespace.muc), ("x", RoomNamespace.user): return false
            case ("error", XMPPNamespace.client): return false
            case ("occupant-id", "urn:xmpp:occupant-id:0"): return false
            default: return true
            }
        }
    }
}

extension RoomEntry {
    /// - Parameter request: `<x xmlns='http://jabber.org/protocol/muc'/>`.
    init(_ request: XMLElement, _ presence: [XMLElement.Node]) throws(StanzaError) {
        self.init(presence: presence, password: request.child("password", namespace: RoomNamespace.muc)?.text)
        guard let asked = request.child("history", namespace: RoomNamespace.muc) else { return }
        func number(_ name: String) throws(StanzaError) -> Int? {
            guard let text = asked[name] else { return nil }
            guard let value = Int(text), value >= 0 else { throw .badRequest("\(name) is not a number") }
            return value
        }
        history = RoomHistoryRequest(
            characters: try number("maxchars"), stanzas: try number("maxstanzas"), seconds: try number("seconds"))
        if let text = asked["since"] {
            guard let since = Timestamp.parse(text) else { throw .badRequest("since is not a date and time") }
            history.since = since.floor
        }
    }
}
