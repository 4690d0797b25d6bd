import Crypto
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
        server.router.homes.withHome(account) { [self] home in
            guard phase == .authenticating else { return resumeInput() }
            guard let home else {
                end(StreamError(.notAuthorized, "the account was removed"))
                return resumeInput()
            }
            endEarlierSessions(of: home)
            enter(home, as: wanted)
            extensibleSucceeded(answer.with(bound(request)))
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
    private func bound(_ request: XMLElement) -> String {
        var answers = ""
        for element in request.elements {
            if let inline = server.registry.inline(element) { answers += inline.enable(self, element) }
        }
        return "<bound xmlns='\(XMPPNamespace.bind2)'>\(answers)</bound>"
    }
}
