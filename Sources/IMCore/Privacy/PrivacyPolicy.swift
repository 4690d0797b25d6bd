import XMPPWire

/// Which of a user's rules decided about somebody.
public enum PrivacyReason: Sendable, Equatable {
    /// Nobody is kept apart from the own clients (XEP-0016 §2.1).
    case ownAccount
    /// An entry of the block list (XEP-0191).
    case blockList(JID)
    /// An entry of the allow list, which is closer to the address than the entry that blocks it.
    case allowList(JID)
    /// A rule of a privacy list (XEP-0016).
    case privacyList(name: String, order: UInt32)
    /// Nothing is said about the address.
    case noRule
}

public struct PrivacyVerdict: Sendable, Equatable {
    public let isDenied: Bool
    public let reason: PrivacyReason

    init(_ isDenied: Bool, _ reason: PrivacyReason) {
        self.isDenied = isDenied
        self.reason = reason
    }
}

/// What a user's lists say about an address (pure): one engine behind the blocking command (XEP-0191), privacy lists
/// (XEP-0016) and the allow list.
enum PrivacyPolicy {
    /// An entry that covers an address; the lower the rank, the closer it is.
    struct Match: Equatable {
        var entry: JID
        var rank: Int
    }

    /// The closest entry (XEP-0191 §6, XEP-0016 §2.1): the full address, the bare one, the domain with that resource, the
    /// domain, and then each domain above it.
    static func match(_ jid: JID, in entries: Set<JID>) -> Match? {
        guard !entries.isEmpty else { return nil }
        if jid.resource != nil, entries.contains(jid) { return Match(entry: jid, rank: jid.local == nil ? 2 : 0) }
        if jid.local != nil, entries.contains(jid.bare) { return Match(entry: jid.bare, rank: 1) }
        var domain = jid.domain[...]
        var rank = 3
        while true {
            let entry = JID(preparedLocal: nil, domain: String(domain), resource: nil)
            if entries.contains(entry) { return Match(entry: entry, rank: rank) }
            guard let dot = domain.utf8.firstIndex(of: UInt8(ascii: ".")) else { return nil }
            domain = domain[domain.utf8.index(after: dot)...]
            rank += 1
        }
    }

    /// How close an entry that covers the address is to it.
    static func rank(of entry: JID, for jid: JID) -> Int {
        if entry.local != nil { return entry.resource == nil ? 1 : 0 }
        if entry.resource != nil { return 2 }
        return 3 + jid.domain.utf8.count(where: { $0 == 46 }) - entry.domain.utf8.count(where: { $0 == 46 })
    }

    /// - Parameters:
    ///   - jid: somebody else, by the address that the stanza has.
    ///   - list: the privacy list in force; nil when lists are not in use, and `blocked` decides.
    ///   - item: the roster's word on the address, for rules about groups and subscriptions.
    static func verdict(
        on jid: JID, _ kind: PrivacyKind, owner: JID, blocked: Set<JID>, allowed: Set<JID>, list: PrivacyList?,
        item: @autoclosure () -> RosterItem?
    ) -> PrivacyVerdict {
        let denial: (entry: JID?, reason: PrivacyReason)
        if let list {
            guard let rule = list.rule(for: jid, kind, item()) else { return PrivacyVerdict(false, .noRule) }
            let reason = PrivacyReason.privacyList(name: list.name, order: rule.order)
            guard rule.denies else { return PrivacyVerdict(false, reason) }
            denial = (rule.address, reason)
        } else {
            guard let match = match(jid, in: blocked) else { return PrivacyVerdict(false, .noRule) }
            denial = (match.entry, .blockList(match.entry))
        }
        if jid.bare == owner { return PrivacyVerdict(false, .ownAccount) }
        // Somebody in a blocked domain who is allowed by name.
        if let entry = denial.entry, let exception = Self.match(jid, in: allowed),
            exception.rank < rank(of: entry, for: jid)
        {
            return PrivacyVerdict(false, .allowList(exception.entry))
        }
        return PrivacyVerdict(true, denial.reason)
    }
}
