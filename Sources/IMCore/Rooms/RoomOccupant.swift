import XMLWire
import XMPPWire

/// One client of an occupant.
public struct RoomSession {
    /// Full address.
    public let jid: JID
    /// The same, as bytes.
    public let address: [UInt8]
    /// What the client said about itself: the children of its presence, without those of chat rooms.
    public internal(set) var presence: [XMLElement.Node]

    init(_ jid: JID, presence: [XMLElement.Node]) {
        self.jid = jid
        address = Array(jid.description.utf8)
        self.presence = presence
    }
}

/// Someone in a room: one nickname, one user, and the clients that the user is there with (XEP-0045 §7.2.9).
public final class RoomOccupant {
    public let nick: String
    /// Bare address.
    public let user: JID
    public internal(set) var role: RoomRole
    /// Never empty while in the room; the one that spoke up last is at the end.
    public internal(set) var sessions: [RoomSession]
    /// Waits for a moderator's answer (§7.13).
    var asksForVoice = false

    /// Clients under one nickname.
    static let sessionLimit = 20

    init(nick: String, user: JID, role: RoomRole, session: RoomSession) {
        self.nick = nick
        self.user = user
        self.role = role
        sessions = [session]
    }

    /// What others see of the occupant.
    var shown: RoomSession { sessions[sessions.count - 1] }
}
