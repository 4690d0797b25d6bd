import IMCore
import XMLWire
import XMPPWire

/// Privacy lists (XEP-0016), for clients that do not know the blocking command.
extension XMPPFeature {
    static var privacyLists: XMPPFeature {
        XMPPFeature(
            "privacy-lists",
            [
                Standard(
                    "XEP-0016", "Privacy Lists", "1.7",
                    .partial(
                        "rules for one resource of a contact do not see broadcast presence, nor rules of one session"
                            + " stored messages"))
            ],
            requests: [
                Request(
                    name: "query", namespace: PrivacyList.namespace, scopes: [.account], handle: handlePrivacy)
            ],
            serverFeatures: [PrivacyList.namespace], accountFeatures: [PrivacyList.namespace])
    }

    private static func handlePrivacy(_ request: IQRequest) {
        guard let session = request.session else { return request.refuse(.serviceUnavailable) }
        let children = request.payload.elements
        request.isSet ? setPrivacy(request, session, children) : getPrivacy(request, session, children)
    }

    private static func getPrivacy(_ request: IQRequest, _ session: C2SSession, _ children: [XMLElement]) {
        guard let child = children.first else {
            let (names, active, standard) = request.home.privacyLists(for: session)
            func element(_ word: String, _ name: String) -> String { "<\(word) name='\(XMLText.escape(name))'/>" }
            var xml = "<query xmlns='\(PrivacyList.namespace)'>"
            if let active { xml += element("active", active) }
            if let standard { xml += element("default", standard) }
            for name in names { xml += element("list", name) }
            return request.reply(xml + "</query>")
        }
        guard children.count == 1, child.name == "list", let name = child["name"] else {
            return request.refuse(.badRequest("one list can be asked for at a time, by its name"))
        }
        guard let list = request.home.privacyList(name) else { return request.refuse(.itemNotFound) }
        request.reply(
            XMLElement("query", namespace: PrivacyList.namespace, children: [.element(list.element)]))
    }

    private static func setPrivacy(_ request: IQRequest, _ session: C2SSession, _ children: [XMLElement]) {
        guard children.count == 1, let child = children.first, child.namespace == PrivacyList.namespace else {
            return request.refuse(.badRequest("one active, default or list element is needed"))
        }
        let (router, home) = (request.server.router, request.home)
        switch child.name {
        case "active": request.finish(router.setActiveList(child["name"], for: session, home))
        case "default": router.setDefaultList(child["name"], by: session, home) { request.finish($0) }
        case "list":
            do throws(StanzaError) {
                router.setList(try PrivacyList(child), by: session, home) { request.finish($0) }
            } catch {
                request.refuse(error)
            }
        default: request.refuse(.badRequest("one active, default or list element is needed"))
        }
    }
}
