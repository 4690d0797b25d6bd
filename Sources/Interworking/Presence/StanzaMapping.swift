import Ground
import IMCore
import PresenceWire
import XMLWire
import XMPPWire

/// Presence stanzas and tuples (RFC 8048 §5 and §6).
public enum PresenceStanzaMapping {
    private static let idleNamespace = "urn:xmpp:idle:1"

    /// The tuple of one resource.
    ///
    /// - Parameters:
    ///   - stanza: without type, or of type `unavailable`.
    ///   - address: `user@domain` of the sender.
    public static func tuple(of stanza: XMLElement, resource: String, address: String) -> PIDF.Tuple {
        let isOpen = stanza["type"] != "unavailable"
        var tuple = PIDF.Tuple(id: PresentityDocument.tupleID(resource), isOpen: isOpen)
        tuple.show = stanza.child("show", namespace: StanzaNamespace.client)?.text ?? ""
        let priority =
            stanza.child("priority", namespace: StanzaNamespace.client).flatMap { Int8($0.text) } ?? 0
        if isOpen, priority >= 0 {
            tuple.contact = "sip:" + address
            tuple.priority = PresentityDocument.contactPriority(priority)
        }
        for status in stanza.elements where status.name == "status" && status.namespace == StanzaNamespace.client {
            tuple.notes.append(PIDF.Note(status.text, language: status["xml:lang"] ?? stanza["xml:lang"] ?? ""))
        }
        if let delay = stanza.child("delay", namespace: "urn:xmpp:delay")?["stamp"] { tuple.timestamp = delay }
        return tuple
    }

    /// One stanza for each tuple, from the bare address with the tuple's id as resource.
    ///
    /// - Parameters:
    ///   - from: bare address of the presentity.
    ///   - language: of the document (Content-Language); empty for none.
    public static func stanzas(of document: PIDF, from: JID, language: String = "") -> [XMLElement] {
        let person = document.persons.first
        return document.tuples.prefix(32).map { tuple in
            let isOpen = tuple.isOpen ?? true
            var stanza = XMLElement("presence", namespace: StanzaNamespace.client)
            let resource = tuple.id.hasPrefix("ID-") ? String(tuple.id.dropFirst(3)) : tuple.id
            stanza["from"] = "\(from.bare)/\(resource)"
            if !isOpen { stanza["type"] = "unavailable" }
            if !language.isEmpty { stanza["xml:lang"] = language }
            if isOpen {
                let show = show(of: tuple, person)
                if show != .available { stanza.append("show", show.rawValue) }
            }
            if let note = tuple.notes.first ?? person?.notes.first ?? document.notes.first, !note.text.isEmpty {
                stanza.append("status", String(note.text.prefix(ActivityMapping.noteLength)))
            }
            if isOpen, let priority = PresentityDocument.priority(ofContact: tuple.priority), priority > 0 {
                stanza.append("priority", String(priority))
            }
            if let input = person?.input ?? tuple.input, input.isIdle, let since = Timestamp.parse(input.last) {
                stanza.children.append(
                    .element(
                        XMLElement(
                            "idle", namespace: idleNamespace, attributes: ["since": Timestamp.format(since.floor)])))
            }
            return stanza
        }
    }

    private static func show(of tuple: PIDF.Tuple, _ person: Person?) -> PresenceInput.Show {
        if let show = PresenceInput.Show(rawValue: tuple.show) { return show }
        let activities = (person?.activities ?? []) + tuple.activities
        return activities.lazy.compactMap { ActivityMapping.show(of: $0) }.first ?? .available
    }
}

extension XMLElement {
    fileprivate mutating func append(_ name: String, _ text: String) {
        children.append(.element(XMLElement(name, namespace: StanzaNamespace.client, children: [.text(text)])))
    }
}
