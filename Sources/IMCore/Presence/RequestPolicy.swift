import XMPPWire

/// What becomes of somebody's wish to see a user's availability: of a subscription request, or of a watch without
/// subscription. And what decided.
public struct RequestDecision: Sendable, Equatable {
    public enum Verdict: Sendable, Equatable {
        /// The server approves for the user.
        case approve
        /// The user is asked.
        case prompt
        /// Nothing becomes of it, and the asker is not told.
        case ignore
        /// The asker is told why not.
        case refuse
    }

    public enum Reason: Sendable, Equatable {
        case alreadySubscribed
        case rules(PrivacyReason)
        case preApproved
        case allowList(JID)
        /// `presence.auto_authorize`.
        case autoAuthorized
        /// `presence.inside_watchers` blocks, or asks.
        case inside(PresenceSettings.Requests)
        /// `presence.outside_watchers` blocks, or asks.
        case outside(PresenceSettings.Requests)
        case contactsFull(ContactLimit)
        case watchersFull(ContactLimit)
    }

    public let verdict: Verdict
    public let reason: Reason

    init(_ verdict: Verdict, _ reason: Reason) {
        self.verdict = verdict
        self.reason = reason
    }
}

/// How many there are of what is limited.
public struct ContactLimit: Sendable, Equatable {
    public var count: Int
    /// Of all that there may be.
    public var limit: Int

    public var isReached: Bool { count >= limit }

    public init(count: Int, limit: Int) {
        self.count = count
        self.limit = limit
    }
}

/// Who is let in to see a user's availability (pure).
///
/// In this order: what keeps out in silence, what is there already, what there is no room for, what lets in, and at last
/// the user's own answer.
enum RequestPolicy {
    struct Case {
        var settings: PresenceSettings
        /// The asker has an account at a served domain.
        var isInside: Bool
        /// What the user's lists say about the asker.
        var verdict: PrivacyVerdict
        /// The allow list's entry that covers the asker.
        var allowEntry: JID?
        var isSubscribed: Bool
        var isPreApproved: Bool
        /// Nil when the asker is in the contact list already, or needs no place in it.
        var contacts: ContactLimit?
        /// Nil when there is no limit.
        var watchers: ContactLimit?
    }

    static func decide(_ request: Case) -> RequestDecision {
        if request.verdict.isDenied { return RequestDecision(.ignore, .rules(request.verdict.reason)) }
        if request.isSubscribed { return RequestDecision(.approve, .alreadySubscribed) }
        let settings = request.settings
        let standard = request.isInside ? settings.insideRequests : settings.outsideRequests
        let isLetIn = request.isPreApproved || request.allowEntry != nil
        if standard == .block, !isLetIn {
            return RequestDecision(.ignore, request.isInside ? .inside(.block) : .outside(.block))
        }
        if let contacts = request.contacts, contacts.isReached {
            return RequestDecision(.refuse, .contactsFull(contacts))
        }
        if let watchers = request.watchers, watchers.isReached {
            return RequestDecision(.refuse, .watchersFull(watchers))
        }
        if request.isPreApproved { return RequestDecision(.approve, .preApproved) }
        // Nobody from outside is let in without the user's answer.
        guard request.isInside else { return RequestDecision(.prompt, .outside(.prompt)) }
        if let entry = request.allowEntry { return RequestDecision(.approve, .allowList(entry)) }
        if settings.autoAuthorizes { return RequestDecision(.approve, .autoAuthorized) }
        return RequestDecision(.prompt, .inside(.prompt))
    }
}

extension Router {
    /// What becomes of `asker`'s request to see the user's availability, now.
    ///
    /// - Parameter needsContact: a subscription, which puts the asker into the contact list; a watch does not.
    public func requestDecision(from asker: JID, at home: UserHome, needsContact: Bool = true) -> RequestDecision {
        let item = home.roster[asker.bare]
        let isListed = item?.isVisible ?? false
        let settings = home.policy.values.presence
        return RequestPolicy.decide(
            .init(
                settings: settings, isInside: serves(asker.domain),
                verdict: home.hasRules ? home.privacyVerdict(on: asker.bare, .all) : PrivacyVerdict(false, .noRule),
                allowEntry: PrivacyPolicy.match(asker.bare, in: home.allowed)?.entry,
                isSubscribed: item?.subscription.from ?? false, isPreApproved: item?.subscription.approved ?? false,
                contacts: needsContact && !isListed ? contactLimit(home) : nil, watchers: watcherLimit(home)))
    }

    /// Contacts in the list, of those that there may be. Without a limit of its own, `limits.roster_items` bounds it.
    public func contactLimit(_ home: UserHome) -> ContactLimit {
        let limit = home.policy.values.presence.contacts
        return ContactLimit(count: home.contactCount, limit: limit == 0 ? config.rosterItems : limit)
    }

    /// Those who see the user's availability, with those who watch for a while; nil when there is no limit.
    public func watcherLimit(_ home: UserHome) -> ContactLimit? {
        let limit = home.policy.values.presence.watchers
        guard limit > 0 else { return nil }
        return ContactLimit(count: home.subscriberCount + adHoc.count(of: home.jid), limit: limit)
    }
}

extension UserHome {
    /// Contacts that clients see in the list.
    public var contactCount: Int { roster.values.reduce(0) { $0 + ($1.isVisible ? 1 : 0) } }

    /// Contacts that are subscribed to the user.
    public var subscriberCount: Int { roster.values.reduce(0) { $0 + ($1.subscription.from ? 1 : 0) } }
}

extension StanzaError {
    /// For the user, whose own list is full.
    static func contactsFull(_ limit: ContactLimit) -> StanzaError {
        StanzaError(
            .cancel, .resourceConstraint, "the contact list is full: it has \(limit.count) of \(limit.limit) contacts")
    }

    /// For the user, whom no more people may watch.
    static func watchersFull(_ limit: ContactLimit) -> StanzaError {
        StanzaError(
            .cancel, .resourceConstraint,
            "no more people can see your availability: \(limit.count) of \(limit.limit) do already")
    }

    /// For somebody who asked a user at a limit.
    static func full(_ jid: JID, _ reason: RequestDecision.Reason) -> StanzaError {
        switch reason {
        case .contactsFull(let limit):
            StanzaError(
                .cancel, .resourceConstraint,
                "\(jid.bare) cannot be added: that contact list is full (\(limit.count) of \(limit.limit) contacts)")
        case .watchersFull(let limit):
            StanzaError(
                .cancel, .resourceConstraint,
                "\(jid.bare) cannot be added: as many people as allowed see that availability (\(limit.count) of"
                    + " \(limit.limit))")
        default: StanzaError(.cancel, .resourceConstraint)
        }
    }
}
