import IMCore
import XMLWire
import XMPPWire

/// Push notifications (XEP-0357): enabling and disabling services. What is published is decided in `IMCore/Push`.
extension XMPPFeature {
    private static let pushNamespace = "urn:xmpp:push:0"
    /// Bytes of a form of publish options.
    private static let optionsLimit = 8_192

    static var push: XMPPFeature {
        XMPPFeature(
            "push",
            [
                Standard(
                    "XEP-0357", "Push Notifications", "0.4.1",
                    .partial("a disabled service is not tried again, affiliation changes are not followed"))
            ],
            requests: [
                Request(name: "enable", namespace: pushNamespace, scopes: [.account], handle: enable),
                Request(name: "disable", namespace: pushNamespace, scopes: [.account], handle: disable),
            ],
            accountFeatures: [pushNamespace])
    }

    /// The service that a request names; nil when it was refused.
    private static func service(_ request: IQRequest) -> (jid: JID, node: String?)? {
        guard request.isSet else {
            request.refuse(.badRequest("push services are set"))
            return nil
        }
        guard let text = request.payload["jid"] else {
            request.refuse(.badRequest("the push service's jid is missing"))
            return nil
        }
        guard let jid = try? JID(parsing: text) else {
            request.refuse(.jidMalformed("the push service's jid is malformed"))
            return nil
        }
        let node = request.payload["node"]
        guard node?.utf8.count ?? 0 <= 1_023 else {
            request.refuse(StanzaError(.modify, .notAcceptable, "a node has at most 1023 bytes"))
            return nil
        }
        return (jid, node)
    }

    private static func enable(_ request: IQRequest) {
        guard let (jid, node) = service(request), let session = request.session else { return }
        var options: [UInt8]?
        if let form = request.payload.child("x", namespace: DataForm.namespace) {
            let type = form.elements.first { $0["var"] == DataForm.formTypeField }?.elements.first?.text
            guard type == "http://jabber.org/protocol/pubsub#publish-options" else {
                return request.refuse(.badRequest("the form must be one of publish options"))
            }
            // §7: a form that answers; clients leave its type out, as the examples do.
            var form = form
            form["type"] = "submit"
            var bytes: [UInt8] = []
            form.write(into: &bytes, inheritedNamespace: "")
            guard bytes.count <= optionsLimit else {
                return request.refuse(
                    StanzaError(.modify, .notAcceptable, "publish options have at most \(optionsLimit) bytes"))
            }
            options = bytes
        }
        request.server.router.enablePush(jid, node: node ?? "", options: options, for: session, request.home) {
            request.finish($0)
        }
    }

    private static func disable(_ request: IQRequest) {
        guard let (jid, node) = service(request) else { return }
        request.server.router.disablePush(jid, node: node, request.home) { request.finish($0) }
    }
}
