import SIPWire

// Who serves a request (RFC 3261 §8.2 and §16.3 to §16.5).

extension SIPServer {
    /// A new request, after its transaction; ACK too, when it acknowledges a 2xx.
    func dispatch(_ request: IncomingRequest) {
        guard RequestChecks.pass(request) else { return }
        if config.requestsPerSecond > 0, isTooFast(request) {
            request.isStateless = true
            return request.respond(.serviceUnavailable) { $0.add(.retryAfter, number: 1) }
        }
        if let (user, key) = dialogs.find(request.message) {
            return authentication.admit(request, .dialog) { user.handle($0, in: key) }
        }
        guard isForUs(request) else {
            guard let proxy else { return authentication.admit(request, .server) { $0.respond(.notFound) } }
            return authentication.admit(request, .proxy) { proxy.forward($0) }
        }
        serve(request)
    }

    private func isTooFast(_ request: IncomingRequest) -> Bool {
        guard request.method != .ack, !trunks.isTrunk(request) else { return false }
        return !rates.allows(request.flow.remote, rate: config.requestsPerSecond, uptime)
    }

    private func serve(_ request: IncomingRequest) {
        let method = request.method
        if let handler = registry[method], handler.wants(request.message) {
            guard RequestChecks.passRequire(request, registry) else { return }
            return authentication.admit(request, .server) { [self] request in
                guard !transactions.isMerged(request) else { return authentication.refuse(request, .loopDetected) }
                handler.handle(request)
            }
        }
        let hasUser = request.uri?.user != nil
        if hasUser, let proxy {
            return authentication.admit(request, .proxy) { proxy.forward($0) }
        }
        switch method {
        case .ack: break
        case .options where !hasUser:
            guard RequestChecks.passRequire(request, registry) else { return }
            guard !authentication.isScanner(request, byNameOnly: true) else { return request.drop() }
            answerOptions(request)
        case .bye, .info, .update, .prack, .notify:
            request.isStateless = true
            request.respond(.callDoesNotExist)
        default:
            request.isStateless = true
            request.respond(.methodNotAllowed) { $0.add(.allow, registry.allow) }
        }
    }

    /// Whether a host, with its port, is this server or one of its domains.
    public func isUs(_ uri: SIPURI) -> Bool { names.isUs(uri.host, port: uri.port, ports: listeningPorts) }

    /// A domain whose users are ours.
    public func serves(_ host: SIPBytes) -> Bool { names.serves(host) }

    /// The domain of ours that a URI's host means; a name or address of the server itself means the first. Nil for others.
    public func domain(_ uri: SIPURI) -> String? {
        let host = uri.host
        if let domain = names.domain(host) { return domain }
        if let alias = config.domainAliases[host.string] { return alias }
        return isUs(uri) ? config.domains.first : nil
    }

    /// The Request-URI is ours, and no Route goes on from here.
    private func isForUs(_ request: IncomingRequest) -> Bool {
        let message = request.message
        guard let uri = request.uri, uri.scheme == .sip || uri.scheme == .sips else { return false }
        if message.has(.route) {
            for item in message.all(.route) {
                guard let address = SIPAddress(item), isUs(address.uri) else { return false }
            }
        }
        return isUs(uri)
    }

    func answerOptions(_ request: IncomingRequest) {
        request.respond(.ok) {
            $0.add(.allow, registry.allow)
            $0.add(.accept, "application/pidf+xml, text/plain, message/cpim")
            $0.add(.supported, "path, outbound, gruu, eventlist, recipient-list-subscribe, timer")
        }
    }
}
