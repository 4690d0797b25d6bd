import IMCore
import XMPPWire

/// Last activity (XEP-0012): uptime of the server, and when a user was last there.
extension XMPPFeature {
    private static let lastNamespace = "jabber:iq:last"

    static var lastActivity: XMPPFeature {
        XMPPFeature(
            "last-activity", [Standard("XEP-0012", "Last Activity", "2.0")],
            requests: [
                Request(
                    name: "query", namespace: lastNamespace, scopes: [.server, .account, .contact],
                    handle: handleLast)
            ],
            serverFeatures: [lastNamespace], accountFeatures: [lastNamespace])
    }

    private static func handleLast(_ request: IQRequest) {
        guard !request.isSet else { return request.refuse(.badRequest("last activity is asked with get")) }
        let server = request.server
        guard let target = request.target, target != request.home.jid else {
            return request.reply("<query xmlns='\(lastNamespace)' seconds='0'/>")
        }
        if target.local == nil {
            let seconds = max(0, (server.time.uptime - server.startedAt) / 1_000)
            return request.reply("<query xmlns='\(lastNamespace)' seconds='\(seconds)'/>")
        }
        server.router.homes.withHome(target) { other in
            guard let other, !other.blocks(request.asker, .iq),
                server.router.showsPresence(of: other, to: request.home)
            else { return request.refuse(StanzaError(.auth, .forbidden)) }
            if other.isShown {
                return request.reply("<query xmlns='\(lastNamespace)' seconds='0'/>")
            }
            guard let last = other.lastSeenAt else { return request.refuse(.itemNotFound) }
            let seconds = max(0, (server.time.now - last) / 1_000)
            let status = XMLText.escape(other.lastStatus ?? "")
            request.reply("<query xmlns='\(lastNamespace)' seconds='\(seconds)'>\(status)</query>")
        }
    }
}
