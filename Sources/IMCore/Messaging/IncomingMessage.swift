import Ground
import XMLWire
import XMPPWire

/// A message of a client or a service of ours, stamped and ready to be delivered as it is.
public struct IncomingMessage {
    public var id: MessageID
    public var type: MessageType
    public var traits: MessageTraits
    /// The stanza with `from`, `to` and stanza id, as every recipient gets it.
    public var bytes: [UInt8]
    /// Full address it is for, as bytes, when it has a resource; nil for a bare address.
    public var fullAddress: [UInt8]?
    /// Number in the sender's ack ledger, nil without stream management.
    public var ledgerNumber: UInt64?
    public var sender: any StanzaSource
    /// Nil when a service or a component sent it.
    public var senderHome: UserHome?
    /// Who it is from, where that is not the source's own address.
    public var from: JID?
    /// Of the `id` that the sender's client gave it (`MessageTrail.hash`); 0 for none.
    public var nameHash: UInt64 = 0
    /// How it came, for the trail, where that is not over XMPP.
    public var way: StaticString = ""
    /// Whose archives keep it; found out when the recipient is known.
    var record: ArchiveRecord?

    public init(
        id: MessageID, type: MessageType, traits: MessageTraits, bytes: [UInt8], fullAddress: [UInt8]?,
        ledgerNumber: UInt64?, sender: any StanzaSource, senderHome: UserHome?,
        from: JID? = nil
    ) {
        self.id = id
        self.type = type
        self.traits = traits
        self.bytes = bytes
        self.fullAddress = fullAddress
        self.ledgerNumber = ledgerNumber
        self.sender = sender
        self.senderHome = senderHome
        self.from = from
    }

    /// Whom it is for, as it says itself; read from the stanza.
    var recipient: [UInt8] { XMLElement(stored: bytes)?["to"].map { Array($0.utf8) } ?? [] }

    /// Nothing of the message can be lost any more.
    func acknowledge() {
        if let ledgerNumber { sender.stanzaIsSafe(ledgerNumber) }
    }
}
