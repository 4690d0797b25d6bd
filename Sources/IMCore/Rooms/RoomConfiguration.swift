import XMPPWire

/// Bounds of every room, from the settings.
public struct RoomLimits: Sendable {
    /// Occupants of a room: the greatest choice of its owners.
    public var occupants = 1_000
    /// Messages shown to a newcomer who does not say how many.
    public var history = 15
    /// Affiliations of a room.
    public var members = 5_000
    /// Bytes of a name, a nickname, a password, a reason.
    static let textBytes = 1_023

    public init() {}
}

/// Who may write to single occupants (`muc#roomconfig_allowpm`).
public enum PrivateMessageRule: String, Sendable, CaseIterable { case anyone, participants, moderators, none }

/// Who sees the full addresses of occupants (`muc#roomconfig_whois`): a non-anonymous room is one where anyone does.
public enum AddressVisibility: String, Sendable, CaseIterable { case moderators, anyone }

/// What owners choose for a room (XEP-0045 §15.6.3).
public struct RoomConfiguration: Sendable, Equatable {
    public var name = ""
    public var description = ""
    public var language = ""
    public var isPersistent = false
    public var isPublic = true
    public var isMembersOnly = false
    public var isModerated = false
    public var isPasswordProtected = false
    public var password = ""
    public var visibility = AddressVisibility.moderators
    /// Participants may change the subject, not only moderators.
    public var allowsSubjectChange = false
    /// Every occupant may invite, also into a members-only room.
    public var allowsInvitations = false
    public var privateMessages = PrivateMessageRule.anyone
    /// Roles whose presence others see.
    public var presenceRoles: [String] = ["moderator", "participant", "visitor"]
    /// Roles that may read the list of members.
    public var listReaders: [String] = ["moderator", "participant", "visitor"]
    /// The conversation is recorded, as occupants are told (status codes 170 and 171).
    public var isLogged = false
    /// Zero is: as many as the server allows.
    public var maxOccupants = 0
    /// Messages shown to a newcomer at most; nil is what the server shows.
    public var maxHistory: Int?

    public init() {}

    public var isNonAnonymous: Bool { visibility == .anyone }

    func occupantLimit(_ limits: RoomLimits) -> Int {
        maxOccupants == 0 ? limits.occupants : min(maxOccupants, limits.occupants)
    }
}
