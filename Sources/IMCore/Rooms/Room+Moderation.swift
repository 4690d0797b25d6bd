import Ground
import XMLWire
import XMPPWire

/// Messages taken back by moderators (XEP-0425).
extension Room {
    public static let moderation = "urn:xmpp:message-moderate:1"
    private static let retraction = "urn:xmpp:message-retract:1"

    /// Takes a message out of what newcomers see, and tells everybody (XEP-0425 §3).
    ///
    /// - Parameter name: the room's id of the message.
    /// - Throws: `forbidden` for who is no moderator, `item-not-found` for a message that the room no longer has.
    public func moderate(
        _ name: String, by session: JID, reason: XMLElement?, id: MessageID
    ) throws(StanzaError) -> [RoomEvent] {
        guard let actor = occupantsBySession[session] else { throw .notInRoom }
        guard actor.role == .moderator else { throw .roomForbidden }
        let own = jid.description
        let isKnown = history.remove { entry in
            entry.stanza.elements.contains {
                $0.name == "stanza-id" && $0.namespace == "urn:xmpp:sid:0" && $0["by"] == own && $0["id"] == name
            }
        }
        guard isKnown else { throw .itemNotFound }
        var retract = XMLElement("retract", namespace: Self.retraction, attributes: ["id": name])
        let moderated = XMLElement(
            "moderated", namespace: Self.moderation, attributes: ["by": address(of: actor.nick)])
        retract.children = [.element(moderated)]
        if let reason, !reason.text.isEmpty {
            retract.children.append(
                .element(XMLElement("reason", namespace: Self.retraction, children: [.text(reason.text)])))
        }
        return [announcement(retract, type: "groupchat", id: id, to: everybody())]
    }
}
