import XMPPWire

/// Why somebody sees another's availability or does not, in words: the decision that stanzas on their way get, and what
/// stands before it in the order of the questions.
public struct PresenceExplanation: Sendable, Equatable {
    public enum Outcome: String, Sendable, Codable {
        /// Nothing was said against it.
        case passed
        case allowed, denied
        /// An earlier question has decided.
        case notAsked = "not-asked"
    }

    public struct Line: Sendable, Equatable {
        public var step: PresenceStep
        public var outcome: Outcome
        /// Stable, for catalogues of texts: `target-sharing-off`; of the step where it did not decide.
        public var code: String
        /// English.
        public var text: String
    }

    /// One client of the target.
    public struct Client: Sendable, Equatable {
        public var resource: String
        /// `available`, `away`, `chat`, `dnd`, `xa`, or `unavailable`.
        public var show: String
        /// Lists of one session may differ from those of the account.
        public var decision: PresenceDecision
    }

    public let viewer: JID
    public let target: JID
    /// About the account as a whole.
    public let decision: PresenceDecision
    public let lines: [Line]
    public let clients: [Client]
    /// What would become of a subscription request of the viewer now; nil for the own account.
    public let request: RequestDecision?

    public var isVisible: Bool { decision.isVisible }
}

extension Router {
    /// Explains what `viewer` sees of `target` now.
    ///
    /// - Parameters:
    ///   - viewer: an address here or elsewhere; the bare address counts.
    ///   - target: an account here.
    ///   - then: with nil when there is no such account.
    public func explainPresence(of target: JID, to viewer: JID, then: @escaping (PresenceExplanation?) -> Void) {
        homes.withHome(target) { [self] home in
            guard let home else { return then(nil) }
            guard serves(viewer.domain), viewer.local != nil else {
                return then(explanation(of: home, to: viewer.bare, nil))
            }
            homes.withHome(viewer) { [self] other in then(explanation(of: home, to: viewer.bare, other)) }
        }
    }

    private func explanation(of home: UserHome, to viewer: JID, _ other: UserHome?) -> PresenceExplanation {
        let relation = presenceRelation(of: home, for: viewer)
        func decide(_ source: (any Endpoint)?) -> PresenceDecision {
            if let other { return PresencePolicy.decide(relation, of: home, at: source, to: other, at: nil) }
            return PresencePolicy.decide(relation, of: home, at: source, toOutside: viewer)
        }
        let decision = decide(nil)
        return PresenceExplanation(
            viewer: viewer, target: home.jid, decision: decision,
            lines: PresenceStep.allCases.map { $0.line(decision, viewer, home.jid) },
            clients: home.endpoints.map {
                .init(resource: $0.resource, show: $0.availability?.show ?? "unavailable", decision: decide($0))
            },
            request: home === other ? nil : requestDecision(from: viewer, at: home))
    }
}

extension PresenceStep {
    fileprivate func line(_ decision: PresenceDecision, _ viewer: JID, _ target: JID) -> PresenceExplanation.Line {
        if self == decision.step {
            return .init(
                step: self, outcome: decision.isVisible ? .allowed : .denied, code: decision.reason.code,
                text: decision.reason.text(viewer, target))
        }
        let isPassed = rawValue < decision.step.rawValue
        return .init(
            step: self, outcome: isPassed ? .passed : .notAsked, code: code,
            text: isPassed ? passed(viewer, target) : "not asked any more")
    }

    /// Stable name.
    public var code: String {
        switch self {
        case .account: "account"
        case .targetSharing: "target-sharing"
        case .viewerSharing: "viewer-sharing"
        case .targetRules: "target-rules"
        case .viewerRules: "viewer-rules"
        case .relation: "relation"
        }
    }

    private func passed(_ viewer: JID, _ target: JID) -> String {
        switch self {
        case .account: "\(viewer) and \(target) are two accounts"
        case .targetSharing: "\(target) shares availability (presence.sharing is on)"
        case .viewerSharing: "\(viewer) shares availability, or is from outside"
        case .targetRules: "no list of \(target) keeps \(viewer) out"
        case .viewerRules: "no list of \(viewer) keeps \(target) out"
        case .relation: ""
        }
    }
}

extension PresenceDecision.Reason {
    /// Stable name, for catalogues of texts.
    public var code: String {
        switch self {
        case .ownAccount: "own-account"
        case .targetSharingOff: "target-sharing-off"
        case .viewerSharingOff: "viewer-sharing-off"
        case .targetRules(let reason): "target-" + reason.code
        case .viewerRules(let reason): "viewer-" + reason.code
        case .relation(let relation): relation.code
        }
    }

    public func text(_ viewer: JID, _ target: JID) -> String {
        switch self {
        case .ownAccount: "everybody sees the own availability"
        case .targetSharingOff: "\(target) does not share availability (presence.sharing is off)"
        case .viewerSharingOff:
            "\(viewer) does not share availability (presence.sharing is off), and so sees nobody's"
        case .targetRules(let reason): "\(target) keeps \(viewer) out: \(reason.text)"
        case .viewerRules(let reason): "\(viewer) keeps \(target) out: \(reason.text)"
        case .relation(.subscription): "\(viewer) is subscribed: \(target) has approved it (RFC 6121 §3.1)"
        case .relation(.adHoc): "\(viewer) watches \(target) for a while (presence.adhoc)"
        case .relation(.directed): "\(target) has sent presence to \(viewer) (RFC 6121 §4.6)"
        case .relation(.waiting): "\(viewer) has asked, and \(target) has not answered"
        case .relation(.none): "\(viewer) is not subscribed to \(target)"
        }
    }
}

extension PresenceRelation {
    var code: String {
        switch self {
        case .subscription: "subscribed"
        case .adHoc: "ad-hoc"
        case .directed: "directed"
        case .waiting: "waiting"
        case .none: "not-subscribed"
        }
    }
}

extension PrivacyReason {
    public var code: String {
        switch self {
        case .ownAccount: "own-account"
        case .blockList: "block-list"
        case .allowList: "allow-list"
        case .privacyList: "privacy-list"
        case .noRule: "no-rule"
        }
    }

    public var text: String {
        switch self {
        case .ownAccount: "it is the own account"
        case .blockList(let entry): "the block list has \(entry) (XEP-0191)"
        case .allowList(let entry): "the allow list has \(entry)"
        case .privacyList(let name, let order): "the privacy list \(name) says so in its rule \(order) (XEP-0016)"
        case .noRule: "no list says anything"
        }
    }
}

extension RequestDecision {
    /// Stable name, for catalogues of texts.
    public var code: String {
        switch reason {
        case .alreadySubscribed: "already-subscribed"
        case .rules(let reason): reason.code
        case .preApproved: "pre-approved"
        case .allowList: "allow-list"
        case .autoAuthorized: "auto-authorized"
        case .inside(.prompt): "inside-prompt"
        case .inside(.block): "inside-block"
        case .outside(.prompt): "outside-prompt"
        case .outside(.block): "outside-block"
        case .contactsFull: "contacts-full"
        case .watchersFull: "watchers-full"
        }
    }

    /// What would become of a request, and what decides.
    public var text: String {
        switch reason {
        case .alreadySubscribed: "approved: the subscription is there already"
        case .rules(let reason): "ignored in silence: \(reason.text)"
        case .preApproved: "approved: the user has said yes beforehand (RFC 6121 §3.4)"
        case .allowList(let entry): "approved at once: the allow list has \(entry)"
        case .autoAuthorized: "approved at once: presence.auto_authorize is on"
        case .inside(.prompt): "the user is asked: presence.auto_authorize is off"
        case .inside(.block): "ignored in silence: presence.inside_watchers is block"
        case .outside(.prompt): "the user is asked: the asker is from outside"
        case .outside(.block): "ignored in silence: presence.outside_watchers is block"
        case .contactsFull(let limit):
            "refused: the contact list has \(limit.count) of \(limit.limit) contacts (presence.contacts_max)"
        case .watchersFull(let limit):
            "refused: \(limit.count) of \(limit.limit) watchers are there (presence.watchers_max)"
        }
    }
}
