import IMCore
import XMLWire
import XMPPWire

/// The allow list: users and domains that are let in, in the manner of the blocking command (docs/availability.md).
extension XMPPFeature {
    static let allowNamespace = "urn:roost:allow:0"

    static var allowList: XMPPFeature {
        XMPPFeature(
            "allow-list", [],
            requests: [
                Request(name: "allowlist", namespace: allowNamespace, scopes: [.account], handle: listAllowed),
                Request(name: "allow", namespace: allowNamespace, scopes: [.account], handle: allow),
                Request(name: "disallow", namespace: allowNamespace, scopes: [.account], handle: disallow),
            ],
            accountFeatures: [allowNamespace])
    }

    private static func listAllowed(_ request: IQRequest) {
        guard !request.isSet else { return request.refuse(.badRequest("the allow list is asked with get")) }
        let items = request.home.allowed.map(\.description).sorted()
            .map { "<item jid='\(XMLText.escape($0))'/>" }.joined()
        request.reply("<allowlist xmlns='\(allowNamespace)'>\(items)</allowlist>")
    }

    private static func allow(_ request: IQRequest) {
        guard request.isSet, let jids = request.addresses(allowNamespace), !jids.isEmpty else {
            return request.refuse(.badRequest("allow needs items with well-formed addresses"))
        }
        request.server.router.allow(jids, request.home) { request.finish($0) }
    }

    private static func disallow(_ request: IQRequest) {
        guard request.isSet, let jids = request.addresses(allowNamespace) else {
            return request.refuse(.badRequest("disallow needs items with well-formed addresses"))
        }
        request.server.router.disallow(jids, request.home) { request.finish($0) }
    }
}

extension IQRequest {
    /// The addresses of the items of a block or allow request; nil when one is malformed.
    func addresses(_ namespace: String) -> [JID]? {
        var jids: [JID] = []
        var seen: Set<JID> = []
        for item in payload.elements where item.name == "item" && item.namespace == namespace {
            guard let text = item["jid"], let jid = try? JID(parsing: text) else { return nil }
            if seen.insert(jid).inserted { jids.append(jid) }
        }
        return jids
    }
}
