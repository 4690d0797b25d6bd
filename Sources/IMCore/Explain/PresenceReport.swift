import XMPPWire

/// What somebody sees of another, with everything that decided: the subscription, sharing and lists
/// (`PresenceExplanation`), the composed status with its sources, and what watchers are shown of each client.
public struct PresenceReport: Sendable {
    public struct Client: Sendable {
        public var resource: String
        /// As the client says it: `available`, `away`, `chat`, `dnd`, `xa`.
        public var show: String
        public var priority: Int
        /// Milliseconds since 1970.
        public var since: Int64
        /// The stanza that watchers see; nil while the user appears offline.
        public var shown: String?
        /// A change of it waits for its turn (`presence.coalesce_ms`, `presence.change_throttle`).
        public var isWaiting: Bool
    }

    /// Nil where nobody is looking.
    public var explanation: PresenceExplanation?
    /// RFC 6121 §2.1.2.5, as the two rosters say; nil for no entry.
    public var subscriptionAtTarget: String?
    public var subscriptionAtViewer: String?
    /// Of the user as such.
    public var composed: ComposedPresence
    /// As the viewer gets it: offline by row 1 where it may not see.
    public var composedForViewer: ComposedPresence
    public var manual: ManualPresence?
    public var clients: [Client]
}

extension Router {
    /// - Parameters:
    ///   - viewer: nil for the presence as the server sees it.
    ///   - then: with nil when `target` has no account here.
    public func reportPresence(of target: JID, to viewer: JID?, then: @escaping (PresenceReport?) -> Void) {
        homes.withHome(target) { [self] home in
            guard let home else { return then(nil) }
            guard let viewer else { return then(report(of: home, nil)) }
            explainPresence(of: target, to: viewer) { [self] explanation in then(report(of: home, explanation)) }
        }
    }

    private func report(of home: UserHome, _ explanation: PresenceExplanation?) -> PresenceReport {
        let viewer = explanation.flatMap { homes.loaded($0.viewer) }
        return PresenceReport(
            explanation: explanation,
            subscriptionAtTarget: explanation.flatMap { home.roster[$0.viewer]?.subscription.attribute },
            subscriptionAtViewer: viewer?.roster[home.jid]?.subscription.attribute,
            composed: composedPresence(of: home),
            composedForViewer: composedPresence(
                of: home, for: .init(isHidden: explanation.map { !$0.isVisible } ?? false)),
            manual: home.manual,
            clients: home.endpoints.compactMap { endpoint in
                endpoint.availability.map { availability in
                    PresenceReport.Client(
                        resource: endpoint.resource, show: availability.show, priority: Int(availability.priority),
                        since: availability.since,
                        shown: availability.shown.map { String(decoding: $0.bytes, as: UTF8.self) },
                        isWaiting: pacing.isWaiting(endpoint))
                }
            })
    }
}
