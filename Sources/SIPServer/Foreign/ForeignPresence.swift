import Ground
import IMCore
import Interworking
import SIPWire
import XMLWire
import XMPPWire

/// Presence of people of foreign SIP domains for our users (RFC 8048 §5.2): a subscription of the roster is a subscription of
/// ours in the user's name. The roster is the truth; the dialog lives while the user is there to be told, or the person
/// has not answered. The other direction needs nothing of it: a SUBSCRIBE from there comes to `EventEngine`.
final class ForeignPresence {
    unowned let server: SIPServer
    private(set) var watches: [ForeignWatch.Name: ForeignWatch] = [:]
    private var perWatcher: [JID: Int] = [:]
    /// By the second in which there is something to do; who has another one by then is left out.
    private var agenda: [Int64: [ForeignWatch]] = [:]
    private var agendaEnd: Int64
    /// Users whose contact lists are to be looked through, in the order in which they came.
    private var waiting: [JID] = []
    private var isRestored = false
    private var left = ForeignPresence.pace
    var book = ForeignWatchBook()
    private let voice = Voice()

    /// Seconds that are asked for.
    static let seconds: Int64 = 3_600
    /// SUBSCRIBE requests in a second.
    static let pace = 200

    init(server: SIPServer) {
        self.server = server
        agendaEnd = server.time.uptime / 1_000
        server.router.whenHomeLoaded.append { [weak self] home in
            guard let self, server.router.outside != nil else { return }
            look(at: home)
        }
        server.whenReconfigured.append { [weak self] in
            guard let self, !server.config.trunks.isEmpty else { return }
            server.router.homes.forEach { self.waiting.append($0.jid) }
        }
        server.whenDraining.append { [weak self] in self?.save() }
    }

    var now: Int64 { server.time.uptime / 1_000 }
    var count: Int { watches.count }

    /// Everything that is watched, in no order; `expires` in milliseconds since 1970.
    var listed: [SIPForeignWatchEntry] {
        let (now, second) = (server.time.now, now)
        return watches.values.map {
            SIPForeignWatchEntry(
                watcher: $0.name.watcher, target: $0.name.target, isApproved: $0.isApproved,
                isEstablished: $0.isEstablished, expires: now + max(0, $0.expires - second) * 1_000)
        }
    }

    // MARK: What users want

    /// Presence of a user of ours for somebody there.
    func receive(_ stanza: RoutedStanza) {
        defer { stanza.settle() }
        let name = ForeignWatch.Name(watcher: stanza.from.bare, target: stanza.to.bare)
        guard server.router.serves(name.watcher.domain), name.watcher.local != nil, name.target.local != nil else {
            return
        }
        switch stanza.element["type"] ?? "" {
        case "subscribe": ask(name)
        case "unsubscribe": if let watch = watches[name] { end(watch) }
        case "probe": probe(name)
        // What users say of themselves, and to whom they show it, goes along the subscriptions from there.
        default: break
        }
    }

    private func ask(_ name: ForeignWatch.Name) {
        if let watch = watches[name] {
            // RFC 6121 §3.1.3: whoever may see already is told so again.
            if watch.isApproved { tell(name, "subscribed") } else if !watch.isAsking { schedule(watch, now) }
            return
        }
        let config = server.config
        guard watches.count < config.foreignWatches, perWatcher[name.watcher] ?? 0 < config.foreignWatchesPerUser else {
            return refuse(name, StanzaError(.wait, .resourceConstraint, "too many people of other domains are watched"))
        }
        begin(insert(name))
    }

    /// A client of the user came (RFC 8048 §5.2.2): it is told what is known, or what the person answers.
    private func probe(_ name: ForeignWatch.Name) {
        guard let watch = watches[name] else { return ask(name) }
        guard watch.isEstablished, watch.isCurrent else {
            if !watch.isAsking, watch.failures == 0 { schedule(watch, now) }
            return
        }
        for shown in watch.shown { send(shown.stanza) }
        if watch.shown.isEmpty { tell(name, "unavailable") }
    }

    /// What the roster says and nobody has asked for yet.
    private func look(at home: UserHome) {
        let isThere = home.endpoints.contains { $0.isClient && $0.availability != nil }
        for item in home.roster.values
        where item.subscription.pendingOut || (isThere && item.subscription.to) {
            let name = ForeignWatch.Name(watcher: home.jid, target: item.contact.bare)
            guard name.target.local != nil, !server.router.serves(name.target.domain), watches[name] == nil,
                server.trunks.trunk(toDomain: name.target.domain) != nil
            else { continue }
            ask(name)
        }
    }

    /// Whether anybody is there who would be told.
    private func isWanted(_ watch: ForeignWatch) -> Bool {
        guard let home = server.router.homes.loaded(watch.name.watcher) else { return !watch.isApproved }
        guard let item = home.roster[watch.name.target]?.subscription else { return false }
        if item.pendingOut { return true }
        return item.to && home.endpoints.contains { $0.isClient && $0.availability != nil }
    }

    // MARK: Which there are

    func insert(_ name: ForeignWatch.Name) -> ForeignWatch {
        let watch = ForeignWatch(name, self)
        watches[name] = watch
        perWatcher[name.watcher, default: 0] += 1
        return watch
    }

    /// Takes a watch out; its dialog ends when the other side has nothing more to say.
    func end(_ watch: ForeignWatch) {
        guard !watch.isEnding else { return }
        watch.isEnding = true
        watches[watch.name] = nil
        if let left = perWatcher[watch.name.watcher] { perWatcher[watch.name.watcher] = left > 1 ? left - 1 : nil }
        gone(watch)
        forget(watch)
        guard watch.isEstablished || watch.isAsking else { return close(watch) }
        if watch.isEstablished, !watch.isAsking { subscribe(watch, 0) }
        schedule(watch, now + 32)
    }

    private func close(_ watch: ForeignWatch) {
        server.dialogs.removeHalf(callID: watch.dialog.callID, localTag: watch.dialog.localTag)
    }

    // MARK: Time

    func schedule(_ watch: ForeignWatch, _ second: Int64) {
        watch.due = max(second, agendaEnd + 1)
        agenda[watch.due, default: []].append(watch)
    }

    /// Once a second.
    func tick(_ second: Int64) {
        if !isRestored {
            isRestored = true
            restore()
        }
        left = Self.pace
        // Seconds may have been slept through.
        if !agenda.isEmpty {
            for due in agenda.keys.filter({ $0 <= second }).sorted() {
                agendaEnd = max(agendaEnd, due)
                for watch in agenda.removeValue(forKey: due) ?? [] where watch.due == due { act(watch) }
            }
        }
        agendaEnd = max(agendaEnd, second)
        let batch = waiting.prefix(100)
        waiting.removeFirst(batch.count)
        for user in batch { server.router.homes.loaded(user).map { look(at: $0) } }
        save()
    }

    private func act(_ watch: ForeignWatch) {
        watch.due = 0
        if watch.isEnding { return close(watch) }
        if watch.isAsking { return schedule(watch, now + 5) }
        if watch.isEstablished, !watch.dialog.isNotified {
            // Timer N (RFC 6665 §4.1.2.4): no NOTIFY, no subscription.
            return failed(watch, nil)
        }
        guard isWanted(watch), server.trunks.trunk(toDomain: watch.name.target.domain) != nil else { return end(watch) }
        guard left > 0 else { return schedule(watch, now + 1) }
        if watch.isEstablished { subscribe(watch, watch.seconds) } else { begin(watch) }
    }

    // MARK: SUBSCRIBE

    /// In a dialog of its own.
    func begin(_ watch: ForeignWatch) {
        close(watch)
        watch.dialog.begin()
        watch.began = now
        watch.isCurrent = false
        server.dialogs.addHalf(watch, callID: watch.dialog.callID, localTag: watch.dialog.localTag)
        guard left > 0 else { return schedule(watch, now + 1) }
        subscribe(watch, watch.seconds)
    }

    private func subscribe(_ watch: ForeignWatch, _ seconds: Int64) {
        let (uri, from) = (AddressMapping.uri(of: watch.name.target), AddressMapping.uri(of: watch.name.watcher))
        let destination =
            watch.dialog.remoteTarget.flatMap { SIPURI($0) }
            ?? server.trunks.trunk(toDomain: watch.name.target.domain)?.ordered.first
        guard let destination else { return failed(watch, nil) }
        left -= 1
        watch.isAsking = true
        let request = watch.dialog.subscribe(
            SIPBytes(uri), from: SIPBytes(from), contact: server.contact(toward: destination), seconds: seconds)
        let (callID, isInside) = (watch.dialog.callID, watch.isEstablished)
        let completion: (SIPOutcome) -> Void = { [weak self, weak watch] outcome in
            guard let self, let watch, watch.dialog.callID == callID else { return }
            watch.isAsking = false
            answered(watch, outcome, seconds, isInside: isInside)
        }
        guard isInside else {
            return server.trunks.send(request, toDomain: watch.name.target.domain, completion: completion)
        }
        let routes = watch.dialog.routes.compactMap { SIPAddress($0)?.uri }
        server.send(request, to: .uri(destination, route: routes), completion: completion)
    }

    private func answered(_ watch: ForeignWatch, _ outcome: SIPOutcome, _ seconds: Int64, isInside: Bool) {
        guard case .response(let response) = outcome else {
            if watch.isEnding { return close(watch) }
            // The way of the dialog is gone; perhaps another one leads there.
            return isInside ? again(watch, after: 1) : failed(watch, nil)
        }
        guard response.status.isSuccess else {
            if watch.isEnding { return close(watch) }
            return refused(watch, response, isInside: isInside)
        }
        watch.dialog.accepted(response)
        watch.isEstablished = true
        if watch.isEnding {
            // It was given up while the answer was on its way.
            if seconds > 0 { subscribe(watch, 0) }
            return
        }
        watch.failures = 0
        let granted = Int64(response.expires ?? UInt32(Self.seconds))
        watch.expires = now + granted
        // The first NOTIFY has 64 × T1.
        schedule(watch, watch.dialog.isNotified ? now + Self.refresh(granted) : now + 32)
        keep(watch)
    }

    /// Seconds after which a subscription is refreshed.
    static func refresh(_ granted: Int64) -> Int64 { max(5, granted - min(granted / 5, 120)) }

    private func refused(_ watch: ForeignWatch, _ response: SIPMessage, isInside: Bool) {
        switch response.statusCode {
        // RFC 6665 §4.1.2.2: the dialog is unknown there.
        case 481 where isInside: again(watch, after: 1)
        case 423:
            guard let least = response.minExpires, Int64(least) > watch.seconds, least <= 604_800 else {
                return failed(watch, response)
            }
            watch.seconds = Int64(least)
            again(watch, after: 1)
        case 403, 603: denied(watch)
        case 404, 410, 484, 485,
            604 where !watch.isApproved:
            refuse(watch.name, ErrorMapping.error(for: response.status, reason: response.reason.string))
            end(watch)
        default: failed(watch, response)
        }
    }

    /// In another dialog (RFC 6665 §4.1.2.2, §4.1.3).
    func again(_ watch: ForeignWatch, after seconds: Int64) {
        watch.isEstablished = false
        schedule(watch, now + seconds)
    }

    /// Later, and later each time: who is down is not asked by everybody at once. What was shown is not known any more.
    private func failed(_ watch: ForeignWatch, _ response: SIPMessage?) {
        watch.failures = min(watch.failures + 1, 6)
        var wait = Int64(30) << Int64(watch.failures)
        if let response {
            // Nobody asks again soon where it is said to be of no use.
            if (400..<500).contains(response.statusCode), ![408, 480, 491].contains(response.statusCode) {
                wait = 3_600
            }
            if let after = response.retryAfter { wait = min(Int64(after), 3_600) }
        }
        gone(watch)
        again(watch, after: max(1, wait))
    }

    // MARK: What clients are told

    /// The person does not let the user see (RFC 8048 §5.2.1).
    func denied(_ watch: ForeignWatch) {
        end(watch)
        tell(watch.name, "unsubscribed")
    }

    /// A request that nothing will become of.
    private func refuse(_ name: ForeignWatch.Name, _ error: StanzaError) {
        var stanza = presence(name, "error")
        stanza.children = [.element(error.element)]
        send(stanza)
        tell(name, "unsubscribed")
    }

    /// Nothing is known of the person any more.
    func gone(_ watch: ForeignWatch) {
        watch.isCurrent = false
        let shown = watch.shown
        watch.shown = []
        for one in shown { tell(watch.name, "unavailable", resource: one.resource) }
    }

    func tell(_ name: ForeignWatch.Name, _ type: String, resource: String? = nil) {
        var stanza = presence(name, type)
        if let resource { stanza["from"] = "\(name.target)/\(resource)" }
        send(stanza)
    }

    private func presence(_ name: ForeignWatch.Name, _ type: String) -> XMLElement {
        XMLElement(
            "presence", namespace: StanzaNamespace.client,
            attributes: ["from": name.target.description, "to": name.watcher.description, "type": type])
    }

    func send(_ stanza: XMLElement) { server.router.send(stanza, from: voice) }

    private func send(_ stanza: [UInt8]) {
        let element = stanza.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
        }
        if let element { send(element) }
    }

    /// In whose name they are told; answers are for nobody.
    private final class Voice: StanzaSource {
        let address: [UInt8] = []
        var resource: String { "" }
        func deliver(_ bytes: [UInt8]) {}
        func stanzaIsSafe(_ number: UInt64) {}
    }
}
