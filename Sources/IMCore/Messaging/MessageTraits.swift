import XMPPWire

/// What a message carries, as far as routing cares. Read once from the index of its children.
public struct MessageTraits: OptionSet, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let body = MessageTraits(rawValue: 1)
    /// Something other than a chat state: worth keeping (XEP-0160 §3).
    public static let substance = MessageTraits(rawValue: 2)
    /// `<private/>` of XEP-0280 or `<no-copy/>` of XEP-0334.
    public static let noCopy = MessageTraits(rawValue: 4)
    /// `<no-store/>` of XEP-0334.
    public static let noStore = MessageTraits(rawValue: 8)
    /// A carbon, which is never copied again.
    public static let isCarbon = MessageTraits(rawValue: 16)
    /// A receipt (XEP-0184) or a marker (XEP-0333): copied to other clients although it has no body.
    public static let receipt = MessageTraits(rawValue: 32)
    public static let chatState = MessageTraits(rawValue: 64)
    /// Something that archives keep.
    public static let lasting = MessageTraits(rawValue: 128)
    /// `<no-permanent-store/>` of XEP-0334: not in archives.
    public static let noPermanentStore = MessageTraits(rawValue: 256)
    /// `<store/>` of XEP-0334: stored and archived whatever it carries.
    public static let store = MessageTraits(rawValue: 512)
    /// A retraction of an earlier message (XEP-0424).
    public static let retraction = MessageTraits(rawValue: 1_024)
    /// A data form (XEP-0004).
    public static let form = MessageTraits(rawValue: 2_048)
    /// About a call (XEP-0353).
    public static let call = MessageTraits(rawValue: 4_096)

    /// Formatted text (XEP-0071).
    public static let xhtmlNamespace: StaticString = "http://jabber.org/protocol/xhtml-im"

    /// Namespaces of content that is worthless later: data in band, events of services, old typing notices.
    public static let transientNamespaces: [StaticString] = [
        "http://jabber.org/protocol/ibb", "http://jabber.org/protocol/pubsub#event", "jabber:x:event",
    ]
}

/// Where a message goes (RFC 6121 §8.5).
public enum MessageVerdict: Equatable, Sendable {
    /// To the one client with that full address.
    case toResource
    /// To the clients that `ForkingPolicy` chooses.
    case fork
    /// To every client with non-negative priority.
    case toAll
    /// Into the store.
    case store
    case refuse
    case ignore
}

/// The table of RFC 6121 §8.5.4.
public enum MessagePolicy {
    /// - Parameters:
    ///   - hasResource: the address is a full JID.
    ///   - resourceMatches: a client with that resource is connected.
    ///   - isReachable: some available client has a non-negative priority.
    public static func verdict(
        type: MessageType, traits: MessageTraits, hasResource: Bool, resourceMatches: Bool, isReachable: Bool
    ) -> MessageVerdict {
        if hasResource {
            if resourceMatches { return .toResource }
            switch type {
            case .chat: break  // as if to the bare address (§8.5.3.2.1)
            case .normal, .groupchat, .headline: return .refuse
            case .error: return .ignore
            }
        }
        switch type {
        case .normal, .chat:
            if isReachable { return .fork }
            return isStorable(type: type, traits: traits) ? .store : (traits.contains(.noStore) ? .refuse : .ignore)
        case .headline: return isReachable ? .toAll : .ignore
        case .groupchat: return .refuse
        case .error: return .ignore
        }
    }

    /// Whether the message is journalled, and stored when nobody is there (XEP-0160 §3, XEP-0334 §4).
    public static func isStorable(type: MessageType, traits: MessageTraits) -> Bool {
        (type == .chat || type == .normal) && !traits.isDisjoint(with: [.substance, .store])
            && traits.isDisjoint(with: [.noStore, .isCarbon])
    }

    /// Whether other clients of the same user get a copy (XEP-0280 §6.1).
    public static func isCopied(type: MessageType, traits: MessageTraits) -> Bool {
        guard traits.isDisjoint(with: [.noCopy, .isCarbon]) else { return false }
        switch type {
        case .chat: return true
        case .normal: return !traits.isDisjoint(with: [.body, .receipt, .chatState])
        case .error, .groupchat, .headline: return false
        }
    }
}
