import XMPPWire

/// The questions that decide whether one sees another's availability, in the order in which they are asked. The first
/// one that says no decides; the last one says yes or no.
public enum PresenceStep: Int, Sendable, CaseIterable {
    /// Is it the viewer's own account?
    case account
    /// Does the other one share availability (`presence.sharing`)?
    case targetSharing
    /// Does the viewer?
    case viewerSharing
    /// Do the other one's lists let it out (XEP-0191, XEP-0016)?
    case targetRules
    /// Do the viewer's lists let it in?
    case viewerRules
    /// Does anything entitle the viewer to see it?
    case relation
}

/// What entitles a viewer, or does not.
public enum PresenceRelation: Sendable, Equatable {
    /// RFC 6121 §3: the other one has approved.
    case subscription
    /// The viewer watches without a subscription for a while.
    case adHoc
    /// The other one sent presence to the viewer (RFC 6121 §4.6).
    case directed
    /// The viewer has asked and waits for an answer.
    case waiting
    case none

    var entitles: Bool {
        switch self {
        case .subscription, .adHoc, .directed: true
        case .waiting, .none: false
        }
    }
}

/// Whether a viewer sees the availability of somebody, and what decided. The stanzas on their way are judged by the
/// same value as an explanation shows.
public struct PresenceDecision: Sendable, Equatable {
    public enum Reason: Sendable, Equatable {
        case ownAccount
        case targetSharingOff
        case viewerSharingOff
        case targetRules(PrivacyReason)
        case viewerRules(PrivacyReason)
        case relation(PresenceRelation)
    }

    public let reason: Reason

    init(_ reason: Reason) { self.reason = reason }

    public var isVisible: Bool {
        switch reason {
        case .ownAccount: true
        case .targetSharingOff, .viewerSharingOff, .targetRules, .viewerRules: false
        case .relation(let relation): relation.entitles
        }
    }

    /// Where it was decided: what stands before it in `PresenceStep` had nothing against it, what stands behind it was
    /// not asked.
    public var step: PresenceStep {
        switch reason {
        case .ownAccount: .account
        case .targetSharingOff: .targetSharing
        case .viewerSharingOff: .viewerSharing
        case .targetRules: .targetRules
        case .viewerRules: .viewerRules
        case .relation: .relation
        }
    }
}

/// Whether one sees another (pure).
enum PresencePolicy {
    /// - Parameters:
    ///   - relation: what would entitle the viewer.
    ///   - source: the client that the presence is of; nil for the user as a whole.
    ///   - receiver: the client that would see it; nil for the user as a whole.
    ///   - isGoodbye: it is of type `unavailable`, for those who saw the user before: what is in force since a moment ago
    ///     does not hold it back.
    @inline(__always)
    static func decide(
        _ relation: PresenceRelation, of target: UserHome, at source: (any StanzaSource)?, to viewer: UserHome,
        at receiver: (any StanzaSource)?, isGoodbye: Bool = false
    ) -> PresenceDecision {
        if target === viewer { return PresenceDecision(.ownAccount) }
        guard isGoodbye ? target.toldSharing : target.isSharing else { return PresenceDecision(.targetSharingOff) }
        guard isGoodbye ? viewer.toldSharing : viewer.isSharing else { return PresenceDecision(.viewerSharingOff) }
        if target.hasRules {
            let verdict = target.privacyVerdict(on: viewer.jid, .presenceOut, at: source)
            if verdict.isDenied { return PresenceDecision(.targetRules(verdict.reason)) }
        }
        if viewer.hasRules {
            let verdict = viewer.privacyVerdict(on: target.jid, .presenceIn, at: receiver)
            if verdict.isDenied { return PresenceDecision(.viewerRules(verdict.reason)) }
        }
        return PresenceDecision(.relation(relation))
    }

    /// The same for a viewer without account here: a service, a component. What it has in rules is its own affair.
    static func decide(
        _ relation: PresenceRelation, of target: UserHome, at source: (any StanzaSource)?, toOutside viewer: JID,
        isGoodbye: Bool = false
    ) -> PresenceDecision {
        guard isGoodbye ? target.toldSharing : target.isSharing else { return PresenceDecision(.targetSharingOff) }
        if target.hasRules {
            let verdict = target.privacyVerdict(on: viewer, .presenceOut, at: source)
            if verdict.isDenied { return PresenceDecision(.targetRules(verdict.reason)) }
        }
        return PresenceDecision(.relation(relation))
    }

    /// And for somebody out there whom a user of ours would see.
    static func decide(
        _ relation: PresenceRelation, ofOutside target: JID, to viewer: UserHome, at receiver: (any StanzaSource)?
    ) -> PresenceDecision {
        guard viewer.isSharing else { return PresenceDecision(.viewerSharingOff) }
        if viewer.hasRules {
            let verdict = viewer.privacyVerdict(on: target, .presenceIn, at: receiver)
            if verdict.isDenied { return PresenceDecision(.viewerRules(verdict.reason)) }
        }
        return PresenceDecision(.relation(relation))
    }
}
