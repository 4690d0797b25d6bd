/// The presence subscription between a user and one contact, as the user's server keeps it (RFC 6121 Appendix A),
/// with pre-approval (§3.4).
///
///              who sees whom          what is open
///     to       user sees contact      pendingOut  the user asked and waits ("ask")
///     from     contact sees user      pendingIn   the contact asked and the user has not answered
///                                     approved    the user said yes before the contact asked
public struct SubscriptionMachine: Equatable, Sendable {
    public private(set) var to = false
    public private(set) var from = false
    public private(set) var pendingOut = false
    public private(set) var pendingIn = false
    public private(set) var approved = false

    public init() {}

    /// Bits: 1 to, 2 from, 4 pendingOut, 8 pendingIn, 16 approved.
    public init(stored bits: Int64) {
        to = bits & 1 != 0
        from = bits & 2 != 0
        pendingOut = bits & 4 != 0
        pendingIn = bits & 8 != 0
        approved = bits & 16 != 0
    }

    public var storedBits: Int64 {
        (to ? 1 : 0) | (from ? 2 : 0) | (pendingOut ? 4 : 0) | (pendingIn ? 8 : 0) | (approved ? 16 : 0)
    }

    /// The `subscription` attribute of a roster item.
    public var attribute: String {
        switch (to, from) {
        case (true, true): "both"
        case (true, false): "to"
        case (false, true): "from"
        case (false, false): "none"
        }
    }

    /// What a presence stanza of a subscription type does.
    public enum Stanza: String, Sendable { case subscribe, subscribed, unsubscribe, unsubscribed }

    /// What follows from a stanza.
    public struct Outcome: Equatable, Sendable {
        /// The stanza goes on: to the contact (outbound), or to the user's clients (inbound).
        public var passesOn = false
        /// The roster item changed in a way that clients see.
        public var pushes = false
        /// What the server answers for the user.
        public var reply: Stanza?
        /// The contact now sees the user: send current presence.
        public var startsSharing = false
        /// The contact no longer sees the user: send unavailable.
        public var stopsSharing = false

        public init() {}
    }

    /// The user sent `stanza` to the contact (RFC 6121 A.2).
    public mutating func sent(_ stanza: Stanza) -> Outcome {
        var outcome = Outcome()
        switch stanza {
        case .subscribe:
            // Passed on even when already subscribed: the two servers may disagree (A.2.1).
            outcome.passesOn = true
            if !to, !pendingOut {
                pendingOut = true
                outcome.pushes = true
            }
        case .unsubscribe:
            outcome.passesOn = true
            outcome.pushes = to || pendingOut
            to = false
            pendingOut = false
        case .subscribed:
            if pendingIn {
                outcome.passesOn = true
                outcome.pushes = true
                outcome.startsSharing = true
                pendingIn = false
                from = true
            } else if !from, !approved {
                // Pre-approval (§3.4): remembered, not sent.
                approved = true
                outcome.pushes = true
            }
        case .unsubscribed:
            if from || pendingIn {
                outcome.passesOn = true
                outcome.stopsSharing = from
                outcome.pushes = from || approved
                from = false
                pendingIn = false
                approved = false
            } else if approved {
                approved = false
                outcome.pushes = true
            }
        }
        return outcome
    }

    /// The contact sent `stanza` to the user (RFC 6121 A.3).
    ///
    /// - Parameter approves: the server approves a request for the user.
    public mutating func received(_ stanza: Stanza, approves: Bool = false) -> Outcome {
        var outcome = Outcome()
        switch stanza {
        case .subscribe:
            if from {
                outcome.reply = .subscribed
            } else if approved || approves {
                // §3.4.2: answered for the user, who is told by the push.
                approved = false
                from = true
                pendingIn = false
                outcome.reply = .subscribed
                outcome.pushes = true
                outcome.startsSharing = true
            } else {
                // Delivered once; a repeated request that is still open is not (§3.1.3).
                outcome.passesOn = !pendingIn
                pendingIn = true
            }
        case .unsubscribe:
            outcome.passesOn = from || pendingIn
            outcome.pushes = from
            outcome.stopsSharing = from
            from = false
            pendingIn = false
        case .subscribed:
            if pendingOut, !to {
                pendingOut = false
                to = true
                outcome.passesOn = true
                outcome.pushes = true
            }
        case .unsubscribed:
            outcome.passesOn = to || pendingOut
            outcome.pushes = outcome.passesOn
            to = false
            pendingOut = false
        }
        return outcome
    }

    /// Whether nothing would be lost with the item (then a request that was never in the roster is forgotten).
    public var isEmpty: Bool { storedBits == 0 }
}
