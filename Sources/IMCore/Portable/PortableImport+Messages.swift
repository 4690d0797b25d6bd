import Ground
import Storage
import XMLWire
import XMPPWire

/// Where the messages of an account that is imported stand among all others.
struct PortableMessages {
    /// Imported ids stay this far behind the clock, milliseconds: the journal gives out those of the moment.
    static let distance: Int64 = 2_000
    /// Stored messages by the id that the file's archive has them under.
    var stored: [String: MessageID] = [:]
    static let storedCapacity = 100_000
    private let latest: Int64
    private var lastStored = MessageID(0)
    private var lastArchived = MessageID(0)

    init(latest: Int64) { self.latest = latest }

    enum Sequence { case offline, archive }

    /// A free id for a message of that time: later than the one before it, the file's own where that is one of ours.
    mutating func id(
        at instant: Int64, wanted: MessageID?, in sequence: Sequence, isTaken: (MessageID) throws -> Bool
    ) rethrows -> MessageID {
        let last = sequence == .offline ? lastStored : lastArchived
        let time = max(1, min(instant, latest))
        var id = MessageID(max(time << 16, last.value + 1))
        if let wanted, wanted > last, wanted.acceptedAt == time { id = wanted }
        while try isTaken(id) { id = MessageID(id.value + 1) }
        if sequence == .offline { lastStored = id } else { lastArchived = id }
        return id
    }

    /// The message is stored under that id: the next of the archive comes after it.
    mutating func reuse(_ id: MessageID) -> Bool {
        guard id > lastArchived else { return false }
        lastArchived = id
        return true
    }
}

extension PortableImport {
    private static let sid = "urn:xmpp:sid:0"
    private static let delay = "urn:xmpp:delay"

    /// A message that waits for the user (XEP-0227 §4.4).
    mutating func takeOffline(_ message: XMLElement, _ line: Int) throws {
        guard message.name == "message", message.namespace == "jabber:client",
            message["from"].flatMap({ try? JID(parsing: $0) }) != nil
        else { return leaveOut(line, "a stored message without sender, or no message at all") }
        var message = message
        let name = takeName(&message)
        // The delay that the exporting server put in; ours follows at delivery.
        let domains = [user.jid.domain, address]
        let index =
            message.children.lastIndex { isDelay($0, from: domains) }
            ?? message.children.lastIndex { isDelay($0, from: nil) }
        var instant = now
        if let index, case .element(let element) = message.children[index],
            let stamp = element["stamp"].flatMap({ Timestamp.parse($0) })
        {
            instant = stamp.floor
            message.children.remove(at: index)
        }
        let transaction = transaction
        let id = try messages.id(
            at: instant, wanted: name.flatMap { names.id(named: $0) }, in: .offline,
            isTaken: { try JournalStore.isTaken($0, in: transaction) })
        if let name, messages.stored.count < PortableMessages.storedCapacity { messages.stored[name] = id }
        message["to"] = message["to"] ?? address
        var bytes = message.stanzaForm
        if name != nil { bytes = StanzaStamp.identified(bytes, names.name(of: id), by: Array(address.utf8)) }
        try JournalStore.add(id, stanza: bytes, of: self.id, in: transaction)
    }

    private func isDelay(_ node: XMLElement.Node, from: [String]?) -> Bool {
        guard case .element(let element) = node, element.name == "delay", element.namespace == Self.delay else {
            return false
        }
        guard let from else { return true }
        return element["from"].map(from.contains) ?? false
    }

    /// Takes the user's own archive ids (XEP-0359) out of a message; returns the last one.
    private func takeName(_ message: inout XMLElement) -> String? {
        var name: String?
        message.children.removeAll { node in
            guard case .element(let element) = node, element.name == "stanza-id", element.namespace == Self.sid,
                element["by"] == address
            else { return false }
            name = element["id"]
            return true
        }
        return name
    }

    /// An archived message as a result of XEP-0313 (XEP-0227 §4.11).
    mutating func takeArchived(_ result: XMLElement, _ line: Int) throws {
        guard result.name == "result", result.namespace == "urn:xmpp:mam:2",
            let forwarded = result.child("forwarded", namespace: "urn:xmpp:forward:0"),
            let found = forwarded.elements.first(where: { $0.name == "message" })?.asStanza(),
            let stamp = forwarded.child("delay", namespace: Self.delay)?["stamp"].flatMap({ Timestamp.parse($0) })
        else { return leaveOut(line, "an archived message without time, or no message at all") }
        var message = found
        _ = takeName(&message)
        guard let from = (message["from"] ?? address).parsed, let to = (message["to"] ?? address).parsed else {
            return leaveOut(line, "an archived message with a malformed address")
        }
        let isSent = from.bare == user.jid
        let isReceived = to.bare == user.jid || !isSent
        message["from"] = from.description
        let transaction = transaction
        let old = result["id"].flatMap { messages.stored[$0] }
        let id: MessageID
        if let old, messages.reuse(old) {
            id = old
        } else {
            id = try messages.id(
                at: stamp.floor, wanted: result["id"].flatMap { names.id(named: $0) }, in: .archive,
                isTaken: { try JournalStore.isTaken($0, in: transaction) })
        }
        if let old {
            // It waits for the user as well: one id for both, so that no client shows it twice.
            try JournalStore.remove(old, in: transaction)
            try JournalStore.add(id, stanza: [], of: self.id, in: transaction)
        }
        var bytes = message.stanzaForm
        if isReceived { bytes = StanzaStamp.identified(bytes, names.name(of: id), by: Array(address.utf8)) }
        let record = ArchiveRecord(
            sender: isSent ? self.id : nil, recipient: isReceived ? self.id : nil,
            from: Array(from.description.utf8), to: Array(to.description.utf8))
        try ArchiveStore.add(id, record, stanza: bytes, in: transaction)
        try ArchiveStore.indexLate(id, in: transaction)
    }
}

extension String {
    fileprivate var parsed: JID? { try? JID(parsing: self) }
}
