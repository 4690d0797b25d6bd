import Ground
import XMLWire
import XMPPWire

/// Messages to all, the subject, private messages, and asking for voice (XEP-0045 §7.4, §7.5, §7.13, §8.1).
extension Room {
    /// A message to everybody, also to its sender, who learns from it that it is through (§7.4).
    ///
    /// - Parameter name: of `id`, as clients see it (XEP-0359).
    public func say(
        _ message: XMLElement, by session: JID, id: MessageID, name: String, now: Int64
    ) throws(StanzaError) -> [RoomEvent] {
        guard let occupant = occupantsBySession[session] else { throw .notInRoom }
        let isSubject =
            message.child("subject", namespace: StanzaNamespace.client) != nil
            && message.child("body", namespace: StanzaNamespace.client) == nil
        if isSubject {
            let needed = configuration.allowsSubjectChange ? RoomRole.participant : .moderator
            guard occupant.role >= needed else { throw .roomForbidden }
        } else {
            guard occupant.role >= .participant else { throw .noVoice }
        }
        var stanza = relayed(message, from: occupant.nick, type: "groupchat")
        stanza.children.append(
            .element(
                XMLElement(
                    "stanza-id", namespace: "urn:xmpp:sid:0", attributes: ["id": name, "by": jid.description])))
        let said = RoomEvent.message(
            RoomMessage(stanza: stanza, nick: occupant.nick, id: id, recipients: everybody()))
        if isSubject {
            let elements = message.elements.filter {
                $0.name == "subject" && $0.namespace == StanzaNamespace.client
            }
            subject = RoomSubject(elements, nick: occupant.nick, changedAt: now)
            hasUnstoredRow = true
        } else {
            remember(stanza, occupant.nick, id, now)
        }
        return [said]
    }

    /// Without what only the room may say, and without addresses.
    private func relayed(_ message: XMLElement, from nick: String, type: String) -> XMLElement {
        var stanza = XMLElement(
            "message", namespace: StanzaNamespace.client, attributes: ["from": address(of: nick)])
        stanza["id"] = message["id"]
        if type != "normal" { stanza["type"] = type }
        stanza["xml:lang"] = message["xml:lang"]
        let own = jid.description
        stanza.children = message.children.filter { node in
            guard case .element(let child) = node else { return false }
            switch (child.name, child.namespace) {
            case ("x", RoomNamespace.user), ("x", RoomNamespace.muc): return false
            case ("stanza-id", "urn:xmpp:sid:0"): return child["by"] != own
            case ("delay", "urn:xmpp:delay"): return child["from"] != own
            case ("occupant-id", "urn:xmpp:occupant-id:0"): return false
            default: return true
            }
        }
        return stanza
    }

    private func remember(_ stanza: XMLElement, _ nick: String, _ id: MessageID, _ now: Int64) {
        let traits = MessageTraits(of: stanza)
        guard !traits.isDisjoint(with: [.body, .store]), traits.isDisjoint(with: [.noStore, .noPermanentStore])
        else { return }
        var kept = stanza
        // History that its writer had dated keeps that date (§7.9).
        if kept.child("delay", namespace: "urn:xmpp:delay") == nil { kept.children.append(.element(delay(now))) }
        history.append(.init(id: id, nick: nick, stanza: kept, sentAt: now, size: kept.stanzaBytes.count))
    }

    // MARK: One to one

    /// A private message (§7.5).
    ///
    /// - Returns: the stanza without `to`, and whom it goes to: every client of the occupant.
    public func privateMessage(
        _ message: XMLElement, by session: JID, to nick: String
    ) throws(StanzaError) -> RoomMessage {
        guard let occupant = occupantsBySession[session] else { throw .notInRoom }
        guard let target = occupantsByNick[nick] else {
            throw StanzaError(.cancel, .itemNotFound, "nobody in the room has that nickname")
        }
        let isAllowed =
            switch configuration.privateMessages {
            case .anyone: true
            case .participants: occupant.role >= .participant
            case .moderators: occupant.role == .moderator
            case .none: false
            }
        guard isAllowed else { throw .roomForbidden }
        var stanza = relayed(message, from: occupant.nick, type: message["type"] ?? "normal")
        stanza.children.append(.element(XMLElement("x", namespace: RoomNamespace.user)))
        return RoomMessage(
            stanza: stanza, nick: occupant.nick, id: MessageID(0),
            recipients: target.sessions.map { recipient($0, of: target, about: nil) })
    }

    // MARK: Voice

    /// A visitor asks for voice (§7.13): the moderators get the form.
    public func askForVoice(_ session: JID, id: MessageID) throws(StanzaError) -> [RoomEvent] {
        guard let occupant = occupantsBySession[session] else { throw .notInRoom }
        guard occupant.role == .visitor else {
            throw StanzaError(.cancel, .notAllowed, "you have voice already")
        }
        occupant.asksForVoice = true
        let form = DataForm(
            .form, type: RoomNamespace.request, title: "Voice request",
            instructions: ["Somebody asks for voice. To grant it, tick the box and send the form."],
            fields: [
                FormField("muc#role", .textSingle, label: "Requested role", value: "participant"),
                FormField("muc#jid", .jidSingle, label: "Address", value: occupant.shown.jid.description),
                FormField("muc#roomnick", .textSingle, label: "Nickname", value: occupant.nick),
                FormField("muc#request_allow", label: "Grant voice?", value: false),
            ])
        let moderators = occupants.filter { $0.role == .moderator }.flatMap { moderator in
            moderator.sessions.map { recipient($0, of: moderator, about: nil) }
        }
        return [announcement(form.element, type: "normal", id: id, to: moderators)]
    }

    /// A moderator's answer to such a form.
    public func answerVoiceRequest(_ form: DataForm, by session: JID) throws(StanzaError) -> [RoomEvent] {
        guard let actor = occupantsBySession[session] else { throw .notInRoom }
        guard actor.role == .moderator else { throw .roomForbidden }
        guard let nick = form["muc#roomnick"]?.value, let occupant = occupantsByNick[nick] else {
            throw StanzaError(.cancel, .itemNotFound, "nobody in the room has that nickname")
        }
        guard form["muc#request_allow"]?.isTrue == true, form["muc#role"]?.value ?? "participant" == "participant",
            occupant.asksForVoice, occupant.role == .visitor
        else { return [] }
        return setRole(.participant, of: occupant, actor: nil, reason: nil)
    }

    // MARK: Invitations

    /// Whether an occupant may invite (§7.8.2): admins always, others unless the room is for members only, or where
    /// owners allow it.
    ///
    /// - Returns: the password that goes with it.
    public func invite(_ invitee: JID, by session: JID) throws(StanzaError) -> String? {
        guard occupantsBySession[session] != nil else { throw .notInRoom }
        let actor = affiliation(of: session)
        let isAllowed = actor >= .admin || configuration.allowsInvitations || !configuration.isMembersOnly
        guard isAllowed else { throw .roomForbidden }
        if configuration.isMembersOnly, affiliation(of: invitee) == .none {
            guard members.count < limits.members else { throw .membersFull }
            setMember(RoomMember(.member), invitee.bare)
        }
        return configuration.isPasswordProtected ? configuration.password : nil
    }
}
