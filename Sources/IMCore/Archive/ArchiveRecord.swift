import XMLWire
import XMPPWire

/// Settings of the archive.
public struct ArchiveConfig: Sendable {
    public var isEnabled = true
    /// What is kept for users who have not said what they want.
    public var preferences = ArchivePreferences(.always)
    /// Milliseconds that messages are kept; 0 for ever.
    public var retention: Int64 = 0

    public init() {}
}

/// In whose archives a message goes, and between whom it was. The row is written with the journal's next commit.
public struct ArchiveRecord: Sendable {
    /// Row ids of the accounts; nil where the message is not kept.
    var sender: Int64?
    var recipient: Int64?
    /// Full address of the sender, as bytes.
    var from: [UInt8]
    /// What the message is addressed to.
    var to: [UInt8]
}

extension MessagePolicy {
    /// Whether the message is of the kind that archives keep (XEP-0313 §5.1.1, XEP-0334).
    ///
    /// Everything with content is: bodies, receipts, markers, corrections, reactions, retractions, encrypted payloads,
    /// invitations. Chat states, transport of data and event notifications are not, unless `<store/>` asks for it.
    public static func isArchived(type: MessageType, traits: MessageTraits) -> Bool {
        (type == .chat || type == .normal) && !traits.isDisjoint(with: [.lasting, .store])
            && traits.isDisjoint(with: [.noStore, .noPermanentStore, .isCarbon])
    }
}

extension Router {
    /// Whether a message gets the server's stanza id (XEP-0359). Where there are archives, only what they keep does:
    /// clients take the id for a place in the archive.
    public func isIdentified(_ type: MessageType, _ traits: MessageTraits) -> Bool {
        guard config.archive.isEnabled else { return type == .chat || type == .normal }
        return MessagePolicy.isArchived(type: type, traits: traits)
    }

    /// Decides in whose archives a message to a user of ours goes, and removes the stanza id where the recipient has
    /// no archive to look it up in (XEP-0313 §3.5).
    func noteArchives(_ message: inout IncomingMessage, _ home: UserHome) {
        guard config.archive.isEnabled, MessagePolicy.isArchived(type: message.type, traits: message.traits) else {
            return
        }
        let standard = config.archive.preferences
        let to = message.fullAddress ?? home.address
        let from = message.from.map { Array($0.description.utf8) } ?? message.sender.address
        let recipient = home.keeps(from, standard) ? home.id : nil
        let sender = message.senderHome.flatMap { $0.keeps(to, standard) ? $0.id : nil }
        if recipient == nil { message.bytes = StanzaStamp.withoutStanzaID(message.bytes) }
        guard recipient != nil || sender != nil else { return }
        message.record = ArchiveRecord(sender: sender, recipient: recipient, from: from, to: to)
    }
}

extension Router {
    /// Keeps a message of a user to a service; what comes back is kept by `noteArchives`.
    ///
    /// `element` has the sender's full address as `from`. The service answers for the message itself: the archive's row
    /// follows with the next commit and nobody waits for it.
    public func keepSent(_ element: XMLElement, by source: any StanzaSource, of home: UserHome, to jid: JID) {
        let type = MessageType(rawValue: element["type"] ?? "normal") ?? .normal
        let to = Array(jid.description.utf8)
        guard config.archive.isEnabled, MessagePolicy.isArchived(type: type, traits: MessageTraits(of: element)),
            home.keeps(to, config.archive.preferences), !journal.isFull
        else { return }
        let record = ArchiveRecord(sender: home.id, recipient: nil, from: source.address, to: to)
        journal.settle(
            journal.accept(
                id: journal.nextID(), userID: 0, bytes: element.stanzaBytes, record: record, origin: nil, number: 0))
    }
}

extension UserHome {
    /// Whether messages with a peer are kept, by the user's own preferences or the server's.
    fileprivate func keeps(_ peer: [UInt8], _ standard: ArchivePreferences) -> Bool {
        let preferences = archivePreferences ?? standard
        if preferences.keepsAll { return true }
        guard let jid = try? JID(parsing: String(decoding: peer, as: UTF8.self)) else { return false }
        // Messages to oneself have no contact to be in the roster.
        return preferences.keeps(jid, isInRoster: roster[jid.bare]?.isVisible ?? (jid.bare == self.jid))
    }
}
