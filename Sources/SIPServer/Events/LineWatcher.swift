import Ground
import IMCore
import Interworking
import NIOCore
import PresenceWire
import SIPWire
import XMPPWire

/// Watches the lines of our users at presence gateways: trunks that are asked with SUBSCRIBE what the telephones of a user do
/// (RFC 3856), for users whose homes are in memory. What they tell is a line of the user like one that was published.
final class LineWatcher {
    private unowned let server: SIPServer
    private var watches: [Name: GatewayWatch] = [:]
    /// Users that are to be watched, in the order in which they came.
    private var waiting: [JID] = []
    /// New subscriptions and refreshes in a second.
    static let pace = 50
    /// Seconds that are asked for.
    static let seconds: Int64 = 3_600

    struct Name: Hashable {
        var user: JID
        var trunk: String
    }

    init(server: SIPServer) {
        self.server = server
        server.router.whenHomeLoaded.append { [weak self] home in
            guard let self, hasGateways else { return }
            waiting.append(home.jid)
        }
        server.whenReconfigured.append { [weak self] in self?.reconfigured() }
    }

    var count: Int { watches.count }

    /// Everything that is watched, in no order; `expires` in monotonic seconds.
    var listed: [(user: JID, trunk: String, isEstablished: Bool, expires: Int64)] {
        watches.values.map { ($0.user, $0.trunk, $0.isEstablished, $0.expires) }
    }

    private var gateways: [SIPTrunk] { server.trunks.trunks.filter(\.settings.isPresenceGateway) }
    private var hasGateways: Bool { server.config.trunks.contains(where: \.isPresenceGateway) }

    /// Everybody who is here already is watched at a new gateway; what is configured no more ends by itself.
    private func reconfigured() {
        guard hasGateways else { return }
        server.router.homes.forEach { waiting.append($0.jid) }
    }

    /// Once a second.
    func tick(_ second: Int64) {
        guard !waiting.isEmpty || !watches.isEmpty else { return }
        let gateways = gateways
        var left = Self.pace
        for (name, watch) in watches where watch.due <= second && left > 0 {
            guard let trunk = gateways.first(where: { $0.name == name.trunk }),
                server.router.homes.loaded(name.user) != nil
            else {
                // The user, or the gateway, is of no interest any more.
                end(watch, name)
                continue
            }
            left -= 1
            send(watch, trunk, Self.seconds)
        }
        guard !gateways.isEmpty else {
            waiting.removeAll()
            return
        }
        let batch = waiting.prefix(max(0, left))
        waiting.removeFirst(batch.count)
        for user in batch {
            for trunk in gateways where watches[Name(user: user, trunk: trunk.name)] == nil {
                let watch = GatewayWatch(self, user: user, trunk: trunk.name)
                watches[Name(user: user, trunk: trunk.name)] = watch
                send(watch, trunk, Self.seconds)
            }
        }
    }

    private func end(_ watch: GatewayWatch, _ name: Name) {
        watches[name] = nil
        forget(watch)
        if let trunk = server.trunks[name.trunk], watch.isEstablished { send(watch, trunk, 0) }
    }

    private func forget(_ watch: GatewayWatch) {
        server.dialogs.removeHalf(callID: watch.dialog.callID, localTag: watch.dialog.localTag)
    }

    // MARK: SUBSCRIBE

    private func send(_ watch: GatewayWatch, _ trunk: SIPTrunk, _ seconds: Int64) {
        guard let destination = trunk.ordered.first, let own = SIPURI(SIPBytes(AddressMapping.uri(of: watch.user)))
        else {
            watch.due = now + 60
            return
        }
        if !watch.isEstablished {
            forget(watch)
            watch.dialog.begin()
            if seconds > 0 {
                server.dialogs.addHalf(watch, callID: watch.dialog.callID, localTag: watch.dialog.localTag)
            }
        }
        // Nothing else is sent before there is an answer.
        watch.due = now + 64
        let uri = trunk.requestURI(for: own, at: destination, isOwn: true)
        let request = watch.dialog.subscribe(
            uri, from: SIPBytes("sip:\(watch.user.domain)"), contact: server.contact(toward: destination),
            seconds: seconds)
        server.send(request, to: .uri(destination)) { [weak self, weak watch] outcome in
            guard let self, let watch, seconds > 0 else { return }
            answered(watch, outcome)
        }
    }

    private var now: Int64 { server.time.uptime / 1_000 }

    private func answered(_ watch: GatewayWatch, _ outcome: SIPOutcome) {
        guard case .response(let response) = outcome, response.status.isSuccess else {
            // Later, and later each time: a gateway that is down is not asked by everybody at once.
            watch.isEstablished = false
            watch.failures = min(watch.failures + 1, 6)
            var wait = Int64(30) << Int64(watch.failures)
            if case .response(let response) = outcome {
                if let after = response.retryAfter { wait = min(Int64(after), 3_600) }
                // It does not know the user.
                if response.statusCode == 404 || response.statusCode == 403 { wait = 3_600 }
            }
            watch.due = now + wait
            return
        }
        watch.isEstablished = true
        watch.failures = 0
        watch.dialog.accepted(response)
        let granted = Int64(response.expires ?? UInt32(Self.seconds))
        watch.expires = now + granted
        watch.due = now + max(5, granted - min(granted / 5, 120))
    }

    // MARK: NOTIFY

    fileprivate func handle(_ request: IncomingRequest, in watch: GatewayWatch) {
        let message = request.message
        guard request.method == .notify else {
            return request.respond(.methodNotAllowed) { $0.add(.allow, "NOTIFY") }
        }
        guard let state = message.subscriptionState else { return request.respond(.badRequest) }
        if let refusal = watch.dialog.took(message) { return request.respond(refusal) }
        request.respond(.ok)
        if state.isTerminated {
            watch.isEstablished = false
            let isFinal = state.reason.map { $0.matches("rejected") || $0.matches("noresource") } ?? false
            let isAtOnce = state.reason.map { $0.matches("deactivated") || $0.matches("timeout") } ?? false
            watch.due = now + (state.retryAfter.map { Int64($0) } ?? (isFinal ? 3_600 : isAtOnce ? 1 : 60))
        } else if let expires = state.expires {
            watch.expires = now + Int64(expires)
        }
        guard message.hasBody, let document = try? PIDF(parsing: message.body) else { return }
        server.router.homes.withHome(watch.user) { [self] home in
            if let home { take(document, message.body.array, watch, home) }
        }
    }

    private func take(_ document: PIDF, _ body: [UInt8], _ watch: GatewayWatch, _ home: UserHome) {
        let (now, router) = (server.time.now, server.router)
        let source = PresenceInput.Source.line(watch.trunk)
        let inputs = ActivityMapping.inputs(of: document, line: watch.trunk, since: now)
        let end = now + max(60, watch.expires - self.now) * 1_000
        if let known = home.publications.first(where: { $0.source == source && $0.event == .presence }) {
            return router.modify(known, of: home, document: body, inputs: inputs, expires: end)
        }
        router.publish(
            Publication(
                source: source, event: .presence, document: body, inputs: inputs, expires: end,
                stem: .random(in: 0 ... .max)), in: home)
    }
}

/// One subscription of ours at a gateway.
private final class GatewayWatch: SIPDialogUser {
    let user: JID
    let trunk: String
    unowned let watcher: LineWatcher
    var dialog = SubscriberDialog()
    /// The dialog is there.
    var isEstablished = false
    var failures = 0
    /// Monotonic seconds.
    var due: Int64 = 0
    var expires: Int64 = 0

    init(_ watcher: LineWatcher, user: JID, trunk: String) {
        (self.watcher, self.user, self.trunk) = (watcher, user, trunk)
    }

    func handle(_ request: IncomingRequest, in dialog: SIPDialogKey) { watcher.handle(request, in: self) }
}
