import Ground
import IMCore
import Interworking
import SIPWire
import XMPPWire

/// Passes requests on (RFC 3261 §16): to the contacts of our users, along a Route, to trunks and other domains. Stateful,
/// forking, loose-routing; what Roost serves itself never comes here.
public final class SIPProxy: SIPForwarding {
    unowned let server: SIPServer
    let trunks: TrunkTable
    private let tokens = FlowTokens()
    /// INVITEs under way, for timer C.
    private var calls: [ObjectIdentifier: ForkedRequest] = [:]

    init(server: SIPServer, trunks: TrunkTable) {
        self.server = server
        self.trunks = trunks
        server.whenTicked.append { [weak self] uptime in self?.tick(uptime) }
    }

    /// INVITEs that have no final answer yet.
    public var callCount: Int { calls.count }

    // MARK: In

    public func forward(_ request: IncomingRequest) {
        guard let route = RoutedRequest(request.message, tokens: tokens, isUs: { server.isUs($0) }) else {
            return request.respond(.badRequest)
        }
        // Inside a dialog that we are on the way of: whoever knows the token is a part of it.
        if let token = route.token { return along(route, token, request) }
        if !route.routes.isEmpty {
            guard isOurs(request) else { return refuse(request) }
            return pass(request, [target(of: route, flow: nil)])
        }
        if server.domain(route.uri) != nil {
            return server.registrar.whenReady(request) { [self] in toUser(request, route.uri) }
        }
        toOutside(request, route.uri)
    }

    public func forward(_ request: IncomingRequest, toContacts bindings: [Binding], of owner: [UInt8]) {
        let targets = Self.targets(bindings, of: owner)
        guard !targets.isEmpty else { return request.respond(.temporarilyUnavailable) }
        pass(request, targets)
    }

    /// From one of our users or over a trunk.
    private func isOurs(_ request: IncomingRequest) -> Bool {
        switch request.sender {
        case .user, .trunk: true
        case .unknown: server.config.openMethods.contains(request.method) && isOwnAddress(request.message)
        }
    }

    /// Nobody has asked for a proof, and it names one of our users.
    private func isOwnAddress(_ message: SIPMessage) -> Bool {
        message.from.map { server.serves($0.uri.host) } ?? false
    }

    private func refuse(_ request: IncomingRequest) {
        request.respond(.forbidden)
    }

    // MARK: Where to

    private func along(_ route: RoutedRequest, _ token: FlowTokens.Content, _ request: IncomingRequest) {
        guard route.routes.isEmpty, let peer = token.peer else {
            return pass(request, [target(of: route, flow: nil)])
        }
        guard let flow = flow(to: peer) else {
            // The client may be found at its contact all the same, unless it said that nothing but the flow leads there.
            guard !route.uri.wantsOutbound else { return request.respond(.flowFailed) }
            return pass(request, [target(of: route, flow: nil)])
        }
        pass(request, [target(of: route, flow: flow)])
    }

    private func flow(to peer: FlowTokens.Peer) -> SIPFlow? {
        switch peer.transport {
        case .udp:
            var found: SIPFlow?
            server.connect(SIPHop(transport: .udp, address: peer.address)) { found = $0 }
            return found
        case .tcp, .tls:
            return server.connections.find(peer.address, isSecure: peer.transport == .tls, name: "")?.flow
        }
    }

    /// Along what is left of the route: over a flow, to the next proxy, or to the Request-URI itself (§16.6 steps 6, 7).
    private func target(of route: RoutedRequest, flow: SIPFlow?) -> ProxyTarget {
        var target = ProxyTarget(uri: Self.withoutHeaders(route.uri), target: .uri(route.uri))
        if let flow {
            target.target = .flow(flow)
            (target.flow, target.keepsFlow) = (flow, true)
        }
        guard let next = route.routes.first else { return target }
        if next.uri.isLooseRouter {
            target.target = .uri(route.uri, route: route.routes.map(\.uri))
            target.routes = route.routes.map(\.text)
        } else {
            // A strict router wants itself in the Request-URI, and the rest behind it.
            target.uri = Self.withoutHeaders(next.uri)
            target.target = .uri(next.uri)
            target.routes = route.routes.dropFirst().map(\.text) + [SIPBytes("<\(route.uri.text.string)>")]
        }
        return target
    }

    /// What stands behind a question mark is not for a Request-URI (§19.1.1).
    private static func withoutHeaders(_ uri: SIPURI) -> SIPBytes {
        uri.headers.map { uri.text.part(0, uri.text.count - $0.count - 1) } ?? uri.text
    }

    /// To one of our users: to all contacts, or to those of the instance that a GRUU names.
    private func toUser(_ request: IncomingRequest, _ uri: SIPURI) {
        guard isOurs(request) || server.config.acceptsForeign else { return refuse(request) }
        guard let domain = server.domain(uri) else { return request.respond(.notFound) }
        guard uri.user != nil else { return request.respond(.addressIncomplete) }
        let gruu = server.registrar.gruus.resolve(uri, domain: Array(domain.utf8), server.location)
        guard let address = gruu?.address ?? server.addressOfRecord(uri), !address.isEmpty,
            let callee = try? JID(parsing: String(decoding: address, as: UTF8.self))
        else { return request.respond(.notFound) }
        var isGone = false
        request.whenCancelled = {
            isGone = true
            request.respond(.requestTerminated)
        }
        server.router.homes.withHome(callee) { [self] home in
            request.whenCancelled = nil
            guard !isGone, !request.isAnswered else { return }
            guard let home else { return toNumber(request, uri) }
            guard !isBlocked(request, by: home) else { return request.respond(.temporarilyUnavailable) }
            let bindings = (gruu?.bindings ?? server.location.bindings(of: address)).filter(\.isReachable)
            guard !bindings.isEmpty else { return request.respond(.temporarilyUnavailable) }
            pass(request, Self.targets(bindings, of: address))
        }
    }

    /// The callee's block and privacy lists hold for calls too.
    private func isBlocked(_ request: IncomingRequest, by home: UserHome) -> Bool {
        guard home.hasRules else { return false }
        let caller: JID?
        if case .user(let jid) = request.sender {
            caller = jid
        } else {
            caller = request.message.from.flatMap { AddressMapping.jid(of: $0.uri) }
        }
        return caller.map { home.blocks($0, .message) } ?? false
    }

    /// Of each instance one flow at a time (RFC 5626 §7), the newest first; instances and plain contacts all together.
    private static func targets(_ bindings: [Binding], of owner: [UInt8]) -> [ProxyTarget] {
        var instances: [SIPBytes: Int] = [:]
        var targets: [ProxyTarget] = []
        for binding in bindings {
            guard let uri = binding.uri else { continue }
            var target = ProxyTarget(uri: withoutHeaders(uri), target: .binding(binding))
            target.q = Int(binding.q)
            target.owner = owner
            target.routes = SIPValueList(binding.pathText).map { $0 }
            if binding.path.isEmpty, let flow = binding.flow, flow.isOpen {
                (target.flow, target.keepsFlow) = (flow, true)
            }
            if binding.regID != 0 {
                if let place = instances[binding.instance] {
                    targets[place].others.append(target)
                    continue
                }
                instances[binding.instance] = targets.count
            }
            targets.append(target)
        }
        return targets
    }

    /// Nobody of ours: perhaps a number behind a trunk.
    private func toNumber(_ request: IncomingRequest, _ uri: SIPURI) {
        guard isOurs(request), let trunk = trunks.route(of: uri, isOwnDomain: true), !isFrom(trunk, request) else {
            return request.respond(.notFound)
        }
        over(trunk, request, uri)
    }

    /// To a foreign domain or a telephone number.
    private func toOutside(_ request: IncomingRequest, _ uri: SIPURI) {
        guard isOurs(request) else { return refuse(request) }
        if let trunk = trunks.route(of: uri, isOwnDomain: false) {
            guard !isFrom(trunk, request) else { return request.respond(.notFound) }
            guard request.method == .message, let messages = server.registry[.message] as? MessageHandler else {
                return over(trunk, request, uri)
            }
            return messages.leave(request, for: uri) { [self] in over(trunk, request, uri) }
        }
        guard uri.scheme == .sip || uri.scheme == .sips else { return request.respond(.notFound) }
        // Without a route only where the administrator has opened the server to other domains.
        guard server.config.acceptsForeign else { return request.respond(.notFound) }
        let target = ProxyTarget(uri: Self.withoutHeaders(uri), target: .uri(uri))
        guard request.method == .message, let messages = server.registry[.message] as? MessageHandler else {
            return pass(request, [target])
        }
        messages.leave(request, for: uri) { [self] in pass(request, [target]) }
    }

    private func isFrom(_ trunk: SIPTrunk, _ request: IncomingRequest) -> Bool {
        if case .trunk(let from) = request.sender { return from === trunk }
        return false
    }

    /// One destination after the other.
    private func over(_ trunk: SIPTrunk, _ request: IncomingRequest, _ uri: SIPURI) {
        let targets = trunk.ordered.enumerated().map { place, destination in
            var target = ProxyTarget(
                uri: trunk.requestURI(for: uri, at: destination, isOwn: server.domain(uri) != nil),
                target: .uri(destination))
            target.q = 1_000 - place
            target.trunk = trunk
            return target
        }
        guard !targets.isEmpty else {
            return request.respond(.serviceUnavailable) { $0.add(.retryAfter, number: trunk.restSeconds) }
        }
        pass(request, targets)
    }

    // MARK: Out

    private func pass(_ request: IncomingRequest, _ targets: [ProxyTarget]) {
        let message = request.message
        var isTrusted = false
        if case .trunk = request.sender { isTrusted = true }
        let timer: CallTimer?
        switch CallTimer.verdict(
            on: message, wanted: server.config.sessionSeconds, least: server.config.sessionMinSeconds)
        {
        case .pass(let wish): timer = wish
        case .tooBrief(let least):
            return request.respond(.sessionIntervalTooSmall) { $0.add(.minSE, number: least) }
        }
        let forwarded = ForwardedRequest(
            message, splice: request.viaSplice, maxForwards: server.config.maxForwards, isTrusted: isTrusted,
            realms: server.config.domains, sessionSeconds: timer?.seconds)
        if request.method == .ack {
            guard let target = targets.first else { return }
            return server.sendAlone(
                forwarded.branch(to: target.uri, recordRoutes: [], routes: target.routes, breadth: 1, loopMark: nil),
                to: target.target)
        }
        var breadth = server.config.maxBreadth
        if let value = message.first(.maxBreadth) {
            guard let given = value.integer(Int.self) else { return request.respond(.badRequest) }
            guard given > 0 else { return request.respond(.maxBreadthExceeded) }
            breadth = min(breadth, given)
        }
        let fork = ForkedRequest(
            request, targets: targets, forwarded: forwarded, loopMark: server.transactions.loopMark(for: message),
            breadth: breadth, timer: timer, proxy: self)
        switch request.method {
        case .invite:
            calls[ObjectIdentifier(fork)] = fork
            if message.toTag.isEmpty {
                fork.call = server.calls.begin(request, owner: targets.first?.owner ?? [])
            } else {
                server.calls.passes(message)
            }
        case .bye, .update: server.calls.passes(message)
        default: break
        }
        fork.start()
    }

    /// Our values of Record-Route for a branch, top first (§16.6 step 4): one for each side, so that what comes from either
    /// knows the flow to the other, and transports may differ (RFC 5658 §6). None where no dialog begins.
    func recordRoutes(for request: IncomingRequest, _ target: ProxyTarget) -> [[UInt8]] {
        guard request.message.toTag.isEmpty else { return [] }
        switch request.method {
        case .invite, .subscribe, .refer: break
        default: return []
        }
        let callID = request.message.callID
        var isTrunk = false
        if case .trunk = request.sender { isTrunk = true }
        // Behind a proxy or a trunk the way back leads over them, not over the flow.
        let caller = request.message.isFromFirstHop && !isTrunk ? request.flow : nil
        let inside = recordRoute(request.flow.transport, request.flow.local, tokens.write(caller, callID: callID))
        let outTransport = target.flow?.transport ?? Self.transport(of: target)
        let callee = target.keepsFlow ? target.flow : nil
        guard caller != nil || callee != nil || outTransport != request.flow.transport else { return [inside] }
        let local =
            target.flow?.local
            ?? request.flow.local.with(port: server.listeningPort(outTransport))
        return [recordRoute(outTransport, local, tokens.write(callee, callID: callID)), inside]
    }

    private static func transport(of target: ProxyTarget) -> SIPTransport {
        switch target.target {
        case .flow(let flow): return flow.transport
        case .binding(let binding):
            return (binding.path.first ?? binding.uri).map(transport(of:)) ?? .udp
        case .uri(let uri, let route): return transport(of: route.first ?? uri)
        }
    }

    private static func transport(of uri: SIPURI) -> SIPTransport {
        if uri.isSecure { return .tls }
        return uri.transport.flatMap { SIPTransport($0) } ?? .udp
    }

    private func recordRoute(_ transport: SIPTransport, _ local: TransportAddress, _ token: [UInt8]) -> [UInt8] {
        let host = server.config.advertisedHost ?? local.host
        return Array("<sip:".utf8) + token
            + Array("@\(host):\(local.port);transport=\(transport.parameter);lr>".utf8)
    }

    // MARK: Time

    /// Uptime at which an INVITE is given up or goes on to the next contacts.
    func deadline(isLast: Bool) -> Int64 {
        server.uptime + Int64(isLast ? server.config.ringSeconds : server.config.serialSeconds) * 1_000
    }

    private func tick(_ uptime: Int64) {
        for call in Array(calls.values) where call.deadline <= uptime { call.timedOut() }
    }

    func ended(_ fork: ForkedRequest) { calls[ObjectIdentifier(fork)] = nil }

    /// A branch came to nothing.
    ///
    /// - Parameters:
    ///   - problem: why it could not be reached, where that is known.
    ///   - retryAfter: seconds that it wants to be left alone.
    func failed(_ target: ProxyTarget, _ status: SIPStatus, problem: String = "", retryAfter: UInt32? = nil) {
        if let trunk = target.trunk, case .uri(let uri, _) = target.target {
            trunk.failed(uri, status, problem: problem, retryAfter: retryAfter)
        }
        // RFC 5626 §5.3: what was to be reached over the flow only is gone with it.
        if status == .flowFailed, case .binding(let binding) = target.target, binding.isOutbound {
            server.location.remove(target.owner, id: binding.id, .expired)
        }
    }
}
