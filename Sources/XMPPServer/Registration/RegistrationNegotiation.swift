import IMCore
import XMLWire
import XMPPWire

/// In-band registration before the login (XEP-0077 §3.1.1).
extension C2SSession {
    /// Passwords are taken only where nobody can listen.
    var offersRegistration: Bool { server.config.registration.isOpen && isSecure }

    /// Answers a request about registration; false when the element is none.
    func registrationRequest(_ iq: XMLElement) -> Bool {
        guard let query = iq.child("query", namespace: XMPPFeature.registrationNamespace) else { return false }
        guard offersRegistration else {
            refuseRegistration(iq, .serviceUnavailable)
            return true
        }
        switch iq["type"] {
        case "get":
            let instructions = XMLText.escape(server.config.registration.instructions)
            answerRegistration(
                iq,
                "<query xmlns='\(XMPPFeature.registrationNamespace)'><instructions>\(instructions)</instructions>"
                    + "<username/><password/></query>")
        case "set": createAccount(iq, query)
        default: refuseRegistration(iq, .badRequest("registration is asked with get and done with set"))
        }
        return true
    }

    private func createAccount(_ iq: XMLElement, _ query: XMLElement) {
        let config = server.config.registration
        func notAcceptable(_ text: String, _ kind: StanzaError.Kind = .modify) {
            refuseRegistration(iq, StanzaError(kind, .notAcceptable, text))
        }
        if query.child("remove", namespace: XMPPFeature.registrationNamespace) != nil {
            return refuseRegistration(iq, StanzaError(.wait, .unexpectedRequest, "log in first"))
        }
        guard let negotiation, !negotiation.hasRegistered else {
            return notAcceptable("one account is created on a stream", .cancel)
        }
        guard server.registrations.allows(remoteAddress, uptime: server.time.uptime) else {
            return notAcceptable("too many accounts from this address: wait an hour", .wait)
        }
        guard let name = query.child("username", namespace: XMPPFeature.registrationNamespace)?.text, !name.isEmpty,
            let text = query.child("password", namespace: XMPPFeature.registrationNamespace)?.text, !text.isEmpty
        else { return notAcceptable("a user name and a password are needed") }
        guard let jid = try? JID(local: name, domain: domain, resource: nil) else {
            return notAcceptable("the user name has characters that are not allowed")
        }
        guard let password = try? JIDPreparation.password(text) else {
            return notAcceptable("the password has characters that are not allowed")
        }
        if let problem = config.problem(with: password) { return notAcceptable(problem) }
        guard !config.reserved.contains(jid.local ?? "") else {
            return refuseRegistration(iq, StanzaError(.cancel, .conflict, "the user name is taken"))
        }
        server.registrations.failed(remoteAddress, uptime: server.time.uptime)
        pauseInput()
        server.authentication.derive(password, of: jid) { [self] credentials in
            guard let credentials else {
                refuseRegistration(iq, StanzaError(.wait, .resourceConstraint))
                return resumeInput()
            }
            store(jid, credentials, iq)
        }
    }

    private func store(_ jid: JID, _ credentials: Credentials, _ iq: XMLElement) {
        let now = server.time.now
        server.router.journal.perform(
            {
                try AccountStore.add(jid, name: nil, isAdmin: false, credentials: credentials, now: now, in: $0) != nil
            },
            then: { [self] (result: Result<Bool, any Error>) in
                defer { resumeInput() }
                switch result {
                case .success(true):
                    negotiation?.hasRegistered = true
                    server.logger.notice(
                        "account registered", metadata: ["jid": "\(jid)", "address": "\(remoteAddress)"])
                    answerRegistration(iq, "")
                case .success(false):
                    refuseRegistration(iq, StanzaError(.cancel, .conflict, "the user name is taken"))
                case .failure: refuseRegistration(iq, StanzaError(.wait, .internalServerError))
                }
            })
        server.router.journal.flush()
    }

    private func answerRegistration(_ iq: XMLElement, _ content: String) {
        append(Array("<iq type='result'\(registrationHead(iq))>\(content)</iq>".utf8))
    }

    private func refuseRegistration(_ iq: XMLElement, _ error: StanzaError) {
        append(Array("<iq type='error'\(registrationHead(iq))>\(error.xml)</iq>".utf8))
    }

    private func registrationHead(_ iq: XMLElement) -> String {
        " id='\(XMLText.escape(iq["id"] ?? ""))' from='\(XMLText.escape(domain))'"
    }
}
