import IMCore
import XMLWire
import XMPPWire

/// Roster requests (RFC 6121 §2), with versioning (§2.6).
extension XMPPFeature {
    private static let rosterNamespace = "jabber:iq:roster"

    static var roster: XMPPFeature {
        XMPPFeature(
            "roster",
            [Standard("RFC 6121", "Instant Messaging and Presence"), Standard("XEP-0237", "Roster Versioning", "1.3")],
            requests: [
                Request(name: "query", namespace: rosterNamespace, scopes: [.account, .contact], handle: handleRoster)
            ],
            serverFeatures: [rosterNamespace], accountFeatures: [rosterNamespace],
            streamFeature: "<ver xmlns='urn:xmpp:features:rosterver'/>")
    }

    /// Pre-approval (RFC 6121 §3.4).
    static var subscriptions: XMPPFeature {
        XMPPFeature("subscriptions", [], streamFeature: "<sub xmlns='urn:xmpp:features:pre-approval'/>")
    }

    private static func handleRoster(_ request: IQRequest) {
        // §2.1.5, §2.3.3: nobody else's roster; the same answer whether the account exists or not.
        guard request.target == nil || request.target == request.home.jid else {
            return request.refuse(StanzaError(.auth, .forbidden))
        }
        request.isSet ? setRoster(request) : getRoster(request)
    }

    private static func getRoster(_ request: IQRequest) {
        let home = request.home
        // §2.1.3: a roster get names no items.
        guard !request.payload.elements.contains(where: { $0.name == "item" }) else {
            return request.refuse(.badRequest("a roster get has no items"))
        }
        request.session?.isInterested = true
        let version = String(home.rosterVersion)
        if let known = request.payload["ver"], known == version { return request.reply() }
        let items = request.server.router.rosterItems(home).map(\.xml).joined()
        request.reply("<query xmlns='\(rosterNamespace)' ver='\(version)'>\(items)</query>")
    }

    private static func setRoster(_ request: IQRequest) {
        let items = request.payload.elements.filter { $0.name == "item" && $0.namespace == rosterNamespace }
        guard items.count == 1, let item = items.first else {
            return request.refuse(.badRequest("a roster set has exactly one item"))
        }
        guard let text = item["jid"], let contact = try? JID(parsing: text) else {
            return request.refuse(.badRequest("the item's jid is missing or malformed"))
        }
        let bare = contact.bare
        guard bare != request.home.jid else {
            return request.refuse(StanzaError(.cancel, .notAllowed, "your own address cannot be a contact"))
        }
        let router = request.server.router
        if item["subscription"] == "remove" {
            return router.removeRosterItem(bare, request.home) { request.finish($0) }
        }
        var groups: [String] = []
        for element in item.elements where element.name == "group" && element.namespace == rosterNamespace {
            let group = element.text
            // RFC 6121 §2.3.3: empty and repeated groups, names and groups that are too long.
            guard !group.isEmpty, group.utf8.count <= 1_023 else {
                return request.refuse(StanzaError(.modify, .notAcceptable, "a group needs 1 to 1023 bytes"))
            }
            guard !groups.contains(group) else {
                return request.refuse(.badRequest("a group is named twice"))
            }
            guard groups.count < 100 else {
                return request.refuse(StanzaError(.modify, .notAcceptable, "a contact has at most 100 groups"))
            }
            groups.append(group)
        }
        let name = item["name"] ?? ""
        guard name.utf8.count <= 1_023 else {
            return request.refuse(StanzaError(.modify, .notAcceptable, "a name has at most 1023 bytes"))
        }
        router.setRosterItem(.init(contact: bare, name: name, groups: groups), request.home) { request.finish($0) }
    }
}
