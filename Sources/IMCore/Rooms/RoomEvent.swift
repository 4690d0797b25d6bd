import Ground
import XMLWire
import XMPPWire

/// Who gets a copy of what happens in a room.
public struct RoomRecipient {
    public let jid: JID
    public let address: [UInt8]
    /// May see the full addresses of occupants (XEP-0045 §4.2).
    public let seesJID: Bool
    /// It is about the recipient's own occupant (status code 110).
    public let isOwn: Bool
}

/// Something that a room tells its occupants, in the order in which it has to reach them.
public enum RoomEvent {
    case presence(RoomPresence)
    case message(RoomMessage)
}

/// Presence of an occupant (XEP-0045 §7.2.2).
public struct RoomPresence {
    public struct Destruction: Sendable {
        public var alternate: JID?
        public var password: String?
        public var reason: String?

        public init(alternate: JID? = nil, password: String? = nil, reason: String? = nil) {
            self.alternate = alternate
            self.password = password
            self.reason = reason
        }
    }

    public var nick: String
    /// Full address, for those who may see it.
    public var jid: JID
    /// Children of the stanza besides the room's own.
    public var content: [XMLElement.Node] = []
    public var isAvailable = true
    public var affiliation: RoomAffiliation
    public var role: RoomRole
    /// The nickname that follows this one (§7.6).
    public var nextNick: String?
    /// Nickname of who did it.
    public var actor: String?
    public var reason: String?
    /// Status codes for everybody, and those that only the occupant gets, besides 110.
    public var codes: [Int] = []
    public var ownCodes: [Int] = []
    public var destruction: Destruction?
    public var recipients: [RoomRecipient] = []
}

/// A message of the room or of an occupant.
public struct RoomMessage {
    /// With `from`, without `to`.
    public var stanza: XMLElement
    /// Nil for the room itself.
    public var nick: String?
    public var id: MessageID
    public var recipients: [RoomRecipient]
}
