import XMPPWire

/// Seeing somebody's availability for a while without a subscription (`presence.adhoc`).
///
/// Asked for by the one who wants to see, unlike directed presence (RFC 6121 §4.6); the other one's policy decides as
/// about a subscription, but nobody is prompted.
extension Router {
    /// What came of it.
    public struct Watching: Sendable, Equatable {
        /// Until it ends; 0 when the other one's availability is seen anyway.
        public var seconds: Int
    }

    /// Begins to watch, or prolongs it. The availability follows the answer: `then` gives the answer, and what it
    /// returns is called when it is out.
    ///
    /// - Parameters:
    ///   - seconds: for how long at most; nil for as long as the settings allow.
    ///   - then: with the outcome; an error does not tell a missing account, one that blocks the watcher and one that
    ///     answers requests itself apart.
    public func watch(
        _ target: JID, seconds: Int? = nil, by endpoint: any Endpoint, _ home: UserHome,
        then: @escaping (Result<Watching, StanzaError>) -> Void
    ) {
        let settings = home.policy.values.presence
        guard settings.adHoc else { return then(.failure(.adHocOff)) }
        guard target.bare != home.jid else {
            return then(.failure(StanzaError(.cancel, .notAllowed, "your own availability is known to you")))
        }
        guard serves(target.domain), target.local != nil else { return then(.failure(.notWatchable)) }
        // Who is unavailable hears of nobody (RFC 6121 §4.4.2).
        guard endpoint.availability != nil else {
            return then(.failure(StanzaError(.wait, .unexpectedRequest, "send your own presence first")))
        }
        if home.blocks(target, .all, at: endpoint) { return then(.failure(.blocked)) }
        homes.withHome(target) { [self] other in
            guard let other else { return then(.failure(.notWatchable)) }
            then(begin(watching: other, seconds, by: endpoint, home))
        }
    }

    private func begin(
        watching other: UserHome, _ seconds: Int?, by endpoint: any Endpoint, _ home: UserHome
    ) -> Result<Watching, StanzaError> {
        let settings = home.policy.values.presence
        if other.roster[home.jid]?.subscription.from == true, home.roster[other.jid]?.subscription.to == true {
            loop.execute { [self] in showState(of: other, to: endpoint, home, .subscription) }
            return .success(Watching(seconds: 0))
        }
        let isKnown = adHoc.watch(of: other.jid, at: endpoint, home) != nil
        if !isKnown {
            let count = adHoc.watches(by: home.jid).count
            let limit = settings.adHocWatches == 0 ? AdHocWatches.technicalLimit : settings.adHocWatches
            guard count < limit else {
                return .failure(
                    StanzaError(
                        .wait, .resourceConstraint,
                        "you watch \(count) of \(limit) people whom you may watch at a time"))
            }
        }
        let decision = requestDecision(from: home.jid, at: other, needsContact: false)
        switch decision.verdict {
        case .approve: break
        case .refuse where isKnown: break
        case .refuse: return .failure(.full(other.jid, decision.reason))
        case .prompt, .ignore: return .failure(.notWatchable)
        }
        let length = max(1, min(seconds ?? settings.adHocSeconds, settings.adHocSeconds))
        adHoc.set(other.jid, at: endpoint, home, deadline: time.uptime + Int64(length) * 1_000)
        // Behind the answer.
        loop.execute { [self] in
            guard adHoc.watch(of: other.jid, at: endpoint, home) != nil else { return }
            showState(of: other, to: endpoint, home, .adHoc)
        }
        return .success(Watching(seconds: length))
    }

    private func showState(
        of other: UserHome, to endpoint: any Endpoint, _ home: UserHome, _ relation: PresenceRelation
    ) {
        let isThere = homes.loaded(other.address).map {
            show($0, to: endpoint, home, by: relation, address: endpoint.address)
        }
        guard isThere ?? 0 == 0 else { return }
        endpoint.deliver(PresenceStanza(type: "unavailable", from: other.address), to: endpoint.address)
    }

    /// Ends a watch before its time.
    public func unwatch(_ target: JID, by endpoint: any Endpoint, _ home: UserHome) -> StanzaError? {
        guard let watch = adHoc.watch(of: target.bare, at: endpoint, home) else { return .itemNotFound }
        adHoc.end(watch)
        sayGoodbye(watch)
        return nil
    }

    /// Whom the client watches, and for how many more seconds.
    public func watches(by endpoint: any Endpoint, _ home: UserHome) -> [(target: JID, seconds: Int)] {
        let now = time.uptime
        return adHoc.watches(by: home.jid).filter { $0.endpoint === endpoint }.map {
            ($0.target, Int(max(0, ($0.deadline - now + 999) / 1_000)))
        }
    }

    // MARK: While it lasts

    /// Once a second.
    func expireWatches() { for watch in adHoc.expire(time.uptime) { sayGoodbye(watch) } }

    func tellWatches(_ stanza: PresenceStanza, of endpoint: any Endpoint, _ home: UserHome, isGoodbye: Bool) {
        for watch in adHoc[home.jid] {
            let decision = PresencePolicy.decide(
                .adHoc, of: home, at: endpoint, to: watch.watcher, at: watch.endpoint, isGoodbye: isGoodbye)
            if decision.isVisible { watch.endpoint.deliver(stanza, to: watch.endpoint.address) }
        }
    }

    private func sayGoodbye(_ watch: AdHocWatches.Watch) {
        guard let target = homes.loaded(watch.target) else { return }
        for endpoint in target.endpoints where endpoint.availability?.shown != nil {
            let decision = PresencePolicy.decide(
                .adHoc, of: target, at: endpoint, to: watch.watcher, at: watch.endpoint, isGoodbye: true)
            guard decision.isVisible else { continue }
            watch.endpoint.deliver(
                PresenceStanza(type: "unavailable", from: endpoint.address), to: watch.endpoint.address)
        }
    }

    /// The client is unavailable: it is told nothing any more.
    func endWatches(by endpoint: any Endpoint, _ home: UserHome) {
        for watch in adHoc.watches(by: home.jid) where watch.endpoint === endpoint { adHoc.end(watch) }
    }

    /// The user may not watch any more.
    func endWatches(by home: UserHome) {
        for watch in adHoc.watches(by: home.jid) {
            adHoc.end(watch)
            sayGoodbye(watch)
        }
    }

    /// A subscription has taken their place.
    func forgetWatches(of target: JID, by watcher: JID) {
        for watch in adHoc[target] where watch.watcher.jid == watcher { adHoc.end(watch) }
    }

    // MARK: The switch of `presence.sharing`

    /// Both directions, for those who share availability until now.
    func hideWatches(of home: UserHome) {
        for watch in adHoc[home.jid] + adHoc.watches(by: home.jid) { sayGoodbye(watch) }
    }

    func showWatches(of home: UserHome) {
        for watch in adHoc[home.jid] + adHoc.watches(by: home.jid) {
            guard let target = homes.loaded(watch.target) else { continue }
            _ = show(target, to: watch.endpoint, watch.watcher, by: .adHoc, address: watch.endpoint.address)
        }
    }
}

extension StanzaError {
    static let adHocOff = StanzaError(
        .cancel, .notAllowed, "watching people without a subscription is not switched on (presence.adhoc)")
    /// Says no more than that: whoever blocks the watcher must look like nobody.
    static let notWatchable = StanzaError(
        .cancel, .serviceUnavailable, "this address cannot be watched without a subscription")
}
