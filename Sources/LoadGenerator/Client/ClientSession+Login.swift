/// From the first stream features to an available resource (RFC 6120 §5 – §7, RFC 6121 §2.2, §4.2).
extension ClientSession {
    func featuresArrived(_ element: Element) {
        let options = fleet.options
        if options.security == .starttls, !isSecured {
            guard element.contains("<starttls") else {
                return fail("no STARTTLS offered", element.bytes.text(limit: 300))
            }
            step = .startingTLS
            return send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        }
        if fleet.scenario == .register { return register() }
        if !isAuthenticated { return authenticate(element) }
        needsSession = Self.requiresSession(element)
        step = .binding
        send(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                + "<resource>\(options.resource)</resource></bind></iq>")
    }

    /// RFC 3921 §3 asked for a session; servers that still announce it say whether it is optional.
    private static func requiresSession(_ features: Element) -> Bool {
        guard let start = features.bytes.offset(of: "<session", from: features.tagEnd) else { return false }
        let end = features.bytes.offset(of: "</session>", from: start) ?? start
        return features.bytes.part(start, end).offset(of: "<optional") == nil
    }

    // MARK: TLS and SASL

    func proceedArrived() {
        guard step == .startingTLS else { return fail("unexpected <proceed/>", "") }
        if startTLS() { openStream() }
    }

    private func authenticate(_ features: Element) {
        let options = fleet.options
        guard features.bytes.text().contains(">\(options.mechanism.rawValue)<") else {
            return fail("\(options.mechanism.rawValue) not offered", features.bytes.text(limit: 300))
        }
        let username = options.localpart(index)
        let initial: String
        switch options.mechanism {
        case .plain: initial = "\0\(username)\0\(options.password(index))"
        case .scramSHA1, .scramSHA256:
            let client = ScramClient(hash: options.mechanism == .scramSHA1 ? .sha1 : .sha256, username: username)
            initial = client.firstMessage
            scram = client
        }
        step = .authenticating
        send(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='\(options.mechanism.rawValue)'>"
                + "\(Base64.encode(Array(initial.utf8)))</auth>")
    }

    func challengeArrived(_ element: Element) {
        guard step == .authenticating, var client = scram, let challenge = Self.decodedText(element) else {
            return fail("unexpected challenge", element.bytes.text(limit: 300))
        }
        do {
            let answer = try client.answer(challenge) { parameters throws(ScramFailure) in
                try fleet.saltedPasswords.key(
                    account: fleet.options.bareJID(index), password: fleet.options.password(index), parameters)
            }
            scram = client
            send(
                "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\(Base64.encode(Array(answer.utf8)))</response>")
        } catch {
            fail("SCRAM: \(error)", challenge)
        }
    }

    func successArrived(_ element: Element) {
        guard step == .authenticating else { return fail("unexpected success", "") }
        if let client = scram {
            do {
                try client.verify(Self.decodedText(element) ?? "")
            } catch {
                return fail("SCRAM: \(error)", element.bytes.text(limit: 300))
            }
            scram = nil
        }
        isAuthenticated = true
        openStream()
    }

    private static func decodedText(_ element: Element) -> String? {
        Base64.decode(element.text.text()).map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: Registration

    private func register() {
        step = .registering
        let password = fleet.options.password(index).reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(character)
            }
        }
        send(
            "<iq type='set' id='register'><query xmlns='jabber:iq:register'>"
                + "<username>\(fleet.options.localpart(index))</username><password>\(password)</password></query></iq>"
        )
    }

    func registrationAnswered(_ element: Element, isError: Bool) {
        if isError {
            guard element.contains("<conflict") else {
                return fail("registration refused", element.bytes.text(limit: 300))
            }
            fleet.accountsThereAlready += 1
        }
        becomeOnline()
    }

    // MARK: Binding and presence

    func bindingAnswered(_ element: Element, isError: Bool) {
        guard !isError, element.contains("<jid") else {
            return fail("no resource bound", element.bytes.text(limit: 300))
        }
        guard needsSession else { return resourceBound() }
        step = .startingSession
        send("<iq type='set' id='session'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
    }

    func resourceBound() {
        guard fleet.options.usesStreamManagement else { return becomeAvailable() }
        step = .enablingManagement
        send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    }

    func managementEnabled() {
        guard step == .enablingManagement else { return fail("unexpected <enabled/>", "") }
        acks = AckTracker()
        becomeAvailable()
    }

    /// The rest of a client's beginning in one write: roster, presence, and a ping whose answer ends the login.
    private func becomeAvailable() {
        step = .probing
        if fleet.options.usesCarbons {
            sendStanza("<iq type='set' id='carbons'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
        }
        sendStanza("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
        sendStanza(fleet.options.usesEventing ? Eventing.presence : "<presence/>")
        sendStanza("<iq type='get' id='probe' to='\(fleet.options.domain)'><ping xmlns='urn:xmpp:ping'/></iq>")
    }

    func becomeOnline() {
        step = .online
        fleet.noteSecurity(of: self)
        fleet.sessionOnline(self)
    }
}
