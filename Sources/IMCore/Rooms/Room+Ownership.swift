import Ground
import XMLWire
import XMPPWire

/// What owners do (XEP-0045 §10).
extension Room {
    private func checkOwner(_ session: JID) throws(StanzaError) {
        guard affiliation(of: session) == .owner else { throw .roomForbidden }
    }

    /// The configuration form (§10.2).
    public func configurationForm(by session: JID) throws(StanzaError) -> DataForm {
        try checkOwner(session)
        func addresses(_ affiliation: RoomAffiliation) -> [String] {
            members.filter { $0.value.affiliation == affiliation }.map(\.key.description).sorted()
        }
        return configuration.form(
            limits, title: "Configuration of \(jid)", owners: addresses(.owner), admins: addresses(.admin))
    }

    /// Opens the room as it is (§10.1.2).
    public func open(by session: JID) throws(StanzaError) {
        try checkOwner(session)
        isLocked = false
        hasUnstoredRow = true
    }

    /// An owner's choices (§10.2); opens a room that was locked.
    ///
    /// - Parameter mayPersist: the service has room for one more room that stays.
    public func configure(
        _ form: DataForm, by session: JID, mayPersist: Bool, id: () -> MessageID
    ) throws(StanzaError) -> (events: [RoomEvent], absent: [RoomItem]) {
        try checkOwner(session)
        let old = configuration
        let changed = try configuration.applying(form, limits)
        guard mayPersist || !changed.isPersistent || old.isPersistent else {
            throw StanzaError(.wait, .resourceConstraint, "there are too many persistent rooms")
        }
        let staff = try affiliations(in: form)
        try checkOwners(staff)
        guard members.count + staff.count <= limits.members else { throw .membersFull }
        configuration = changed
        hasUnstoredRow = true
        let wasLocked = isLocked
        isLocked = false
        var events: [RoomEvent] = []
        var absent: [RoomItem] = []
        for (jid, affiliation) in staff.sorted(by: { $0.key.description < $1.key.description }) {
            let member = RoomMember(affiliation, reservedNick: members[jid]?.reservedNick)
            apply(member, jid, occupantsBySession[session]?.nick, &events, &absent, id)
        }
        // §10.2.1: who is no member has to leave what is for members only.
        if changed.isMembersOnly, !old.isMembersOnly {
            for occupant in occupants where affiliation(of: occupant.user) < .member {
                events.append(expel(occupant, codes: [322]))
            }
        }
        if !wasLocked, old != changed { events.append(announceConfiguration(from: old, id())) }
        return (events, absent)
    }

    /// The changes that the lists of owners and admins ask for (§10.2).
    private func affiliations(in form: DataForm) throws(StanzaError) -> [JID: RoomAffiliation] {
        var changes: [JID: RoomAffiliation] = [:]
        let admins = try RoomConfiguration.addresses("roomadmins", in: form)
        let owners = try RoomConfiguration.addresses("roomowners", in: form)
        for (listed, affiliation) in [(admins, RoomAffiliation.admin), (owners, .owner)] {
            guard let listed else { continue }
            for (jid, member) in members where member.affiliation == affiliation && !listed.contains(jid) {
                if changes[jid] == nil { changes[jid] = .member }
            }
            for jid in listed { changes[jid] = affiliation }
        }
        return changes.filter { members[$0.key]?.affiliation != $0.value }
    }

    /// §10.2.1: which kind of change it was, for everybody in the room.
    private func announceConfiguration(from old: RoomConfiguration, _ id: MessageID) -> RoomEvent {
        var codes: [Int] = []
        if old.isLogged != configuration.isLogged { codes.append(configuration.isLogged ? 170 : 171) }
        if old.visibility != configuration.visibility { codes.append(configuration.isNonAnonymous ? 172 : 173) }
        if old.presenceRoles != configuration.presenceRoles {
            codes.append(configuration.presenceRoles.count > old.presenceRoles.count ? 102 : 103)
        }
        var rest = old
        rest.isLogged = configuration.isLogged
        rest.visibility = configuration.visibility
        rest.presenceRoles = configuration.presenceRoles
        if rest != configuration { codes.append(104) }
        var x = XMLElement("x", namespace: RoomNamespace.user)
        x.children = codes.map {
            .element(XMLElement("status", namespace: RoomNamespace.user, attributes: ["code": String($0)]))
        }
        return announcement(x, type: "groupchat", id: id, to: everybody())
    }

    /// Ends the room (§10.9): every occupant hears of it for itself.
    public func destroy(
        _ destruction: RoomPresence.Destruction, by session: JID
    ) throws(StanzaError) -> [RoomEvent] {
        try checkOwner(session)
        return destroyed(destruction)
    }

    /// The same, without asking who wants it: for a room whose creator did not want it after all (§10.1.3).
    func destroyed(_ destruction: RoomPresence.Destruction) -> [RoomEvent] {
        let all = occupants
        return all.map { occupant in
            var goodbye = presence(of: occupant, to: ownRecipients(of: occupant))
            goodbye.content = []
            goodbye.isAvailable = false
            goodbye.affiliation = .none
            goodbye.role = .none
            goodbye.destruction = destruction
            drop(occupant)
            return .presence(goodbye)
        }
    }
}
