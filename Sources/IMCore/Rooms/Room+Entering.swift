import Ground
import XMLWire
import XMPPWire

/// What a client says when it enters.
public struct RoomEntry {
    public var presence: [XMLElement.Node]
    public var password: String?
    public var history: RoomHistoryRequest

    public init(
        presence: [XMLElement.Node], password: String? = nil, history: RoomHistoryRequest = RoomHistoryRequest()
    ) {
        self.presence = presence
        self.password = password
        self.history = history
    }
}

/// Coming, changing and going (XEP-0045 §7.2, §7.6, §7.7, §7.14).
extension Room {
    /// A client enters, or enters again because it no longer knows what it missed.
    ///
    /// - Parameter session: the full address.
    /// - Throws: the refusals of §7.2.
    public func enter(
        _ session: JID, as nick: String, _ entry: RoomEntry, id: () -> MessageID, now: Int64
    ) throws(StanzaError) -> [RoomEvent] {
        if let occupant = occupantsBySession[session] {
            guard occupant.nick == nick else { return try changeNick(session, to: nick, entry.presence) }
            update(session, of: occupant, entry.presence)
            return welcome(session, occupant, entry, ownCodes: [], id: id, now: now)
        }
        let affiliation = affiliation(of: session)
        try admit(session, affiliation, entry)
        try checkNick(nick, of: session)
        let occupant: RoomOccupant
        if let known = occupantsByNick[nick] {
            guard known.sessions.count < RoomOccupant.sessionLimit else {
                throw StanzaError(.wait, .resourceConstraint, "too many clients under one nickname")
            }
            occupant = known
            occupant.sessions.append(RoomSession(session, presence: entry.presence))
        } else {
            // §7.2.9: admins and owners always find a place.
            guard
                occupants.count < configuration.occupantLimit(limits)
                    || (affiliation >= .admin && occupants.count < limits.occupants + 100)
            else { throw .roomFull }
            occupant = RoomOccupant(
                nick: nick, user: session.bare, role: affiliation.role(isModerated: configuration.isModerated),
                session: RoomSession(session, presence: entry.presence))
            add(occupant)
        }
        occupantsBySession[session] = occupant
        var codes: [Int] = []
        if isLocked, occupants.count == 1 { codes.append(201) }
        return welcome(session, occupant, entry, ownCodes: codes, id: id, now: now)
    }

    private func admit(
        _ session: JID, _ affiliation: RoomAffiliation, _ entry: RoomEntry
    ) throws(StanzaError) {
        guard affiliation != .outcast else { throw .banned }
        guard !isLocked || affiliation == .owner else { throw .roomLocked }
        guard !configuration.isMembersOnly || affiliation >= .member else { throw .membersOnly }
        guard !configuration.isPasswordProtected || entry.password == configuration.password else {
            throw .wrongPassword
        }
    }

    /// §7.2.8: taken by somebody else, or kept for somebody else.
    private func checkNick(_ nick: String, of session: JID) throws(StanzaError) {
        if let other = occupantsByNick[nick], other.user != session.bare { throw .nickConflict }
        for (jid, member) in members where member.reservedNick == nick && jid != session.bare { throw .nickConflict }
    }

    func add(_ occupant: RoomOccupant) {
        occupants.append(occupant)
        occupantsByNick[occupant.nick] = occupant
    }

    func drop(_ occupant: RoomOccupant) {
        occupants.removeAll { $0 === occupant }
        occupantsByNick[occupant.nick] = nil
        for session in occupant.sessions { occupantsBySession[session.jid] = nil }
    }

    private func update(_ session: JID, of occupant: RoomOccupant, _ presence: [XMLElement.Node]) {
        guard let index = occupant.sessions.firstIndex(where: { $0.jid == session }) else { return }
        var changed = occupant.sessions.remove(at: index)
        changed.presence = presence
        occupant.sessions.append(changed)
    }

    /// The others, oneself to the others, oneself, what was said, the subject: in this order (§7.1).
    private func welcome(
        _ session: JID, _ occupant: RoomOccupant, _ entry: RoomEntry, ownCodes: [Int], id: () -> MessageID, now: Int64
    ) -> [RoomEvent] {
        let own = recipient(occupant.sessions[occupant.sessions.count - 1], of: occupant, about: occupant)
        let reader = RoomRecipient(jid: own.jid, address: own.address, seesJID: own.seesJID, isOwn: false)
        var events: [RoomEvent] = []
        for other in occupants where other !== occupant && isShown(other.role) {
            events.append(.presence(presence(of: other, to: [reader])))
        }
        let toOthers = broadcast(occupant, except: session)
        if !toOthers.recipients.isEmpty { events.append(.presence(toOthers)) }
        var toSelf = presence(of: occupant, to: [own])
        if configuration.isNonAnonymous { toSelf.ownCodes.append(100) }
        if configuration.isLogged { toSelf.ownCodes.append(170) }
        toSelf.ownCodes += ownCodes
        events.append(.presence(toSelf))
        let maximum = configuration.maxHistory ?? RoomHistory.capacity
        for said in history.window(
            entry.history, standard: min(limits.history, maximum), maximum: maximum, now: now)
        {
            events.append(
                .message(RoomMessage(stanza: said.stanza, nick: said.nick, id: said.id, recipients: [reader])))
        }
        events.append(subjectMessage(to: [reader], id: id()))
        return events
    }

    /// §7.2.15: the subject, also an empty one, is the last thing a newcomer gets.
    private func subjectMessage(to recipients: [RoomRecipient], id: MessageID) -> RoomEvent {
        var stanza = XMLElement(
            "message", namespace: StanzaNamespace.client,
            attributes: [
                "type": "groupchat", "from": subject.nick.isEmpty ? jid.description : address(of: subject.nick),
            ])
        stanza.children = subject.elements.map { .element($0) }
        if subject.elements.isEmpty {
            stanza.children = [.element(XMLElement("subject", namespace: StanzaNamespace.client))]
        }
        if subject.changedAt > 0 { stanza.children.append(.element(delay(subject.changedAt))) }
        return .message(RoomMessage(stanza: stanza, nick: nil, id: id, recipients: recipients))
    }

    func delay(_ time: Int64) -> XMLElement {
        XMLElement(
            "delay", namespace: "urn:xmpp:delay",
            attributes: ["from": jid.description, "stamp": Timestamp.format(time)])
    }

    // MARK: Changing

    /// Presence of a client that is in the room, to its own nickname or to another one.
    public func changePresence(
        _ session: JID, nick: String, _ presence: [XMLElement.Node]
    ) throws(StanzaError) -> [RoomEvent] {
        guard let occupant = occupantsBySession[session] else { throw .notInRoom }
        guard occupant.nick == nick else { return try changeNick(session, to: nick, presence) }
        update(session, of: occupant, presence)
        return [.presence(broadcast(occupant))]
    }

    /// §7.6. A client that shares its nickname with others of the same user goes alone.
    private func changeNick(
        _ session: JID, to nick: String, _ content: [XMLElement.Node]
    ) throws(StanzaError) -> [RoomEvent] {
        guard let old = occupantsBySession[session] else { throw .notInRoom }
        try checkNick(nick, of: session)
        var goodbye = presence(of: old, to: [])
        goodbye.content = []
        goodbye.isAvailable = false
        goodbye.jid = session
        goodbye.nextNick = nick
        goodbye.codes = [303]
        if old.sessions.count == 1 {
            goodbye.recipients = broadcast(old).recipients
            drop(old)
        } else {
            goodbye.recipients = [
                RoomRecipient(
                    jid: session, address: Array(session.description.utf8), seesJID: true, isOwn: true)
            ]
            old.sessions.removeAll { $0.jid == session }
        }
        let arrived = RoomSession(session, presence: content)
        let occupant: RoomOccupant
        if let known = occupantsByNick[nick] {
            occupant = known
            occupant.sessions.append(arrived)
        } else {
            occupant = RoomOccupant(nick: nick, user: session.bare, role: old.role, session: arrived)
            add(occupant)
        }
        occupantsBySession[session] = occupant
        var events: [RoomEvent] = [.presence(goodbye)]
        if occupantsByNick[old.nick] === old { events.append(.presence(broadcast(old))) }
        events.append(.presence(broadcast(occupant)))
        return events
    }

    /// The occupant as the others see it now, and the others as the occupant does: what may be seen has changed.
    ///
    /// - Parameter others: whose presence the occupant gets, by the bare address.
    public func refresh(_ occupant: RoomOccupant, others: (JID) -> Bool) -> [RoomEvent] {
        var shown = broadcast(occupant)
        shown.recipients.removeAll { $0.isOwn }
        let own = ownRecipients(of: occupant).map {
            RoomRecipient(jid: $0.jid, address: $0.address, seesJID: $0.seesJID, isOwn: false)
        }
        return [.presence(shown)]
            + occupants.filter { $0 !== occupant && isShown($0.role) && others($0.user) }
            .map { .presence(presence(of: $0, to: own)) }
    }

    public func isPresent(_ occupant: RoomOccupant) -> Bool { occupantsByNick[occupant.nick] === occupant }

    // MARK: Going

    /// A client leaves (§7.14); nothing happens when it is not in the room.
    ///
    /// - Parameters:
    ///   - content: what it said in its last presence.
    ///   - codes: status codes for everybody, when it did not leave by itself.
    public func leave(_ session: JID, _ content: [XMLElement.Node], codes: [Int] = []) -> [RoomEvent] {
        guard let occupant = occupantsBySession[session] else { return [] }
        var goodbye = presence(of: occupant, to: [])
        goodbye.content = content
        goodbye.isAvailable = false
        goodbye.jid = session
        goodbye.role = .none
        goodbye.codes = codes
        guard occupant.sessions.count > 1 else {
            goodbye.recipients = broadcast(occupant).recipients
            drop(occupant)
            return [.presence(goodbye)]
        }
        goodbye.recipients = [
            RoomRecipient(
                jid: session, address: Array(session.description.utf8), seesJID: true, isOwn: true)
        ]
        occupant.sessions.removeAll { $0.jid == session }
        occupantsBySession[session] = nil
        // What others see may have been that of the client that is gone.
        return [.presence(goodbye), .presence(broadcast(occupant))]
    }

    /// Puts an occupant out with all its clients; the affiliation is what it is now.
    func expel(
        _ occupant: RoomOccupant, codes: [Int], actor: String? = nil, reason: String? = nil
    ) -> RoomEvent {
        var goodbye = presence(of: occupant, to: broadcast(occupant).recipients)
        goodbye.content = []
        goodbye.isAvailable = false
        goodbye.role = .none
        goodbye.codes = codes
        goodbye.actor = actor
        goodbye.reason = reason
        drop(occupant)
        return .presence(goodbye)
    }

    /// The service goes down (status code 332): every occupant hears of it for itself.
    public func shutDown() -> [RoomEvent] {
        let all = occupants
        return all.map { occupant in
            var goodbye = presence(of: occupant, to: ownRecipients(of: occupant))
            goodbye.content = []
            goodbye.isAvailable = false
            goodbye.role = .none
            goodbye.codes = [332]
            drop(occupant)
            return .presence(goodbye)
        }
    }
}
