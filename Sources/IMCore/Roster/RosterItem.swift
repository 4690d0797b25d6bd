import XMPPWire

/// One contact of a user, or the trace of a request that is not in the roster yet.
public final class RosterItem {
    public let contact: JID
    /// The bare address as bytes; presence is addressed with it.
    public let address: [UInt8]
    public var name: String
    public var groups: [String]
    public var subscription: SubscriptionMachine
    /// The open request as it arrived, delivered again at each login until answered (RFC 6121 §3.1.3).
    public var request: [UInt8]?
    /// False for a mere incoming request: clients do not see it in the roster (RFC 6121 A.1).
    public var isVisible: Bool

    public init(
        contact: JID, name: String = "", groups: [String] = [], subscription: SubscriptionMachine = .init(),
        request: [UInt8]? = nil, isVisible: Bool
    ) {
        self.contact = contact
        address = Array(contact.description.utf8)
        self.name = name
        self.groups = groups
        self.subscription = subscription
        self.request = request
        self.isVisible = isVisible
    }

    /// The `<item/>` of roster results and pushes.
    public var xml: String {
        var xml = "<item jid='\(XMLText.escape(contact.description))'"
        if !name.isEmpty { xml += " name='\(XMLText.escape(name))'" }
        xml += " subscription='\(subscription.attribute)'"
        if subscription.pendingOut { xml += " ask='subscribe'" }
        if subscription.approved { xml += " approved='true'" }
        guard !groups.isEmpty else { return xml + "/>" }
        xml += ">"
        for group in groups { xml += "<group>\(XMLText.escape(group))</group>" }
        return xml + "</item>"
    }
}
