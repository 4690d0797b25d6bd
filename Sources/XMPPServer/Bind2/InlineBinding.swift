import Crypto
import Ground
import IMCore
import XMLWire
import XMPPWire

/// Resource binding together with the login (XEP-0386).
extension C2SSession {
    /// Longest tag that becomes part of a resource.
    static let tagBytes = 200

    /// Binds if the client asked for it, and completes the login.
    func bindInline(_ request: XMLElement?, _ answer: SASL2Success) {
        guard let request, let account else { return extensibleSucceeded(answer) }
        let wanted = inlineResource(request)
        withHome(account) { [self] home in
            archiveBounds(of: home) { [self] bounds in
                // Not the same home if that took long.
                withHome(account) { [self] home in
                    endEarlierSessions(of: home)
                    // Unbound, the client binds by itself, and hears why it cannot.
                    guard server.router.hasRoom(for: wanted, home) else { return extensibleSucceeded(answer) }
                    enter(home, as: wanted)
                    historyUpTo = bounds?.last
                    let metadata = bounds.map {
                        ArchiveProtocol.metadata($0.first, $0.last, server.router.journal.names)
                    }
                    extensibleSucceeded(answer.with(bound(request, metadata ?? "")))
                }
            }
        }
    }

    /// Goes on with the login if there still is one, and an account for it.
    private func withHome(_ account: JID, then: @escaping (UserHome) -> Void) {
        server.router.homes.withHome(account) { [self] home in
            guard phase == .authenticating else { return resumeInput() }
            guard let home else {
                end(StreamError(.notAuthorized, "the account was removed"))
                return resumeInput()
            }
            then(home)
        }
    }

    /// The ends of the user's archive; nil when it is empty, off, or cannot be read now.
    private func archiveBounds(of home: UserHome, then: @escaping ((first: MessageID, last: MessageID)?) -> Void) {
        guard server.router.config.archive.isEnabled, !server.config.switchedOff.contains("archive") else {
            return then(nil)
        }
        server.router.archiveBounds(of: home) { result in
            guard case .success(let bounds) = result else { return then(nil) }
            then(bounds)
        }
    }

    /// `tag/identifier`. One installation of a client gets the same identifier every time (§3.2.1); what it is made of
    /// cannot be found out from it.
    private func inlineResource(_ request: XMLElement) -> String {
        let identifier: String
        if let id = userAgent?.id, let account {
            let code = HMAC<SHA256>.authenticationCode(
                for: Array("\(account) \(id)".utf8), using: SymmetricKey(data: server.authentication.resourceSecret))
            identifier = String(Base64.encode(Array(code)).filter { $0.isLetter || $0.isNumber }.prefix(16))
        } else {
            identifier = String(RandomToken.make().prefix(16))
        }
        guard let tag = request.child("tag", namespace: XMPPNamespace.bind2)?.text, !tag.isEmpty,
            tag.utf8.count <= Self.tagBytes, let resource = try? JIDPreparation.resourcepart(tag + "/" + identifier)
        else { return identifier }
        return resource
    }

    /// §3.2: the same installation has one session.
    private func endEarlierSessions(of home: UserHome) {
        guard let id = userAgent?.id else { return }
        for endpoint in home.endpoints {
            if let other = endpoint as? C2SSession, other !== self, other.userAgent?.id == id {
                other.end(StreamError(.conflict, "replaced by a new session of the same client"))
            }
        }
    }

    /// Switches on what the request names, in its order.
    private func bound(_ request: XMLElement, _ metadata: String) -> String {
        var answers = metadata
        for element in request.elements {
            if let inline = server.registry.inline(element) { answers += inline.enable(self, element) }
        }
        return "<bound xmlns='\(XMPPNamespace.bind2)'>\(answers)</bound>"
    }
}
