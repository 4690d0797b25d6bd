import Ground
import XMLWire
import XMPPWire

/// What the discussion is about (XEP-0045 §8.1).
public struct RoomSubject: Sendable, Equatable {
    /// The `<subject/>` elements, one for each language; none while there was no subject yet.
    public var elements: [XMLElement] = []
    /// Who set it.
    public var nick = ""
    /// Milliseconds since 1970; zero for a room without subject.
    public var changedAt: Int64 = 0

    public init() {}

    init(_ elements: [XMLElement], nick: String, changedAt: Int64) {
        self.elements = elements
        self.nick = nick
        self.changedAt = changedAt
    }

    init(stored: [UInt8], nick: String, changedAt: Int64) {
        let read = stored.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
        }
        self.init(read?.elements ?? [], nick: nick, changedAt: changedAt)
    }

    var stored: [UInt8] {
        XMLElement("message", namespace: StanzaNamespace.client, children: elements.map { .element($0) }).stanzaBytes
    }

    public var text: String { elements.first?.text ?? "" }
}

/// A chat room (XEP-0045): who is in it, who may do what, how it is set up, what was said last.
///
/// Nothing here sends or stores: what happens comes back as events in the order in which occupants have to see them,
/// and as the change that a persistent room needs stored (`takeChange`). Confined to the loop of its service.
public final class Room {
    /// Bare address.
    public let jid: JID
    /// Milliseconds since 1970.
    public let createdAt: Int64
    public internal(set) var configuration = RoomConfiguration()
    public internal(set) var members: [JID: RoomMember] = [:]
    public internal(set) var subject = RoomSubject()
    /// Created, and not opened by its owner yet (§10.1.1).
    public internal(set) var isLocked = false
    /// In the order of their arrival.
    public internal(set) var occupants: [RoomOccupant] = []
    var occupantsByNick: [String: RoomOccupant] = [:]
    var occupantsBySession: [JID: RoomOccupant] = [:]
    var history = RoomHistory()
    public var limits: RoomLimits

    /// The store has it.
    private var isStored = false
    var hasUnstoredRow = false
    var unstoredMembers: Set<JID> = []

    /// A new room, locked, with its first owner.
    public init(_ jid: JID, owner: JID, now: Int64, limits: RoomLimits) {
        self.jid = jid
        createdAt = now
        self.limits = limits
        members[owner.bare] = RoomMember(.owner)
        isLocked = true
    }

    public init(_ record: RoomRecord, limits: RoomLimits) {
        jid = record.jid
        createdAt = record.createdAt
        configuration = record.configuration
        subject = record.subject
        members = record.members
        self.limits = limits
        isStored = true
    }

    // MARK: Who is who

    public func occupant(nick: String) -> RoomOccupant? { occupantsByNick[nick] }

    /// - Parameter session: a full address.
    public func occupant(_ session: JID) -> RoomOccupant? { occupantsBySession[session] }

    public func affiliation(of jid: JID) -> RoomAffiliation {
        if let member = members[jid.bare] { return member.affiliation }
        guard jid.local != nil else { return .none }
        return members[JID(preparedLocal: nil, domain: jid.domain, resource: nil)]?.affiliation ?? .none
    }

    /// The nickname that is kept for a user (§7.12).
    public func reservedNick(of jid: JID) -> String? { members[jid.bare]?.reservedNick }

    /// Messages that a newcomer gets without asking.
    public var shownHistory: Int { min(limits.history, configuration.maxHistory ?? .max) }

    /// Nobody is in it and nobody expects to find it again.
    public var isForgettable: Bool { occupants.isEmpty && !configuration.isPersistent }

    func setMember(_ member: RoomMember?, _ jid: JID) {
        members[jid] = member
        unstoredMembers.insert(jid)
    }

    /// What has to be stored; nil when nothing has.
    public func takeChange() -> RoomChange? {
        guard configuration.isPersistent, !isLocked else {
            hasUnstoredRow = false
            unstoredMembers = []
            guard isStored else { return nil }
            isStored = false
            return RoomChange(room: jid, row: .removed)
        }
        guard isStored else {
            isStored = true
            unstoredMembers = Set(members.keys)
            hasUnstoredRow = true
            return takeChange()
        }
        guard hasUnstoredRow || !unstoredMembers.isEmpty else { return nil }
        var change = RoomChange(room: jid)
        if hasUnstoredRow {
            change.row = .written(
                RoomRecord(jid: jid, createdAt: createdAt, configuration: configuration, subject: subject))
        }
        for jid in unstoredMembers { change.members.updateValue(members[jid], forKey: jid) }
        hasUnstoredRow = false
        unstoredMembers = []
        return change
    }

    /// The room is gone for good.
    public func takeRemoval() -> RoomChange? {
        guard isStored else { return nil }
        isStored = false
        return RoomChange(room: jid, row: .removed)
    }

    // MARK: Telling

    func recipient(_ session: RoomSession, of occupant: RoomOccupant, about subject: RoomOccupant?) -> RoomRecipient {
        RoomRecipient(
            jid: session.jid, address: session.address,
            seesJID: configuration.isNonAnonymous || occupant.role == .moderator, isOwn: occupant === subject)
    }

    /// Every client in the room; those of `subject` come last, so that they know that it is complete.
    func everybody(about subject: RoomOccupant? = nil, except: JID? = nil) -> [RoomRecipient] {
        var recipients: [RoomRecipient] = []
        recipients.reserveCapacity(occupants.count)
        for occupant in occupants where occupant !== subject {
            for session in occupant.sessions where session.jid != except {
                recipients.append(recipient(session, of: occupant, about: subject))
            }
        }
        guard let subject else { return recipients }
        for session in subject.sessions where session.jid != except {
            recipients.append(recipient(session, of: subject, about: subject))
        }
        return recipients
    }

    func ownRecipients(of occupant: RoomOccupant) -> [RoomRecipient] {
        occupant.sessions.map { recipient($0, of: occupant, about: occupant) }
    }

    /// Occupants whose presence others do not see are shown to themselves alone (`muc#roomconfig_presencebroadcast`).
    func isShown(_ role: RoomRole) -> Bool { configuration.presenceRoles.contains(role.rawValue) }

    /// The occupant's presence as it is now.
    func presence(of occupant: RoomOccupant, to recipients: [RoomRecipient]) -> RoomPresence {
        let shown = occupant.shown
        return RoomPresence(
            nick: occupant.nick, jid: shown.jid, content: shown.presence, affiliation: affiliation(of: occupant.user),
            role: occupant.role, recipients: recipients)
    }

    /// To everybody who may see it.
    func broadcast(_ occupant: RoomOccupant, except: JID? = nil) -> RoomPresence {
        var recipients = everybody(about: occupant, except: except)
        if !isShown(occupant.role) { recipients.removeAll { !$0.isOwn } }
        return presence(of: occupant, to: recipients)
    }

    /// A message of the room itself.
    func announcement(
        _ content: XMLElement, type: String, id: MessageID, to recipients: [RoomRecipient]
    ) -> RoomEvent {
        var stanza = XMLElement("message", namespace: StanzaNamespace.client, attributes: ["from": jid.description])
        if type != "normal" { stanza["type"] = type }
        stanza.children = [.element(content)]
        return .message(RoomMessage(stanza: stanza, nick: nil, id: id, recipients: recipients))
    }

    func address(of nick: String) -> String { jid.description + "/" + nick }
}

/// Namespaces of chat rooms.
public enum RoomNamespace {
    public static let muc = "http://jabber.org/protocol/muc"
    public static let user = "http://jabber.org/protocol/muc#user"
    public static let admin = "http://jabber.org/protocol/muc#admin"
    public static let owner = "http://jabber.org/protocol/muc#owner"
    public static let request = "http://jabber.org/protocol/muc#request"
    public static let information = "http://jabber.org/protocol/muc#roominfo"
}
