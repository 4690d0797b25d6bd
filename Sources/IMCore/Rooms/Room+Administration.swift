import Ground
import XMLWire
import XMPPWire

/// One `<item/>` of a change of roles or affiliations (XEP-0045 §9).
public struct RoomItem: Sendable {
    public var jid: JID?
    public var nick: String?
    public var affiliation: RoomAffiliation?
    public var role: RoomRole?
    public var reason: String?

    public init(
        jid: JID? = nil, nick: String? = nil, affiliation: RoomAffiliation? = nil, role: RoomRole? = nil,
        reason: String? = nil
    ) {
        self.jid = jid
        self.nick = nick
        self.affiliation = affiliation
        self.role = role
        self.reason = reason
    }
}

/// Roles and affiliations (XEP-0045 §8, §9).
extension Room {
    /// Items of one request at most.
    public static let itemLimit = 500

    // MARK: Lists

    /// Everybody with an affiliation (§9.2, §9.5, §10.5, §10.8).
    public func list(_ affiliation: RoomAffiliation, by session: JID) throws(StanzaError) -> [RoomItem] {
        let own = self.affiliation(of: session)
        if own < .admin {
            // Whoever sees all addresses anyway may know who else belongs: encryption to all members needs it.
            let role = occupantsBySession[session]?.role ?? (own >= .member ? RoomRole.participant : RoomRole.none)
            guard affiliation != .outcast, configuration.listReaders.contains(role.rawValue),
                affiliation == .member || configuration.isNonAnonymous
            else { throw .roomForbidden }
        }
        return members.filter { $0.value.affiliation == affiliation }
            .sorted { $0.key.description < $1.key.description }
            .map { jid, member in
                RoomItem(
                    jid: jid, nick: member.reservedNick ?? occupants.first { $0.user == jid }?.nick,
                    affiliation: affiliation, reason: member.reason)
            }
    }

    /// Everybody with a role (§8.5, §9.8).
    public func list(_ role: RoomRole, by session: JID) throws(StanzaError) -> [RoomItem] {
        let isAdmin = affiliation(of: session) >= .admin
        guard isAdmin || occupantsBySession[session]?.role == .moderator else { throw .roomForbidden }
        return occupants.filter { $0.role == role }.map { occupant in
            RoomItem(
                jid: occupant.shown.jid, nick: occupant.nick, affiliation: affiliation(of: occupant.user), role: role)
        }
    }

    // MARK: Changes

    private enum Step {
        case role(RoomOccupant, RoomRole, String?)
        case member(JID, RoomMember)
    }

    /// Changes roles and affiliations: all of them, or none when one is refused.
    ///
    /// - Returns: what occupants see, and the users that are not in the room and whose affiliation changed (status
    ///   code 101).
    public func administer(
        _ items: [RoomItem], by session: JID, id: () -> MessageID
    ) throws(StanzaError) -> (events: [RoomEvent], absent: [RoomItem]) {
        guard items.count <= Self.itemLimit else {
            throw StanzaError(.modify, .policyViolation, "at most \(Self.itemLimit) items at once")
        }
        let actor = occupantsBySession[session]
        let own = (role: actor?.role ?? RoomRole.none, affiliation: affiliation(of: session))
        var steps: [Step] = []
        var after: [JID: RoomAffiliation] = [:]
        for item in items {
            if let affiliation = item.affiliation {
                let (jid, member) = try check(item, affiliation, own.affiliation, session)
                after[jid] = affiliation
                steps.append(.member(jid, member))
            } else if let role = item.role {
                guard let nick = item.nick else { throw .badRequest("a role is changed by nickname") }
                guard let target = occupantsByNick[nick] else {
                    throw StanzaError(.cancel, .itemNotFound, "nobody in the room has that nickname")
                }
                try RoomPrivileges.changeRole(
                    of: (target.role, affiliation(of: target.user)), to: role, by: own)
                steps.append(.role(target, role, item.reason))
            } else {
                throw .badRequest("an item changes a role or an affiliation")
            }
        }
        try checkOwners(after)
        try checkCount(after)
        var events: [RoomEvent] = []
        var absent: [RoomItem] = []
        for step in steps {
            switch step {
            case .role(let target, let role, let reason):
                guard occupantsByNick[target.nick] === target else { continue }
                if role == .none {
                    events.append(expel(target, codes: [307], actor: actor?.nick, reason: reason))
                } else {
                    events += setRole(role, of: target, actor: actor?.nick, reason: reason)
                }
            case .member(let jid, let member):
                apply(member, jid, actor?.nick, &events, &absent, id)
            }
        }
        return (events, absent)
    }

    private func check(
        _ item: RoomItem, _ affiliation: RoomAffiliation, _ actor: RoomAffiliation, _ session: JID
    ) throws(StanzaError) -> (JID, RoomMember) {
        var user = item.jid?.bare
        if user == nil, let nick = item.nick {
            guard let occupant = occupantsByNick[nick] else {
                throw StanzaError(.cancel, .itemNotFound, "nobody in the room has that nickname")
            }
            user = occupant.user
        }
        guard let user else { throw .badRequest("an affiliation is changed by address") }
        // §9.1: nobody bans himself.
        if affiliation == .outcast, user == session.bare, actor >= .admin {
            throw StanzaError(.cancel, .conflict, "you cannot ban yourself")
        }
        try RoomPrivileges.changeAffiliation(
            from: members[user]?.affiliation ?? RoomAffiliation.none, to: affiliation, by: actor)
        var member = RoomMember(affiliation, reservedNick: members[user]?.reservedNick, reason: item.reason)
        if item.jid != nil, let nick = item.nick, affiliation >= .member {
            guard let jid = try? self.jid.withResource(nick), let prepared = jid.resource else { throw .jidMalformed() }
            for (other, known) in members where known.reservedNick == prepared && other != user { throw .nickConflict }
            member.reservedNick = prepared
        }
        if affiliation < .member { member.reservedNick = nil }
        return (user, member)
    }

    /// §10.4, §10.5: the last owner stays one.
    func checkOwners(_ after: [JID: RoomAffiliation]) throws(StanzaError) {
        guard !after.isEmpty else { return }
        let remain = members.contains { $0.value.affiliation == .owner && after[$0.key] ?? .owner == .owner }
        guard remain || after.values.contains(.owner) else { throw .lastOwner }
    }

    private func checkCount(_ after: [JID: RoomAffiliation]) throws(StanzaError) {
        let added = after.reduce(0) { $0 + (members[$1.key] == nil && $1.value != .none ? 1 : 0) }
        guard members.count + added <= limits.members else { throw .membersFull }
    }

    /// Everything that follows from an affiliation that is allowed.
    func apply(
        _ member: RoomMember, _ jid: JID, _ actor: String?, _ events: inout [RoomEvent], _ absent: inout [RoomItem],
        _ id: () -> MessageID
    ) {
        let old = members[jid]?.affiliation ?? RoomAffiliation.none
        setMember(member.affiliation == .none ? nil : member, jid)
        let concerned = occupants.filter { $0.user == jid || (jid.local == nil && $0.user.domain == jid.domain) }
        guard !concerned.isEmpty else {
            guard old != member.affiliation else { return }
            let item = RoomItem(jid: jid, affiliation: member.affiliation, role: RoomRole.none, reason: member.reason)
            absent.append(item)
            events.append(announce(item, id()))
            return
        }
        for occupant in concerned {
            let affiliation = affiliation(of: occupant.user)
            if affiliation == .outcast {
                events.append(expel(occupant, codes: [301], actor: actor, reason: member.reason))
            } else if configuration.isMembersOnly, affiliation < .member {
                events.append(expel(occupant, codes: [321], actor: actor, reason: member.reason))
            } else {
                let role = affiliation.role(isModerated: configuration.isModerated)
                if role > occupant.role || old >= .admin { occupant.role = role }
                events.append(.presence(explained(occupant, actor, member.reason)))
            }
        }
    }

    /// §9.3: the occupants hear of somebody who is not there, those that may see addresses.
    private func announce(_ item: RoomItem, _ id: MessageID) -> RoomEvent {
        var x = XMLElement("x", namespace: RoomNamespace.user)
        var child = XMLElement(
            "item", namespace: RoomNamespace.user,
            attributes: ["affiliation": (item.affiliation ?? RoomAffiliation.none).word, "role": "none"])
        child["jid"] = item.jid?.description
        if let reason = item.reason, !reason.isEmpty {
            child.children.append(
                .element(XMLElement("reason", namespace: RoomNamespace.user, children: [.text(reason)])))
        }
        x.children = [.element(child)]
        return announcement(x, type: "normal", id: id, to: everybody().filter(\.seesJID))
    }

    func setRole(_ role: RoomRole, of occupant: RoomOccupant, actor: String?, reason: String?) -> [RoomEvent] {
        guard occupant.role != role else { return [] }
        let wasShown = isShown(occupant.role)
        occupant.role = role
        if role != .visitor { occupant.asksForVoice = false }
        var presence = explained(occupant, actor, reason)
        // Others have to see the end of what they saw.
        if wasShown { presence.recipients = everybody(about: occupant) }
        return [.presence(presence)]
    }

    private func explained(_ occupant: RoomOccupant, _ actor: String?, _ reason: String?) -> RoomPresence {
        var presence = broadcast(occupant)
        presence.actor = actor
        presence.reason = reason
        return presence
    }
}

extension StanzaError {
    static let membersFull = StanzaError(.wait, .resourceConstraint, "the room has too many affiliations")
}
