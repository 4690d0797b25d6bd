import IMCore
import XMLWire
import XMPPWire

/// Private XML storage (XEP-0049): elements that only their owner reads.
extension XMPPFeature {
    private static let privateNamespace = "jabber:iq:private"

    static var privateStorage: XMPPFeature {
        XMPPFeature(
            "private-storage", [Standard("XEP-0049", "Private XML Storage", "1.2")],
            requests: [
                Request(
                    name: "query", namespace: privateNamespace, scopes: [.account, .contact], handle: handlePrivate)
            ],
            serverFeatures: [privateNamespace], accountFeatures: [privateNamespace])
    }

    private static func handlePrivate(_ request: IQRequest) {
        // XEP-0049 §2.3: another user's storage.
        guard request.target == nil || request.target == request.home.jid else {
            return request.refuse(StanzaError(.auth, .forbidden))
        }
        let elements = request.payload.elements
        guard !elements.isEmpty else { return request.refuse(.badRequest("no element is named")) }
        guard !elements.contains(where: { $0.namespace.isEmpty || $0.namespace == privateNamespace }) else {
            return request.refuse(StanzaError(.modify, .notAcceptable, "the element needs a namespace of its own"))
        }
        request.isSet ? store(elements, request) : read(elements, request)
    }

    private static func read(_ elements: [XMLElement], _ request: IQRequest) {
        guard elements.count == 1, let element = elements.first else {
            return request.refuse(.badRequest("one element can be read at a time"))
        }
        let (name, namespace, userID) = (element.name, element.namespace, request.home.id)
        request.server.router.journal.perform(
            { try ProfileStore.privateElement(name, namespace: namespace, of: userID, in: $0) },
            then: { result in
                switch result {
                case .success(let stored):
                    let empty = "<\(name) xmlns='\(XMLText.escape(namespace))'/>"
                    let content = stored.map { String(decoding: $0, as: UTF8.self) } ?? empty
                    request.reply("<query xmlns='\(privateNamespace)'>\(content)</query>")
                case .failure: request.refuse(StanzaError(.wait, .internalServerError))
                }
            })
    }

    private static func store(_ elements: [XMLElement], _ request: IQRequest) {
        atPersonalService(request) { service, requester in
            request.pubsub(service, requester) {
                try $0.setPrivate(elements)
                return ""
            }
        }
    }
}
