import XMPPWire

/// The refusals of XEP-0045, with the conditions of its table (§15.5).
extension StanzaError {
    static let roomForbidden = StanzaError(.auth, .forbidden)
    /// §7.4: whoever is not in the room.
    public static let notInRoom = StanzaError(.modify, .notAcceptable, "you are not in this room")
    static let noVoice = StanzaError(.auth, .forbidden, "visitors do not speak in this room")
    /// §7.2.6
    static let wrongPassword = StanzaError(.auth, .notAuthorized, "this room needs a password")
    /// §7.2.7
    static let membersOnly = StanzaError(.auth, .registrationRequired, "only members enter this room")
    /// §7.2.8
    static let banned = StanzaError(.auth, .forbidden, "you are banned from this room")
    /// §7.2.9
    static let nickConflict = StanzaError(.cancel, .conflict, "somebody else has this nickname")
    /// §7.2.10
    static let roomFull = StanzaError(.wait, .serviceUnavailable, "the room is full")
    /// §7.2.11
    static let roomLocked = StanzaError(.cancel, .itemNotFound, "the room is not open yet")
    static let lastOwner = StanzaError(.cancel, .conflict, "a room needs an owner")
}
