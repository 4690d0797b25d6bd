import Ground
import IMCore
import XMLWire
import XMPPWire

/// SASL with SCRAM (RFC 5802, 7677), PLAIN (RFC 4616) and, in its second profile, hashed tokens; RFC 6120 §6 and
/// XEP-0388 share all of it but the elements around.
extension C2SSession {
    func authenticate(_ element: XMLElement) {
        negotiation?.profile = .rfc6120
        negotiation?.request = nil
        guard let name = element["mechanism"], mechanisms.contains(name) else {
            return saslFailed(
                element["mechanism"] == "PLAIN" ? .encryptionRequired : .invalidMechanism)
        }
        guard begin(name) else { return }
        if element.text.isEmpty { return challenge([]) }
        saslResponse(element)
    }

    /// Starts an exchange; false when it was refused.
    func begin(_ name: String) -> Bool {
        guard server.authentication.allows(address: remoteAddress, account: nil) else {
            saslFailed(.temporaryAuthFailure, "too many failed logins: wait a minute")
            return false
        }
        mechanism = name
        phase = .authenticating
        if let hashed = HashedTokenMechanism(rawValue: name) {
            negotiation?.exchange = .hashedToken(hashed)
        } else if name == "EXTERNAL" {
            negotiation?.exchange = .external
        } else if name == "PLAIN" {
            negotiation?.exchange = .plain
        } else {
            let bindings = channelBindings
            negotiation?.exchange = .scram(
                ScramServerMachine(
                    hash: scramHash, channelBindings: bindings, offersPlus: !bindings.isEmpty,
                    isPlusMechanism: name.hasSuffix("-PLUS"), nonce: Array(RandomToken.make().utf8),
                    announced: DowngradeProtection.text(
                        mechanisms: mechanisms, bindingTypes: bindings.map(\.type))), username: "")
        }
        return true
    }

    private var scramHash: ScramHash {
        mechanism.hasPrefix("SCRAM-SHA-1-") || mechanism == "SCRAM-SHA-1" ? .sha1 : .sha256
    }

    /// An empty one asks for the initial response (RFC 6120 §6.4.2).
    func challenge(_ bytes: [UInt8]) {
        let namespace = negotiation?.profile.namespace ?? XMPPNamespace.sasl
        append(
            Array(
                (bytes.isEmpty
                    ? "<challenge xmlns='\(namespace)'/>"
                    : "<challenge xmlns='\(namespace)'>\(Base64.encode(bytes))</challenge>").utf8))
    }

    func saslResponse(_ element: XMLElement) {
        let text = element.text
        // The second profile has no sign for emptiness (XEP-0388 §2.2).
        let isEmpty = text == "=" && negotiation?.profile == .rfc6120
        guard let data = isEmpty ? [] : Array(text.utf8).withUnsafeBytes({ Base64.decode($0) }) else {
            return saslFailed(.incorrectEncoding)
        }
        respond(data)
    }

    func respond(_ data: [UInt8]) {
        switch negotiation?.exchange {
        case .plain: plain(data)
        case .external: external(data)
        case .scram(let machine, let username): scram(machine, username, data)
        case .hashedToken(let mechanism): hashedToken(mechanism, data)
        case nil: saslFailed(.malformedRequest)
        }
    }

    private func plain(_ data: [UInt8]) {
        negotiation?.exchange = nil
        guard let message = PlainMessage(data) else { return saslFailed(.malformedRequest) }
        guard let jid = try? JID(local: message.username, domain: domain, resource: nil),
            let password = try? JIDPreparation.password(message.password)
        else { return rejected(nil) }
        guard isAuthorized(message.authzid, as: jid) else { return saslFailed(.invalidAuthzid) }
        guard mayTry(jid) else { return }
        pauseInput()
        server.authentication.check(password, of: jid) { [self] verdict in
            defer { resumeInput() }
            guard phase == .authenticating else { return }
            switch verdict {
            case .right: accepted(jid, [])
            case .wrong: rejected(jid)
            case .tryLater: saslFailed(.temporaryAuthFailure)
            }
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
            guard isAuthorized(authzid, as: jid) else { return saslFailed(.invalidAuthzid) }
            guard mayTry(jid) else { return }
            pauseInput()
            server.authentication.verifier(jid, scramHash) { [self] verifier in
                defer { resumeInput() }
                guard phase == .authenticating else { return }
                guard let verifier else { return saslFailed(.temporaryAuthFailure) }
                let reply = machine.verifierFound(verifier)
                negotiation?.exchange = .scram(machine, username: jid.local ?? "")
                challenge(reply)
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

    /// An authorization identity may only repeat the account; in the second profile also what the stream header said
    /// of its sender has to be that account (XEP-0388 §2.3).
    func isAuthorized(_ authzid: String?, as jid: JID) -> Bool {
        if let authzid, !authzid.isEmpty, (try? JID(parsing: authzid)) != jid { return false }
        guard negotiation?.profile == .extensible, let from = scanner.header?.from else { return true }
        return (try? JID(parsing: from))?.bare == jid
    }

    /// False when the account has to wait; the client is told.
    func mayTry(_ jid: JID) -> Bool {
        guard server.authentication.allows(address: remoteAddress, account: jid) else {
            saslFailed(.temporaryAuthFailure, "too many failed logins: wait a minute")
            return false
        }
        return true
    }

    /// The client is who it says.
    ///
    /// - Parameter additional: what the mechanism says with its success; empty when nothing.
    func accepted(_ jid: JID, _ additional: [UInt8]) {
        guard phase == .authenticating else { return }
        server.authentication.succeeded(account: jid)
        server.counters.logins += 1
        negotiation?.exchange = nil
        scanner.limits = XMLLimits(
            elementBytes: server.config.stanzaBytes, depth: server.config.stanzaDepth)
        if negotiation?.profile == .extensible { return extensibleAccepted(jid, additional) }
        account = jid
        scanner.restart()
        phase = .header
        append(
            Array(
                (additional.isEmpty
                    ? "<success xmlns='\(XMPPNamespace.sasl)'/>"
                    : "<success xmlns='\(XMPPNamespace.sasl)'>\(Base64.encode(additional))</success>").utf8))
    }

    func rejected(_ jid: JID?, _ failure: SASLFailure = .notAuthorized) {
        server.authentication.failed(address: remoteAddress, account: jid)
        server.counters.failedLogins += 1
        server.logger.info(
            "login refused", metadata: ["account": "\(jid?.description ?? "?")", "address": "\(remoteAddress)"])
        saslFailed(failure)
    }

    /// RFC 6120 §6.4.5: the client may try again, a few times.
    func saslFailed(_ failure: SASLFailure, _ text: String? = nil) {
        guard phase != .ended, let negotiation else { return }
        negotiation.exchange = nil
        negotiation.request = nil
        negotiation.failures += 1
        phase = .negotiating
        let namespace = negotiation.profile.namespace
        let condition =
            negotiation.profile == .rfc6120
            ? "<\(failure.rawValue)/>" : "<\(failure.rawValue) xmlns='\(XMPPNamespace.sasl)'/>"
        let why = text.map { "<text xml:lang='en'>\(XMLText.escape($0))</text>" } ?? ""
        append(Array("<failure xmlns='\(namespace)'>\(condition)\(why)</failure>".utf8))
        if negotiation.failures >= Negotiation.allowedFailures {
            end(StreamError(.policyViolation, "too many failed logins on this stream"))
        }
    }
}
