import IMCore
import XMLWire
import XMPPWire

/// In-band registration (XEP-0077) for users: what is on file, a new password, the end of the account.
extension XMPPFeature {
    static let registrationNamespace = "jabber:iq:register"

    static var registration: XMPPFeature {
        XMPPFeature(
            "registration", [Standard("XEP-0077", "In-Band Registration", "2.4")],
            requests: [
                Request(
                    name: "query", namespace: registrationNamespace, scopes: [.account, .server], handle: register)
            ],
            serverFeatures: [registrationNamespace])
    }

    private static func register(_ request: IQRequest) {
        guard let session = request.session else { return request.refuse(.serviceUnavailable) }
        // §3.2: the account is that of the stream, whatever domain is asked.
        if let target = request.target, target.local == nil, target.domain != request.home.jid.domain {
            return request.refuse(.serviceUnavailable)
        }
        guard request.isSet else {
            let name = XMLText.escape(request.home.jid.local ?? "")
            return request.reply(
                "<query xmlns='\(registrationNamespace)'><registered/><username>\(name)</username><password/></query>")
        }
        if request.payload.child("remove", namespace: registrationNamespace) != nil {
            return removeAccount(request, session)
        }
        changePassword(request, session)
    }

    /// §3.3.
    private static func changePassword(_ request: IQRequest, _ session: C2SSession) {
        let config = request.server.config.registration
        guard config.allowsPasswordChange else { return request.refuse(.notAllowed) }
        // The password stands in the stanza as it is.
        guard session.isSecure else { return request.refuse(StanzaError(.auth, .notAuthorized, "start TLS first")) }
        // XEP-0257 §5.2: whoever has the certificate does not know the password.
        guard session.mechanism != "EXTERNAL" else {
            return request.refuse(StanzaError(.auth, .notAuthorized, "log in with the password to change it"))
        }
        guard let name = request.payload.child("username", namespace: registrationNamespace)?.text,
            let text = request.payload.child("password", namespace: registrationNamespace)?.text, !text.isEmpty
        else { return request.refuse(.badRequest("a user name and a password are needed")) }
        let jid = request.home.jid
        guard (try? JID(local: name, domain: jid.domain, resource: nil)) == jid else {
            return request.refuse(StanzaError(.cancel, .notAllowed, "the account is not yours"))
        }
        guard let password = try? JIDPreparation.password(text) else {
            return request.refuse(StanzaError(.modify, .notAcceptable, "the password has characters not allowed"))
        }
        if let problem = config.problem(with: password) {
            return request.refuse(StanzaError(.modify, .notAcceptable, problem))
        }
        request.server.authentication.derive(password, of: jid) { credentials in
            guard let credentials else { return request.refuse(StanzaError(.wait, .resourceConstraint)) }
            request.server.router.journal.perform(
                { try AccountStore.setCredentials(credentials, of: jid, in: $0) },
                then: { (result: Result<Bool, any Error>) in
                    guard case .success(true) = result else {
                        return request.refuse(StanzaError(.wait, .internalServerError))
                    }
                    request.server.router.passwordChanged(jid)
                    request.server.logger.info("password changed by its owner", metadata: ["jid": "\(jid)"])
                    request.reply()
                })
        }
    }

    /// §3.2: the answer, then the end of every stream of the account.
    private static func removeAccount(_ request: IQRequest, _ session: C2SSession) {
        guard request.payload.elements.count == 1 else {
            return request.refuse(.badRequest("remove stands alone"))
        }
        guard request.server.config.registration.allowsRemoval else { return request.refuse(.notAllowed) }
        let (jid, router) = (request.home.jid, request.server.router)
        router.endSubscriptions(request.home)
        router.journal.perform(
            { try AccountStore.remove(jid, in: $0) },
            then: { (result: Result<Bool, any Error>) in
                guard case .success = result else {
                    return request.refuse(StanzaError(.wait, .internalServerError))
                }
                request.server.logger.notice("account removed by its owner", metadata: ["jid": "\(jid)"])
                request.reply()
                router.accountRemoved(jid)
            })
    }
}
