import XMPPWire

/// What an occupant may do while in a room (XEP-0045 §5.1). Ordered by power.
public enum RoomRole: String, Sendable, CaseIterable, Comparable {
    case none, visitor, participant, moderator

    private var rank: Int {
        switch self {
        case .none: 0
        case .visitor: 1
        case .participant: 2
        case .moderator: 3
        }
    }

    public static func < (one: RoomRole, other: RoomRole) -> Bool { one.rank < other.rank }
}

/// What a user is to a room, in it or not (XEP-0045 §5.2). Ordered by power; the raw value is how it is stored.
public enum RoomAffiliation: Int64, Sendable, CaseIterable, Comparable {
    case outcast = -1
    case none = 0
    case member = 1
    case admin = 2
    case owner = 3

    public var word: String {
        switch self {
        case .outcast: "outcast"
        case .none: "none"
        case .member: "member"
        case .admin: "admin"
        case .owner: "owner"
        }
    }

    public init?(word: String) {
        guard let found = Self.allCases.first(where: { $0.word == word }) else { return nil }
        self = found
    }

    public static func < (one: RoomAffiliation, other: RoomAffiliation) -> Bool { one.rawValue < other.rawValue }

    /// The role at the door (§5.1.2).
    public func role(isModerated: Bool) -> RoomRole {
        switch self {
        case .outcast: .none
        case .none: isModerated ? .visitor : .participant
        case .member: .participant
        case .admin, .owner: .moderator
        }
    }
}

/// Someone with an affiliation.
public struct RoomMember: Sendable, Equatable {
    public var affiliation: RoomAffiliation
    /// Nobody else may use it (§7.10).
    public var reservedNick: String?
    public var reason: String?

    public init(_ affiliation: RoomAffiliation, reservedNick: String? = nil, reason: String? = nil) {
        self.affiliation = affiliation
        self.reservedNick = reservedNick
        self.reason = reason
    }
}

/// Who may have each role and affiliation changed by whom (§5.1.1, §5.2.1).
enum RoomPrivileges {
    /// - Throws: `forbidden` when the actor changes no roles of that kind at all, `not-allowed` when not this occupant's.
    static func changeRole(
        of target: (role: RoomRole, affiliation: RoomAffiliation), to role: RoomRole,
        by actor: (role: RoomRole, affiliation: RoomAffiliation)
    ) throws(StanzaError) {
        let isAdmin = actor.affiliation >= .admin
        guard isAdmin || actor.role == .moderator else { throw .roomForbidden }
        // Only admins make and unmake moderators (§9.6, §9.7).
        if role == .moderator || (target.role == .moderator && role != .none) {
            guard isAdmin else { throw .roomForbidden }
        }
        // §8.2, §8.4, §9.7: nobody of higher affiliation; and nobody takes the voice of an admin.
        guard target.affiliation <= actor.affiliation else { throw .notAllowed }
        if role == .visitor || role == .participant, target.affiliation >= .admin { throw .notAllowed }
    }

    /// - Throws: `forbidden` for an affiliation that the actor does not give, `not-allowed` for one not to be taken.
    static func changeAffiliation(
        from old: RoomAffiliation, to affiliation: RoomAffiliation, by actor: RoomAffiliation
    ) throws(StanzaError) {
        guard actor >= .admin else { throw .roomForbidden }
        guard actor != .owner else { return }
        // §9.1, §10.3: an admin has no say about admins and owners.
        guard old < .admin else { throw .notAllowed }
        guard affiliation < .admin else { throw .roomForbidden }
    }
}
