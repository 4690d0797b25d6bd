import Ground
import IMCore
import XMLWire
import XMPPWire

/// SASL (RFC 6120 §6) with SCRAM (RFC 5802, 7677) and PLAIN (RFC 4616).
extension C2SSession {
    func authenticate(_ element: XMLElement) {
        guard let name = element["mechanism"], mechanisms.contains(name) else {
            return saslFailed(
                element["mechanism"] == "PLAIN" ? .encryptionRequired : .invalidMechanism)
        }
        guard server.authentication.allows(address: remoteAddress, account: nil) else {
            return saslFailed(.temporaryAuthFailure, "too many failed logins: wait a minute")
        }
        mechanism = name
        phase = .authenticating
        switch name {
        case "SCRAM-SHA-256", "SCRAM-SHA-1":
            negotiation?.exchange = .scram(
                ScramServerMachine(
                    hash: name == "SCRAM-SHA-1" ? .sha1 : .sha256, channelBinding: nil, offersPlus: false,
                    isPlusMechanism: false, nonce: Array(RandomToken.make().utf8)), username: "")
        default: negotiation?.exchange = .plain
        }
        if element.text.isEmpty {
            // No initial response: an empty challenge asks for it (RFC 6120 §6.4.2).
            return append(Array("<challenge xmlns='\(XMPPNamespace.sasl)'/>".utf8))
        }
        saslResponse(element)
    }

    func saslResponse(_ element: XMLElement) {
        let text = element.text
        guard let data = text == "=" ? [] : Array(text.utf8).withUnsafeBytes({ Base64.decode($0) }) else {
            return saslFailed(.incorrectEncoding)
        }
        switch negotiation?.exchange {
        case .plain: plain(data)
        case .scram(let machine, let username): scram(machine, username, data)
        case nil: saslFailed(.malformedRequest)
        }
    }

    private func plain(_ data: [UInt8]) {
        negotiation?.exchange = nil
        guard let message = PlainMessage(data) else { return saslFailed(.malformedRequest) }
        guard let jid = try? JID(local: message.username, domain: domain, resource: nil),
            let password = try? JIDPreparation.password(message.password)
        else { return rejected(nil) }
        if let authzid = message.authzid, (try? JID(parsing: authzid)) != jid { return saslFailed(.invalidAuthzid) }
        guard server.authentication.allows(address: remoteAddress, account: jid) else {
            return saslFailed(.temporaryAuthFailure, "too many failed logins: wait a minute")
        }
        pauseInput()
        server.authentication.check(password, of: jid) { [self] verdict in
            switch verdict {
            case .right: accepted(jid, [])
            case .wrong: rejected(jid)
            case .tryLater: saslFailed(.temporaryAuthFailure)
            }
            resumeInput()
        }
    }

    private func scram(_ machine: ScramServerMachine, _ username: String, _ data: [UInt8]) {
        var machine = machine
        if username.isEmpty {
            let name: String
            let authzid: String?
            switch machine.clientFirst(data) {
            case .needVerifier(let username, let identity): (name, authzid) = (username, identity)
            case .failure(let failure): return saslFailed(failure)
            }
            guard let jid = try? JID(local: name, domain: domain, resource: nil) else { return rejected(nil) }
            if let authzid, !authzid.isEmpty, (try? JID(parsing: authzid)) != jid { return saslFailed(.invalidAuthzid) }
            guard server.authentication.allows(address: remoteAddress, account: jid) else {
                return saslFailed(.temporaryAuthFailure, "too many failed logins: wait a minute")
            }
            pauseInput()
            let hash: ScramHash = mechanism == "SCRAM-SHA-1" ? .sha1 : .sha256
            server.authentication.verifier(jid, hash) { [self] verifier in
                defer { resumeInput() }
                guard phase == .authenticating else { return }
                guard let verifier else { return saslFailed(.temporaryAuthFailure) }
                let challenge = machine.verifierFound(verifier)
                negotiation?.exchange = .scram(machine, username: jid.local ?? "")
                append(
                    Array(
                        "<challenge xmlns='\(XMPPNamespace.sasl)'>\(Base64.encode(challenge))</challenge>".utf8))
            }
            return
        }
        negotiation?.exchange = nil
        let jid = JID(preparedLocal: username, domain: domain, resource: nil)
        switch machine.clientFinal(data) {
        case .success(let serverFinal): accepted(jid, serverFinal)
        case .failure(.notAuthorized): rejected(jid)
        case .failure(let failure): saslFailed(failure)
        }
    }

    private func accepted(_ jid: JID, _ serverFinal: [UInt8]) {
        guard phase == .authenticating else { return }
        server.authentication.succeeded(account: jid)
        account = jid
        negotiation?.exchange = nil
        scanner.restart()
        scanner.limits = XMLLimits(
            elementBytes: server.config.stanzaBytes, depth: server.config.stanzaDepth)
        phase = .header
        append(
            Array(
                (serverFinal.isEmpty
                    ? "<success xmlns='\(XMPPNamespace.sasl)'/>"
                    : "<success xmlns='\(XMPPNamespace.sasl)'>\(Base64.encode(serverFinal))</success>").utf8))
    }

    private func rejected(_ jid: JID?) {
        server.authentication.failed(address: remoteAddress, account: jid)
        server.logger.info(
            "login refused", metadata: ["account": "\(jid?.description ?? "?")", "address": "\(remoteAddress)"])
        saslFailed(.notAuthorized)
    }

    /// RFC 6120 §6.4.5: the client may try again, a few times.
    func saslFailed(_ failure: SASLFailure, _ text: String? = nil) {
        guard phase != .ended, let negotiation else { return }
        negotiation.exchange = nil
        negotiation.failures += 1
        phase = .negotiating
        let why = text.map { "<text xml:lang='en'>\(XMLText.escape($0))</text>" } ?? ""
        append(Array("<failure xmlns='\(XMPPNamespace.sasl)'><\(failure.rawValue)/>\(why)</failure>".utf8))
        if negotiation.failures >= Negotiation.allowedFailures {
            end(StreamError(.policyViolation, "too many failed logins on this stream"))
        }
    }
}
