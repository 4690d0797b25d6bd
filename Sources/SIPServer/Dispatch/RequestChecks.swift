import SIPWire

/// What every request is checked for before anybody looks at it (RFC 3261 §16.3, §8.2).
enum RequestChecks {
    /// False when it was answered.
    static func pass(_ request: IncomingRequest) -> Bool {
        let message = request.message
        guard message.method != .ack else { return true }
        if let uri = request.uri, uri.scheme == .other { return refuse(request, .unsupportedURIScheme) }
        if let forwards = message.maxForwards, forwards == 0, message.method != .register {
            // OPTIONS that got as far as it was meant to go is answered as if it were for us (§16.3 step 3).
            guard message.method == .options else { return refuse(request, .tooManyHops) }
            guard !request.server.authentication.isScanner(request, byNameOnly: true) else {
                request.drop()
                return false
            }
            request.isStateless = true
            request.server.answerOptions(request)
            return false
        }
        if message.lineCount(.via) > 1, isLoop(request) { return refuse(request, .loopDetected) }
        if message.has(.proxyRequire) {
            let items = message.all(.proxyRequire).filter { !$0.matches("path") && !$0.matches("outbound") }
            guard items.isEmpty else { return refuse(request, unsupported: items) }
        }
        return true
    }

    /// For what we serve ourselves (§8.2.2.3).
    static func passRequire(_ request: IncomingRequest, _ registry: SIPRegistry) -> Bool {
        let message = request.message
        guard message.has(.require), message.method != .ack else { return true }
        let unknown = message.all(.require).filter { item in !registry.options.contains { $0.matches(item) } }
        guard !unknown.isEmpty else { return true }
        return refuse(request, unsupported: unknown)
    }

    /// A request that we have passed on before comes with everything unchanged that says where it goes (RFC 5393 §4.2.1).
    private static func isLoop(_ request: IncomingRequest) -> Bool {
        let layer = request.server.transactions!
        var mark: UInt32?
        for item in request.message.all(.via).dropFirst() {
            guard let via = SIPVia(item), let seen = layer.loopMark(of: via) else { continue }
            if mark == nil { mark = layer.loopMark(for: request.message) }
            if seen == mark { return true }
        }
        return false
    }

    private static func refuse(_ request: IncomingRequest, _ status: SIPStatus) -> Bool {
        request.isStateless = true
        request.respond(status)
        return false
    }

    private static func refuse(_ request: IncomingRequest, unsupported: [SIPBytes]) -> Bool {
        request.isStateless = true
        request.respond(.badExtension) { builder in
            for item in unsupported.prefix(16) { builder.add(.unsupported, item) }
        }
        return false
    }
}
