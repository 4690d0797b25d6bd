import IMCore
import XMLWire
import XMPPWire

/// Requests of XMPP clients to a SIP contact, which knows nothing of them: what it can is answered for it (XEP-0030).
extension SIPEndpoint {
    static let features = [
        "http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/chatstates", "urn:xmpp:receipts",
    ]
    private static let discovery = "http://jabber.org/protocol/disco#info"

    func answer(_ bytes: [UInt8]) {
        let read = bytes.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
        }
        guard let request = read, ["get", "set"].contains(request["type"]), let from = request["from"] else { return }
        var reply = XMLElement("iq", namespace: StanzaNamespace.client)
        reply["id"] = request["id"]
        reply["from"] = String(decoding: address, as: UTF8.self)
        reply["to"] = from
        if request["type"] == "get", let query = request.child("query", namespace: Self.discovery), query["node"] == nil
        {
            reply["type"] = "result"
            reply.children = [.element(Self.description)]
        } else {
            reply["type"] = "error"
            reply.children = [.element(StanzaError.serviceUnavailable.element)]
        }
        handler.router.send(reply, from: self)
    }

    private static var description: XMLElement {
        var query = XMLElement("query", namespace: discovery)
        query.children.append(
            .element(
                XMLElement(
                    "identity", namespace: discovery,
                    attributes: ["category": "client", "type": "phone", "name": "SIP"])))
        for feature in features {
            query.children.append(.element(XMLElement("feature", namespace: discovery, attributes: ["var": feature])))
        }
        return query
    }
}
