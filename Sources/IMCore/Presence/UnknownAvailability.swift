import XMLWire
import XMPPWire

/// Presence that says that somebody takes part and nothing of how available they are: in a chat room, of an occupant
/// who does not share availability.
public enum UnknownAvailability {
    public static let namespace = "urn:roost:availability:0"

    /// What clients recognise it by: `<availability xmlns='urn:roost:availability:0' status='unknown'/>`.
    public static let sign = XMLElement("availability", namespace: namespace, attributes: ["status": "unknown"])

    /// What has nothing to do with status: abilities of the client, the picture, the name, the room's own.
    private static let kept: Set<String> = [
        "http://jabber.org/protocol/caps", "urn:xmpp:caps", "vcard-temp:x:update", "http://jabber.org/protocol/nick",
        "http://jabber.org/protocol/muc", "http://jabber.org/protocol/muc#user", "urn:xmpp:occupant-id:0",
    ]

    /// The children of a presence without everything that tells of status.
    ///
    /// - Parameter isSigned: with the sign; without for presence of type `unavailable`.
    public static func hiding(_ content: [XMLElement.Node], isSigned: Bool = true) -> [XMLElement.Node] {
        let rest = content.filter { node in
            guard case .element(let child) = node else { return false }
            return kept.contains(child.namespace)
        }
        return isSigned ? rest + [.element(sign)] : rest
    }

    /// The same of a whole stanza; nil when it cannot be read.
    static func hiding(_ stanza: PresenceStanza) -> PresenceStanza? {
        let read = stanza.bytes.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
        }
        guard var element = read else { return nil }
        element.children = hiding(element.children)
        return PresenceStanza(bytes: element.stanzaBytes, gap: "<presence".utf8.count)
    }
}
