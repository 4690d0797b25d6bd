import Ground
import XMPPWire

/// A message that a client of ours sent, stamped and ready to be delivered as it is.
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
    public var sender: any Endpoint
    public var senderHome: UserHome

    public init(
        id: MessageID, type: MessageType, traits: MessageTraits, bytes: [UInt8], fullAddress: [UInt8]?,
        ledgerNumber: UInt64?, sender: any Endpoint, senderHome: UserHome
    ) {
        self.id = id
        self.type = type
        self.traits = traits
        self.bytes = bytes
        self.fullAddress = fullAddress
        self.ledgerNumber = ledgerNumber
        self.sender = sender
        self.senderHome = senderHome
    }

    /// Nothing of the message can be lost any more.
    func acknowledge() {
        if let ledgerNumber { sender.stanzaIsSafe(ledgerNumber) }
    }
}
