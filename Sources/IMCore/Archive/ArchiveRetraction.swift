import Ground
import Storage
import XMLWire
import XMPPWire

/// Retracted messages become tombstones in the archives (XEP-0424 §5).
extension Router {
    /// A retraction was accepted: looks for the message that it means and empties it.
    ///
    /// Only a message of the same author in the same conversation counts (§6). The last `retractionReach` messages of the
    /// conversation are looked at, outside the writer.
    func retract(_ message: IncomingMessage) {
        guard let record = message.record, let archive = record.sender ?? record.recipient,
            let retraction = message.bytes.withUnsafeBytes({
                try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
            }),
            let target = retraction.child("retract", namespace: RetractedMessage.namespace)?["id"], !target.isEmpty,
            let author = try? JID(parsing: String(decoding: record.from, as: UTF8.self)).bare,
            let recipient = try? JID(parsing: String(decoding: record.to, as: UTF8.self)).bare
        else { return }
        var selection = ArchiveStore.Selection(archive: archive)
        selection.peer = (record.sender != nil ? recipient : author).description
        selection.before = message.id.value
        let search = RetractedMessage(
            selection: selection, author: author, target: target, retractionID: retraction["id"],
            stamp: Timestamp.format(message.id.acceptedAt), left: Self.retractionReach)
        journal.whenIndexed { [self] in find(search) }
    }

    private static let retractionReach = 5_000

    private func find(_ search: RetractedMessage) {
        readArchive({ transaction in
            var search = search
            try search.step(in: transaction)
            return search
        }) { [self] result in
            guard case .success(let next) = result else { return }
            guard let found = next.found else {
                if next.left > 0 { find(next) }
                return
            }
            journal.perform { try ArchiveStore.replace(found.id, with: next.tombstone(of: found), in: $0) }
        }
    }
}

/// The search for a message that is to be retracted.
struct RetractedMessage: Sendable {
    static let namespace = "urn:xmpp:message-retract:1"

    var selection: ArchiveStore.Selection
    let author: JID
    /// `origin-id` (XEP-0359) or `id` of the message.
    let target: String
    let retractionID: String?
    let stamp: String
    /// Messages that may still be looked at.
    private(set) var left: Int
    private(set) var found: ArchiveStore.Message?

    init(
        selection: ArchiveStore.Selection, author: JID, target: String, retractionID: String?, stamp: String, left: Int
    ) {
        self.selection = selection
        self.author = author
        self.target = target
        self.retractionID = retractionID
        self.stamp = stamp
        self.left = left
    }

    mutating func step(in transaction: any Transaction) throws {
        let chunk = try ArchiveStore.page(
            selection, backwards: true, limit: 250, bytes: ArchiveQuery.pageBytes, in: transaction)
        found = chunk.messages.last { isMeant($0.stanza) }
        left = chunk.isLast ? 0 : left - chunk.messages.count
        if let first = chunk.messages.first { selection.before = first.id.value }
    }

    private func isMeant(_ stanza: [UInt8]) -> Bool {
        guard let message = Self.parse(stanza), message["type"] != "error",
            let from = message["from"].flatMap({ try? JID(parsing: $0) }), from.bare == author
        else { return false }
        let origin = message.child("origin-id", namespace: "urn:xmpp:sid:0")?["id"]
        return (origin ?? message["id"]) == target || message["id"] == target
    }

    /// What stands in the place of the message: who wrote to whom when, and that it was retracted.
    func tombstone(of message: ArchiveStore.Message) -> [UInt8] {
        var mark = XMLElement("retracted", namespace: Self.namespace, attributes: ["stamp": stamp])
        if let retractionID { mark["id"] = retractionID }
        return Self.tombstone(of: message.stanza, with: mark)
    }

    /// A stanza without its content; ids of archives stay. Also for moderated rooms (XEP-0425), with another mark.
    static func tombstone(of stanza: [UInt8], with mark: XMLElement) -> [UInt8] {
        guard var message = parse(stanza) else { return stanza }
        let ids = message.elements.filter { $0.namespace == "urn:xmpp:sid:0" }
        message.children = ([mark] + ids).map { .element($0) }
        return message.stanzaBytes
    }

    private static func parse(_ stanza: [UInt8]) -> XMLElement? {
        stanza.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
        }
    }
}
