import XMPPWire

/// Something to tell after the commit (XEP-0060 §7.1.2 and others).
public struct PubSubEvent: Sendable {
    /// Who may hear of what happens at a node.
    struct Audience: Sendable {
        var accessModel: AccessModel
        var groups: [String]
        /// Those that subscribed themselves, with the address they gave.
        var subscribers: [JID]
        /// Bare addresses that hear nothing.
        var outcasts: Set<String>
        /// Bare addresses that may read whatever the access model.
        var affiliates: Set<String>
        /// Subscribers that are not there hear nothing.
        var isAvailableOnly: Bool
    }

    enum Receiver: Sendable {
        case audience(Audience)
        case address(JID)
    }

    var node: String
    /// What stands inside the message, serialised.
    var content: String
    var type: MessageType
    var receiver: Receiver

    /// The content of an `<event/>` message.
    static func event(_ inner: String) -> String { "<event xmlns='\(PubSubNamespace.event)'>\(inner)</event>" }

    /// A publication, as the node's configuration wants it told.
    static func items(_ node: String, _ items: [PubSubItem], _ configuration: NodeConfiguration) -> String {
        var xml = "<items node='\(XMLText.escape(node))'>"
        for item in items { xml += itemXML(item, configuration, payload: configuration.deliversPayloads) }
        return event(xml + "</items>")
    }

    static func itemXML(_ item: PubSubItem, _ configuration: NodeConfiguration, payload: Bool) -> String {
        var head = "<item id='\(XMLText.escape(item.id))'"
        // §7.1.2.3: never what the publisher says itself.
        if configuration.itemReply == .publisher { head += " publisher='\(XMLText.escape(item.publisher))'" }
        guard payload, !item.payload.isEmpty else { return head + "/>" }
        return head + ">" + String(decoding: item.payload, as: UTF8.self) + "</item>"
    }

    static func retraction(_ node: String, _ ids: [String]) -> String {
        let retracted = ids.map { "<retract id='\(XMLText.escape($0))'/>" }.joined()
        return event("<items node='\(XMLText.escape(node))'>\(retracted)</items>")
    }

    static func subscription(_ node: String, _ jid: JID, _ word: String) -> String {
        event(
            "<subscription node='\(XMLText.escape(node))' jid='\(XMLText.escape(jid.description))'"
                + " subscription='\(word)'/>")
    }
}
