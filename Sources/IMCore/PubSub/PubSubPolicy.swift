import XMPPWire

/// What an entity is to a node (XEP-0060 §4.1).
public enum Affiliation: Int64, Sendable, CaseIterable {
    case none = 0
    case owner = 1
    case publisher = 2
    case publishOnly = 3
    case member = 4
    case outcast = 5

    public var word: String {
        switch self {
        case .none: "none"
        case .owner: "owner"
        case .publisher: "publisher"
        case .publishOnly: "publish-only"
        case .member: "member"
        case .outcast: "outcast"
        }
    }

    public init?(word: String) {
        guard let found = Self.allCases.first(where: { $0.word == word }) else { return nil }
        self = found
    }
}

/// State of a subscription (XEP-0060 §4.2). Only owners make one `unconfigured`.
public enum SubscriptionState: Int64, Sendable, CaseIterable {
    case subscribed = 1
    case pending = 2
    case unconfigured = 3

    public var word: String {
        switch self {
        case .subscribed: "subscribed"
        case .pending: "pending"
        case .unconfigured: "unconfigured"
        }
    }

    public init?(word: String) {
        guard let found = Self.allCases.first(where: { $0.word == word }) else { return nil }
        self = found
    }
}

/// Whoever asks, and what it is to the service.
public struct PubSubRequester: Sendable {
    /// Full address of a client, or the address of a service.
    public var jid: JID
    /// The account that the service belongs to.
    public var isAccountOwner: Bool
    /// Sees the presence of the account that the service belongs to.
    public var hasPresence: Bool
    /// Groups of that account's roster in which the requester is.
    public var groups: [String]
    /// At a service with a domain of its own.
    public var mayCreateNodes = false

    public init(_ jid: JID, isAccountOwner: Bool = false, hasPresence: Bool = false, groups: [String] = []) {
        self.jid = jid
        self.isAccountOwner = isAccountOwner
        self.hasPresence = hasPresence
        self.groups = groups
    }

    public var bare: JID { jid.bare }
}

/// Who may do what (XEP-0060 §4). Pure.
public enum PubSubPolicy {
    /// Whether the requester may read items and subscribe; the error says why not (§6.1.3, §6.5.9).
    public static func accessError(
        _ configuration: NodeConfiguration, _ affiliation: Affiliation, _ requester: PubSubRequester,
        subscription: SubscriptionState?
    ) -> StanzaError? {
        switch affiliation {
        case .owner, .publisher, .member: return nil
        case .outcast: return .pubsubForbidden
        case .publishOnly, .none: break
        }
        if requester.isAccountOwner { return nil }
        switch configuration.accessModel {
        case .open: return nil
        case .presence:
            return requester.hasPresence
                ? nil : .pubsub(.auth, .notAuthorized, "presence-subscription-required")
        case .roster:
            return requester.hasPresence && requester.groups.contains(where: configuration.rosterGroups.contains)
                ? nil : .pubsub(.auth, .notAuthorized, "not-in-roster-group")
        case .authorize:
            return subscription == .subscribed ? nil : .pubsub(.auth, .notAuthorized, "not-subscribed")
        case .whitelist: return .pubsub(.cancel, .notAllowed, "closed-node")
        }
    }

    /// Whether items may be read. A publish-only affiliate may not, whatever the access model (§4.1).
    public static func retrievalError(
        _ configuration: NodeConfiguration, _ affiliation: Affiliation, _ requester: PubSubRequester,
        subscription: SubscriptionState?
    ) -> StanzaError? {
        if affiliation == .publishOnly { return .pubsubForbidden }
        return accessError(configuration, affiliation, requester, subscription: subscription)
    }

    /// Whether a subscription is granted, waits for an owner, or is refused (§6.1).
    public static func subscription(
        _ configuration: NodeConfiguration, _ affiliation: Affiliation, _ requester: PubSubRequester
    ) -> Result<SubscriptionState, StanzaError> {
        if affiliation == .outcast || affiliation == .publishOnly { return .failure(.pubsubForbidden) }
        if affiliation == .owner { return .success(.subscribed) }
        guard configuration.allowsSubscriptions else { return .failure(.unsupported("subscribe")) }
        if configuration.accessModel == .authorize, affiliation == .none, !requester.isAccountOwner {
            return .success(.pending)
        }
        if let error = accessError(configuration, affiliation, requester, subscription: nil) { return .failure(error) }
        return .success(.subscribed)
    }

    public static func mayPublish(
        _ configuration: NodeConfiguration, _ affiliation: Affiliation, isSubscribed: Bool
    ) -> Bool {
        switch affiliation {
        case .owner, .publisher, .publishOnly: return true
        case .outcast: return false
        case .member, .none:
            switch configuration.publishModel {
            case .publishers: return false
            case .subscribers: return isSubscribed
            case .open: return true
            }
        }
    }

    /// Owners and publishers retract anything, others what they published themselves (§7.2.3).
    public static func mayRetract(_ affiliation: Affiliation, publisher: String, requester: JID) -> Bool {
        switch affiliation {
        case .owner, .publisher: true
        case .outcast: false
        case .publishOnly, .member, .none: publisher == requester.bare.description
        }
    }
}
