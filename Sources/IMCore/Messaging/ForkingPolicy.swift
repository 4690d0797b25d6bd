/// Chooses which clients of a contact receive the primary copy of a message to its bare address.
///
/// Every client with a non-negative priority receives until the contact answers from one; then only that
/// client does, until it goes away, changes presence, another client answers, or the conversation is silent
/// for `silence` (source documents, IM forking; RFC 6121 §5.1 for the end of the lock).
public struct ForkingPolicy: Sendable {
    /// One conversation of a contact, by the peer's row id.
    struct Conversation {
        /// When the peer or the contact last wrote, milliseconds of the monotonic clock.
        var lastActivity: Int64
        /// The resource the contact answered from.
        var locked: String?
    }

    /// Milliseconds.
    public var silence: Int64
    /// Conversations remembered; the stalest half is forgotten beyond it, which only widens the fork.
    static let capacity = 256

    private(set) var conversations: [Int64: Conversation] = [:]

    public init(silence: Int64) { self.silence = silence }

    /// The peer wrote to the contact. Returns the resource that alone receives, nil for all.
    mutating func received(from peer: Int64, uptime: Int64) -> String? {
        guard var conversation = conversations[peer], uptime - conversation.lastActivity < silence else {
            makeRoom()
            conversations[peer] = Conversation(lastActivity: uptime, locked: nil)
            return nil
        }
        conversation.lastActivity = uptime
        conversations[peer] = conversation
        return conversation.locked
    }

    /// The contact wrote to the peer from `resource`: an answer, if the peer had written before.
    mutating func answered(_ peer: Int64, from resource: String, uptime: Int64) {
        guard let known = conversations[peer], uptime - known.lastActivity < silence else { return }
        conversations[peer] = Conversation(lastActivity: uptime, locked: resource)
    }

    /// The client of that resource changed presence or left.
    mutating func presenceChanged(_ resource: String) {
        guard !conversations.isEmpty else { return }
        for (peer, conversation) in conversations where conversation.locked == resource {
            conversations[peer]?.locked = nil
        }
    }

    /// Which resource the conversation is locked to now.
    func lock(with peer: Int64, uptime: Int64) -> String? {
        guard let conversation = conversations[peer], uptime - conversation.lastActivity < silence else { return nil }
        return conversation.locked
    }

    private mutating func makeRoom() {
        guard conversations.count >= Self.capacity else { return }
        let stale = conversations.sorted { $0.value.lastActivity < $1.value.lastActivity }.prefix(Self.capacity / 2)
        for (peer, _) in stale { conversations[peer] = nil }
    }
}
