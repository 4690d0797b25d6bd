import SIPWire

// Who serves a request (RFC 3261 §8.2 and §16.3 to §16.5).

extension SIPServer {
    /// A new request, after its transaction; ACK too, when it acknowledges a 2xx.
    func dispatch(_ request: IncomingRequest) {
        guard RequestChecks.pass(request) else { return }
        if let (user, key) = dialogs.find(request.message) {
            return authentication.admit(request, inDialog: true) { user.handle($0, in: key) }
        }
        guard isForUs(request.message) else {
            guard let proxy else { return request.respond(.notFound) }
            return authentication.admit(request, inDialog: false) { proxy.forward($0) }
        }
        serve(request)
    }

    private func serve(_ request: IncomingRequest) {
        let method = request.method
        if let handler = registry[method] {
            return authentication.admit(request, inDialog: false) { handler.handle($0) }
        }
        let hasUser = request.message.requestURI?.user != nil
        if hasUser, let proxy {
            return authentication.admit(request, inDialog: false) { proxy.forward($0) }
        }
        switch method {
        case .ack: break
        case .options where !hasUser: answerOptions(request)
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

    /// The Request-URI is ours, and no Route goes on from here.
    private func isForUs(_ message: SIPMessage) -> Bool {
        guard let uri = message.requestURI, uri.scheme == .sip || uri.scheme == .sips else { return false }
        if message.has(.route) {
            for item in message.all(.route) {
                guard let address = SIPAddress(item), isUs(address.uri) else { return false }
            }
        }
        return isUs(uri)
    }

    private func answerOptions(_ request: IncomingRequest) {
        request.respond(.ok) {
            $0.add(.allow, registry.allow)
            $0.add(.accept, "application/pidf+xml, text/plain, message/cpim")
            $0.add(.supported, "path, outbound, gruu, eventlist")
        }
    }
}

/// What every request is checked for before anybody looks at it.
enum RequestChecks {
    /// False when it was answered.
    static func pass(_ request: IncomingRequest) -> Bool {
        let message = request.message
        guard message.method != .ack else { return true }
        if let forwards = message.maxForwards, forwards == 0, message.method != .register {
            return refuse(request, .tooManyHops)
        }
        if let uri = message.requestURI, uri.scheme == .other { return refuse(request, .unsupportedURIScheme) }
        return true
    }

    private static func refuse(_ request: IncomingRequest, _ status: SIPStatus) -> Bool {
        request.isStateless = true
        request.respond(status)
        return false
    }
}
