import IMCore
import XMLWire
import XMPPWire

/// Resource binding (RFC 6120 §7).
extension C2SSession {
    func bindRequest(_ iq: XMLElement) {
        let id = iq["id"] ?? ""
        guard iq["type"] == "set", let bind = iq.child("bind", namespace: XMPPNamespace.bind),
            let account
        else { return refusesEarly(iq) ? () : end(StreamError(.notAuthorized, "bind a resource first")) }
        var wanted = RandomToken.make()
        if let text = bind.child("resource", namespace: XMPPNamespace.bind)?.text, !text.isEmpty {
            guard let prepared = try? JIDPreparation.resourcepart(text) else {
                return bindFailed(id, StanzaError.badRequest("the resource is not allowed"))
            }
            wanted = prepared
        }
        pauseInput()
        server.router.homes.withHome(account) { [self] home in
            defer { resumeInput() }
            guard phase == .authenticated else { return }
            guard let home else {
                return end(StreamError(.notAuthorized, "the account was removed"))
            }
            self.bind(wanted, to: home, account: account, id: id)
        }
    }

    private func bind(_ wanted: String, to home: UserHome, account: JID, id: String) {
        // §7.6.2.1; the client may try again when another session has ended.
        guard server.router.hasRoom(for: certificate?.resource ?? wanted, home) else {
            return bindFailed(id, .tooManySessions)
        }
        enter(home, as: wanted)
        append(
            Array(
                ("<iq type='result' id='\(XMLText.escape(id))'><bind xmlns='\(XMPPNamespace.bind)'><jid>"
                    + "\(XMLText.escape(String(decoding: address, as: UTF8.self)))</jid></bind></iq>").utf8))
    }

    /// From now on this stream is a client of the user.
    func enter(_ home: UserHome, as wanted: String) {
        let account = home.jid
        // XEP-0257 §3: the certificate may be for one resource alone.
        let wanted = certificate?.resource ?? wanted
        resource = wanted
        let full = JID(preparedLocal: account.local, domain: account.domain, resource: wanted)
        address = Array(full.description.utf8)
        fromAttribute = Array(" from='".utf8) + XMLText.escaped(address) + [39]
        phase = .bound
        boundAt = server.time.now
        negotiation = nil
        self.home = home
        server.router.bind(self, to: home)
    }

    private func bindFailed(_ id: String, _ error: StanzaError) {
        append(Array("<iq type='error' id='\(XMLText.escape(id))'>\(error.xml)</iq>".utf8))
    }
}
