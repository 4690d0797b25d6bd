import XMLWire
import XMPPWire

/// Instant messaging as decided for one user (docs/messaging-policy.md).
public struct MessagingSettings: Sendable, Equatable {
    /// Which session goes when a user has too many.
    public enum Eviction: String, Sendable { case oldest, refuse }

    /// Who may send to many at once (XEP-0033).
    public enum Broadcasting: String, Sendable { case users, administrators, off }

    public var isEnabled = true
    /// Nothing is stored for the user when he is offline; the sender gets an error.
    public var suppressesOffline = false
    /// Told to clients, which may keep to it or not.
    public var allowsHistory = false
    public var allowsCutPaste = true
    /// A conversation stays with the client that the user has answered from.
    public var locksForks = true
    /// Carbons (XEP-0280).
    public var copiesToDevices = true
    public var sessionsPerUser = 10
    public var eviction = Eviction.oldest
    public var broadcasting = Broadcasting.users

    public init() {}
}

/// What becomes of a message while instant messaging is switched off.
enum MessagingSwitch {
    enum Verdict: Equatable {
        case pass
        /// It says something: the sender gets an error.
        case refuse
        /// A receipt, a marker, a typing notice: about messages that there are none of.
        case drop
    }

    /// Errors, forms of services, invitations to calls, and what is worthless later (data in band, events) go on.
    static func verdict(_ type: MessageType, _ traits: MessageTraits) -> Verdict {
        if type == .error { return .pass }
        if traits.contains(.body) { return .refuse }
        if !traits.isDisjoint(with: [.receipt, .chatState]) { return .drop }
        if !traits.isDisjoint(with: [.form, .call]) { return .pass }
        return traits.contains(.lasting) ? .refuse : .pass
    }
}

extension UserHome {
    /// Whether the user may send to many at once.
    public var mayBroadcast: Bool {
        switch policy.values.messaging.broadcasting {
        case .users: true
        case .administrators: account.isAdmin
        case .off: false
        }
    }
}

extension Router {
    /// Refuses or drops a message where instant messaging is off; false when it goes on.
    func isStopped(_ message: IncomingMessage) -> Bool {
        switch MessagingSwitch.verdict(message.type, message.traits) {
        case .pass: return false
        case .refuse: bounce(message, .messagingOff)
        case .drop:
            journal.trail.note(
                message.id, .dropped, message.sender.address, "instant messages are switched off",
                nameHash: message.nameHash)
            message.acknowledge()
        }
        return true
    }

    /// As `isStopped`, for a message to a service; nil when it goes on, otherwise what to tell the sender, if anything.
    public func stopsMessage(_ element: XMLElement, of home: UserHome) -> (error: StanzaError?, isStopped: Bool) {
        guard !home.policy.values.messaging.isEnabled else { return (nil, false) }
        let type = MessageType(rawValue: element["type"] ?? "normal") ?? .normal
        switch MessagingSwitch.verdict(type, MessageTraits(of: element)) {
        case .pass: return (nil, false)
        case .refuse: return (.messagingOff, true)
        case .drop: return (nil, true)
        }
    }

    /// What stands against a user's writing to an address; nil for nothing. For messages that the core does not see itself:
    /// their content is none that it reads, or they go on as they came.
    public func refusal(of home: UserHome, writingTo jid: JID, at source: any StanzaSource) -> StanzaError? {
        if home.hasRules, home.blocks(jid, .all, at: source) { return .blocked }
        return home.policy.values.messaging.isEnabled ? nil : .messagingOff
    }

    /// The other side of `refusal`: whether a user of ours takes messages of somebody.
    public func takesMessages(_ home: UserHome, from jid: JID) -> Bool {
        home.policy.values.messaging.isEnabled && !(home.hasRules && home.blocks(jid, .message))
    }

    /// Whether one more client fits. Where too many are refused, one whose link is lost makes room.
    public func hasRoom(for resource: String, _ home: UserHome) -> Bool {
        let settings = home.policy.values.messaging
        guard settings.eviction == .refuse, home.endpoint(resource: resource) == nil else { return true }
        while home.sessionCount >= max(1, settings.sessionsPerUser) {
            guard let lost = home.endpoints.first(where: { $0.isHibernating }) else { return false }
            lost.end(StreamError(.conflict, "too many sessions: the one without a link was ended"))
            guard !home.endpoints.contains(where: { $0 === lost }) else { return false }
        }
        return true
    }
}

extension StanzaError {
    /// RFC 6120 §8.3.3.12.
    static let messagingOff = StanzaError(.modify, .policyViolation, "instant messages are switched off")
    static let offlineSuppressed = StanzaError(
        .cancel, .serviceUnavailable, "the contact is offline, and messages are not stored")
    public static let tooManySessions = StanzaError(
        .wait, .resourceConstraint, "the account has as many sessions as are allowed")
}
