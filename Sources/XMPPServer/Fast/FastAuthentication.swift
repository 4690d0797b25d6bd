import Ground
import IMCore
import XMPPWire

/// Logins by token, and tokens for later logins (XEP-0484).
extension C2SSession {
    /// The one message of a token mechanism.
    func hashedToken(_ mechanism: HashedTokenMechanism, _ data: [UInt8]) {
        negotiation?.exchange = nil
        guard let request = negotiation?.request, let use = request.fast, let client = request.userAgent?.id,
            let message = HashedTokenMessage(data)
        else { return saslFailed(.malformedRequest) }
        guard let jid = try? JID(local: message.username, domain: domain, resource: nil) else { return rejected(nil) }
        guard isAuthorized(nil, as: jid) else { return saslFailed(.invalidAuthzid) }
        guard mayTry(jid) else { return }
        pauseInput()
        server.fast.check(message.proof, mechanism, of: jid, client: client, count: use.count) { [self] verdict in
            defer { resumeInput() }
            guard phase == .authenticating else { return }
            switch verdict {
            case .right(let token, let response):
                negotiation?.request?.usedToken = token
                accepted(jid, response)
            case .wrong: rejected(jid)
            case .expired: saslFailed(.credentialsExpired)
            case .tryLater: saslFailed(.temporaryAuthFailure)
            }
        }
    }

    /// Stores what the login changes about the client's tokens.
    ///
    /// - Parameter then: gets the `<token/>` for the client, empty when there is none.
    func settleTokens(
        _ request: SASL2Request, _ jid: JID, then: @escaping (Result<String, SASLFailure>) -> Void
    ) {
        guard let client = request.userAgent?.id else { return then(.success("")) }
        let issued = tokenWanted(request).map { mechanism in
            server.fast.make(
                mechanism, binding: channelBindings.first { $0.type == mechanism.bindingType }?.bytes ?? [])
        }
        let used = request.usedToken
        let changes = used?.slot == .new || request.fast?.count != nil || request.fast?.invalidates ?? false
        guard issued != nil || changes else { return then(.success("")) }
        server.fast.store(used: used, request.fast, issued: issued?.token, of: jid, client: client) { stored in
            switch stored {
            case nil: then(.failure(.temporaryAuthFailure))
            case false: then(.failure(.notAuthorized))
            default:
                let token = issued.map {
                    "<token xmlns='\(XMPPNamespace.fast)' expiry='\(Timestamp.format($0.token.expiresAt))'"
                        + " token='\($0.text)'/>"
                }
                then(.success(token ?? ""))
            }
        }
    }

    /// The mechanism of the token to give out: the one asked for, or that of a token that is due for exchange.
    private func tokenWanted(_ request: SASL2Request) -> HashedTokenMechanism? {
        if let asked = request.tokenMechanism { return tokenMechanisms.contains(asked) ? asked : nil }
        guard let used = request.usedToken, let use = request.fast, !use.invalidates, server.fast.isDue(used) else {
            return nil
        }
        return HashedTokenMechanism(rawValue: used.mechanism)
    }
}
