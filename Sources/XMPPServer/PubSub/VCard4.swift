import IMCore
import XMLWire
import XMPPWire

/// vCard 4 (XEP-0292): the item of the node `urn:xmpp:vcard4`, also to be had and set with a plain IQ.
extension XMPPFeature {
    private static let vcard4Namespace = "urn:ietf:params:xml:ns:vcard-4.0"
    private static let vcard4Node = "urn:xmpp:vcard4"

    static var vcard4: XMPPFeature {
        XMPPFeature(
            "vcard4",
            [Standard("XEP-0292", "vCard4 Over XMPP", "0.12.0", .partial("not converted to vcard-temp"))],
            requests: [
                Request(
                    name: "vcard", namespace: vcard4Namespace, scopes: [.account, .contact], handle: handleVCard4)
            ],
            accountFeatures: [vcard4Namespace])
    }

    private static func handleVCard4(_ request: IQRequest) {
        let isOwn = request.target == nil || request.target == request.home.jid
        if request.isSet {
            guard isOwn else { return request.refuse(StanzaError(.auth, .forbidden)) }
            var item = XMLElement("item", namespace: PubSubNamespace.pubsub, attributes: ["id": "current"])
            item.children = [.element(request.payload)]
            return atPersonalService(request) { [item] service, requester in
                request.pubsub(service, requester) {
                    _ = try $0.publish(vcard4Node, [item], options: nil)
                    return ""
                }
            }
        }
        atPersonalService(request) { service, requester in
            request.pubsub(service, requester) { engine in
                do {
                    return try engine.lastPayload(vcard4Node)
                } catch let error as StanzaError where isOwn && error.condition == .itemNotFound {
                    return "<vcard xmlns='\(vcard4Namespace)'/>"
                }
            }
        }
    }
}
