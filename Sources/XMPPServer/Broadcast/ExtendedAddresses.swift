import XMLWire
import XMPPWire

/// The `<addresses/>` of a stanza for many (XEP-0033 §4).
struct ExtendedAddresses {
    static let namespace = "http://jabber.org/protocol/address"
    /// Our extension: a group of the sender's roster as an address (docs/broadcast.md).
    static let groupNamespace = "urn:roost:broadcast:0"

    enum Kind: String { case to, cc, bcc, replyto, replyroom, noreply, ofrom }

    struct Address {
        var kind: Kind
        var element: XMLElement
        /// Nil for a group and for `noreply`.
        var jid: JID?
        /// Name of a roster group.
        var group: String?
        var isDelivered: Bool

        /// Whether the stanza has to be brought there.
        var isRecipient: Bool { (kind == .to || kind == .cc || kind == .bcc) && !isDelivered }
    }

    var addresses: [Address]

    /// Nil when the stanza has none.
    /// - Throws: `jid-malformed` for addresses that are none and for URIs, which are not understood; `bad-request` for
    ///   what the schema does not allow.
    init?(in stanza: XMLElement) throws(StanzaError) {
        guard let element = stanza.child("addresses", namespace: Self.namespace) else { return nil }
        addresses = []
        for child in element.elements where child.name == "address" && child.namespace == Self.namespace {
            addresses.append(try Self.read(child))
        }
    }

    private static func read(_ element: XMLElement) throws(StanzaError) -> Address {
        guard let kind = element["type"].flatMap({ Kind(rawValue: $0) }) else {
            throw .badRequest("an address needs a type: to, cc, bcc, replyto, replyroom or noreply")
        }
        let isDelivered = element["delivered"] == "true" || element["delivered"] == "1"
        var address = Address(kind: kind, element: element, jid: nil, group: nil, isDelivered: isDelivered)
        if let text = element["jid"] {
            guard element["uri"] == nil else { throw .badRequest("an address has a jid or a uri, not both") }
            guard let jid = try? JID(parsing: text) else { throw .jidMalformed("'\(text)' is not an address") }
            address.jid = jid
        } else if element["uri"] != nil {
            guard isDelivered || kind != .to && kind != .cc && kind != .bcc else {
                throw .jidMalformed("addresses by uri are not understood")
            }
        } else if let group = element.child("group", namespace: groupNamespace) {
            address.group = group.text
        } else if kind != .noreply {
            throw .badRequest("an address needs a jid")
        }
        return address
    }
}
