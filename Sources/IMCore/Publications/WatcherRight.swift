import XMPPWire

/// What becomes of somebody who watches from outside XMPP: the same decisions as stanzas get, as a subscription needs them.
public enum WatcherRight: UInt8, Sendable {
    /// Sees the user.
    case sees
    /// Is not to know that it is kept out: sees somebody who is not there.
    case hidden
    /// Has asked; the user has not answered.
    case waits
    /// Has not asked, or was refused.
    case none
}

extension Router {
    /// - Parameter viewerHome: nil for somebody without account here.
    public func watcherRight(of target: UserHome, for viewer: JID, _ viewerHome: UserHome?) -> WatcherRight {
        let relation = presenceRelation(of: target, for: viewer)
        let decision: PresenceDecision
        if let viewerHome {
            decision = PresencePolicy.decide(relation, of: target, at: nil, to: viewerHome, at: nil)
        } else {
            decision = PresencePolicy.decide(relation, of: target, at: nil, toOutside: viewer.bare)
        }
        switch decision.reason {
        case .ownAccount: return .sees
        // A block is not told to whom it keeps out; nor is anything else that may end again.
        case .targetRules: return .hidden
        case .targetSharingOff, .viewerSharingOff, .viewerRules:
            return relation.entitles ? .hidden : asked(viewer, target, viewerHome)
        case .relation(let relation): return relation.entitles ? .sees : asked(viewer, target, viewerHome)
        }
    }

    private func asked(_ viewer: JID, _ target: UserHome, _ viewerHome: UserHome?) -> WatcherRight {
        if target.roster[viewer.bare]?.subscription.pendingIn == true { return .waits }
        // What is ignored in silence stays open for whoever asked.
        return viewerHome?.roster[target.jid]?.subscription.pendingOut == true ? .waits : .none
    }

    /// Somebody beyond this deployment asks to see a user (RFC 8048 §5.2.1); the user is asked as by a stanza.
    public func requestPresence(of target: UserHome, from outside: JID, then: @escaping () -> Void = {}) {
        let stanza = PresenceStanza(type: "subscribe", from: Array(outside.bare.description.utf8))
            .addressed(to: target.address)
        receiveSubscription(.subscribe, from: outside.bare, at: target, stanza: stanza, then: then)
    }

    /// Whether a status set by hand, or a call, goes before what clients say.
    public func isOverruled(_ home: UserHome) -> Bool { home.manual != nil || home.isBusyElsewhere }

    /// Whether it is the resource that the core itself shows for what is no XMPP client.
    public func isSynthetic(_ endpoint: any Endpoint, of home: UserHome) -> Bool { endpoint === home.synthetic }
}
