import XMPPWire

/// Whether a viewer sees somebody, what the viewer sees, and what decided: put together from the values that the
/// decisions themselves return.
public struct PresenceExplanation: Sendable {
    /// What one client of the target says, and what becomes of it.
    public struct Client: Sendable {
        public var resource: String
        /// As the client says it: `available`, `away`, …
        public var show: String
        public var priority: Int
        /// What watchers get instead, or the same; nil while the status set by hand hides it.
        public var shown: String?
        /// A change of it waits for its turn (`presence.coalesce_ms`, `presence.change_throttle`).
        public var isWaiting: Bool
        /// For each available client of the viewer, what decided.
        public var decisions: [Decision]
    }

    public struct Decision: Sendable {
        /// Resource of the viewer's client; empty for the viewer as a whole.
        public var resource: String
        public var isVisible: Bool
        /// 1 … 6, the question at which it was decided.
        public var step: Int
        public var reason: String
    }

    public var viewer: String
    public var target: String
    /// What entitles the viewer: `subscription`, `ad-hoc`, `directed`, `waiting`, `none`.
    public var relation: String
    /// RFC 6121 §2.1.2.5, as the two rosters say; nil for no entry.
    public var subscriptionAtTarget: String?
    public var subscriptionAtViewer: String?
    /// For the two as a whole.
    public var decision: Decision
    public var composed: ComposedPresence
    /// As this viewer gets it: offline by row 1 where it may not see.
    public var composedForViewer: ComposedPresence
    public var manual: ManualPresence?
    public var clients: [Client]
}

extension Router {
    /// Explains the presence of `target` to `viewer`; calls back with nil when one of them has no account here.
    public func explainPresence(
        of target: JID, to viewer: JID, then: @escaping (PresenceExplanation?) -> Void
    ) {
        homes.withHome(target) { [self] targetHome in
            guard let targetHome else { return then(nil) }
            homes.withHome(viewer) { [self] viewerHome in
                guard let viewerHome else { return then(nil) }
                then(explanation(of: targetHome, to: viewerHome))
            }
        }
    }

    private func explanation(of target: UserHome, to viewer: UserHome) -> PresenceExplanation {
        let relation = presenceRelation(of: target, for: viewer.jid)
        func decision(_ source: (any Endpoint)?, _ receiver: (any Endpoint)?) -> PresenceExplanation.Decision {
            let decided = PresencePolicy.decide(relation, of: target, at: source, to: viewer, at: receiver)
            return PresenceExplanation.Decision(
                resource: receiver?.resource ?? "", isVisible: decided.isVisible, step: decided.step.rawValue + 1,
                reason: decided.reason.words(target: target.jid, viewer: viewer.jid))
        }
        let whole = decision(nil, nil)
        return PresenceExplanation(
            viewer: viewer.jid.description, target: target.jid.description, relation: relation.word,
            subscriptionAtTarget: target.roster[viewer.jid]?.subscription.attribute,
            subscriptionAtViewer: viewer.roster[target.jid]?.subscription.attribute, decision: whole,
            composed: composedPresence(of: target),
            composedForViewer: composedPresence(of: target, for: .init(isHidden: !whole.isVisible)),
            manual: target.manual,
            clients: target.endpoints.compactMap { endpoint in
                guard let availability = endpoint.availability else { return nil }
                return PresenceExplanation.Client(
                    resource: endpoint.resource, show: availability.show, priority: Int(availability.priority),
                    shown: availability.shown.map { String(decoding: $0.bytes, as: UTF8.self) },
                    isWaiting: pacing.isWaiting(endpoint),
                    decisions: viewer.endpoints.filter { $0.availability != nil }.map { decision(endpoint, $0) })
            })
    }
}

extension PresenceRelation {
    var word: String {
        switch self {
        case .subscription: "subscription"
        case .adHoc: "ad-hoc"
        case .directed: "directed"
        case .waiting: "waiting"
        case .none: "none"
        }
    }
}

extension PresenceDecision.Reason {
    /// The decision in a sentence.
    public func words(target: JID, viewer: JID) -> String {
        switch self {
        case .ownAccount: "it is the own account"
        case .targetSharingOff: "\(target) does not share availability (presence.sharing)"
        case .viewerSharingOff: "\(viewer) does not share availability (presence.sharing), and so sees nobody's"
        case .targetRules(let reason): "\(target) does not let it out: \(reason.words)"
        case .viewerRules(let reason): "\(viewer) does not let it in: \(reason.words)"
        case .relation(.subscription): "\(target) has approved \(viewer)'s subscription"
        case .relation(.adHoc): "\(viewer) watches for a while without a subscription (presence.adhoc)"
        case .relation(.directed): "\(target) sent presence to \(viewer)"
        case .relation(.waiting): "\(viewer) has asked, and \(target) has not answered"
        case .relation(.none): "\(viewer) is not subscribed to \(target)"
        }
    }
}

extension PrivacyReason {
    public var words: String {
        switch self {
        case .ownAccount: "the own account"
        case .blockList(let entry): "the block list names \(entry)"
        case .allowList(let entry): "the allow list names \(entry)"
        case .privacyList(let name, let order): "rule \(order) of the privacy list \(name)"
        case .noRule: "no rule says anything about it"
        }
    }
}
