import IMCore
import XMLWire
import XMPPWire

/// Messages to rooms and to their occupants (XEP-0045 §7.4, §7.5, §7.8, §7.13).
extension RoomsService {
    func receiveMessage(_ stanza: RoutedStanza) {
        let type = stanza.element["type"] ?? "normal"
        guard stanza.to.local != nil else {
            return type == "error" ? stanza.settle() : refuse(stanza, .serviceUnavailable)
        }
        if type == "error" {
            receiveError(stanza.element, from: stanza.from, to: stanza.to)
            return stanza.settle()
        }
        guard let place = place(stanza.to) else {
            return refuse(stanza, StanzaError(.cancel, .itemNotFound, "there is no such room"))
        }
        attempt(stanza) { () throws(StanzaError) in
            if let nick = stanza.to.resource {
                guard type != "groupchat" else {
                    throw .badRequest("a message to one occupant is not of type groupchat")
                }
                letters.send(
                    try place.room.privateMessage(stanza.element, by: stanza.from, to: nick), for: stanza)
            } else if type == "groupchat" {
                let id = router.journal.nextID()
                let name = String(decoding: router.journal.names.name(of: id), as: UTF8.self)
                let events = try place.room.say(
                    stanza.element, by: stanza.from, id: id, name: name, now: server.time.now)
                tell(events, in: place) { error in
                    guard error == nil else { return self.refuse(stanza, StanzaError(.wait, .internalServerError)) }
                    stanza.settle()
                }
            } else {
                try receiveLetter(stanza, place)
            }
        }
    }

    /// What the room itself is told: invitations, answers to them, requests for voice.
    private func receiveLetter(_ stanza: RoutedStanza, _ place: Place) throws(StanzaError) {
        if let x = stanza.element.child("x", namespace: RoomNamespace.user) {
            let invitations = x.elements.filter { $0.name == "invite" && $0.namespace == RoomNamespace.user }
            if !invitations.isEmpty { return try invite(invitations, stanza, place) }
            if let decline = x.child("decline", namespace: RoomNamespace.user) {
                return try pass(on: decline, stanza, place)
            }
        }
        if let form = DataForm(in: stanza.element), form.formType == RoomNamespace.request {
            let events =
                form["muc#request_allow"] == nil
                ? try place.room.askForVoice(stanza.from, id: router.journal.nextID())
                : try place.room.answerVoiceRequest(form, by: stanza.from)
            tell(events, in: place)
            return stanza.settle()
        }
        guard place.room.occupant(stanza.from) != nil else { throw .notInRoom }
        throw .badRequest("a message to everybody is of type groupchat")
    }

    // MARK: Invitations

    /// Invitations of one message at most.
    private static let invitationLimit = 50

    /// §7.8.2
    private func invite(
        _ invitations: [XMLElement], _ stanza: RoutedStanza, _ place: Place
    ) throws(StanzaError) {
        guard invitations.count <= Self.invitationLimit else {
            throw StanzaError(.modify, .policyViolation, "at most \(Self.invitationLimit) invitations at once")
        }
        var letters: [XMLElement] = []
        for invitation in invitations {
            guard let to = invitation["to"], let invitee = try? JID(parsing: to) else {
                throw .jidMalformed("an invitation needs an address")
            }
            let password = try place.room.invite(invitee, by: stanza.from)
            var letter = XMLElement(
                "message", namespace: XMPPNamespace.client,
                attributes: ["from": place.room.jid.description, "to": invitee.description])
            letter["id"] = stanza.element["id"]
            var invite = XMLElement(
                "invite", namespace: RoomNamespace.user, attributes: ["from": stanza.from.description])
            invite.children = invitation.children
            var x = XMLElement("x", namespace: RoomNamespace.user)
            x.add(invite)
            if let password {
                x.add(XMLElement("password", namespace: RoomNamespace.user, children: [.text(password)]))
            }
            letter.add(x)
            letters.append(letter)
        }
        // Members that the invitation made are stored with it.
        tell([], in: place) { [self] error in
            guard error == nil else { return refuse(stanza, StanzaError(.wait, .internalServerError)) }
            self.letters.send(letters, for: stanza)
        }
    }

    /// §7.8.2: the answer to an invitation goes to whom it names. The invitee need not be in the room.
    private func pass(on decline: XMLElement, _ stanza: RoutedStanza, _ place: Place) throws(StanzaError) {
        guard let to = decline["to"], let named = try? JID(parsing: to) else {
            throw .jidMalformed("whose invitation is it?")
        }
        var target = named
        // An inviter may be named by nickname or by bare address.
        if named.bare == place.room.jid {
            guard let nick = named.resource, let occupant = place.room.occupant(nick: nick) else {
                throw .itemNotFound
            }
            target = occupant.sessions[occupant.sessions.count - 1].jid
        }
        // Nobody is written to through rooms who has nothing to do with them.
        guard place.room.affiliation(of: stanza.from) != .outcast,
            place.room.occupants.contains(where: { $0.user == target.bare })
                || place.room.affiliation(of: target) > .none
        else { throw .itemNotFound }
        var letter = XMLElement(
            "message", namespace: XMPPNamespace.client,
            attributes: ["from": place.room.jid.description, "to": target.description])
        letter["id"] = stanza.element["id"]
        var content = XMLElement(
            "decline", namespace: RoomNamespace.user, attributes: ["from": stanza.from.bare.description])
        content.children = decline.children
        var x = XMLElement("x", namespace: RoomNamespace.user)
        x.add(content)
        letter.add(x)
        letters.send([letter], for: stanza)
    }

    // MARK: Errors

    /// An error of a client to what came from a room: the client is gone, or it did not want a private message.
    func receiveError(_ element: XMLElement, from: JID, to: JID) {
        guard let place = place(to) else { return }
        if let nick = to.resource, element.child("x", namespace: RoomNamespace.user) != nil,
            let writer = place.room.occupant(nick: nick), let reader = place.room.occupant(from)
        {
            var answer = element
            answer["from"] = JID(place.room.jid, nick: reader.nick).description
            for session in writer.sessions {
                answer["to"] = session.jid.description
                router.send(answer, from: source)
            }
        } else if Self.isGone(element) {
            dropGhost(from, of: place)
        }
    }
}
