import XMPPWire

/// What the administrator and the user have decided for one user: settings that may differ by domain and by user.
///
/// Immutable; one instance stands for everybody of a domain who has nothing of his own, so that a home holds a pointer.
public final class UserPolicy: Sendable, Equatable {
    /// The values; a new one is made for every change.
    public struct Values: Sendable, Equatable {
        public var presence = PresenceSettings()
        public var messaging = MessagingSettings()

        public init() {}
    }

    public let values: Values

    /// A user's values within those of the domain: what is switched off there, nobody switches on for himself.
    public static func values(_ values: Values, within domain: Values) -> Values {
        var values = values
        if !domain.presence.sharing { values.presence.sharing = false }
        return values
    }

    public init(_ values: Values = Values()) {
        self.values = values
    }

    public static let standard = UserPolicy()

    public static func == (left: UserPolicy, right: UserPolicy) -> Bool {
        left === right || left.values == right.values
    }
}

/// Everybody's policies; a snapshot, exchanged whole (`Router.policiesChanged`).
public struct PolicyTable: Sendable {
    /// For domains without values of their own, and for those that are not served.
    public var deployment = UserPolicy.standard
    public var domains: [String: UserPolicy] = [:]
    /// By bare address, those who have values of their own.
    public var users: [String: UserPolicy] = [:]

    public init() {}

    /// - Parameter jid: any form; the bare address counts.
    public func policy(for jid: JID) -> UserPolicy {
        if !users.isEmpty, let own = users[jid.bare.description] { return own }
        return policy(ofDomain: jid.domain)
    }

    public func policy(ofDomain domain: String) -> UserPolicy {
        domains.isEmpty ? deployment : domains[domain] ?? deployment
    }
}
