import DequeModule
import XMPPWire

/// How far sessions had come that cannot be resumed any more: told to the client that tries, so that it sends again
/// only what had not arrived (XEP-0198 §5, `h` of `<failed/>`).
///
/// Kept in memory; the oldest are forgotten first.
struct EndedSessions {
    static let limit = 10_000

    private var counts: [String: (account: JID, h: UInt32)] = [:]
    private var order: Deque<String> = []

    /// - Parameters:
    ///   - id: the resumption id; each ends once.
    ///   - h: stanzas of the client that are handled.
    mutating func note(_ id: String, of account: JID, h: UInt32) {
        guard counts.updateValue((account, h), forKey: id) == nil else { return }
        order.append(id)
        if order.count > Self.limit, let oldest = order.popFirst() { counts[oldest] = nil }
    }

    /// Nil for an unknown id, and for one of somebody else.
    func h(_ id: String, of account: JID?) -> UInt32? {
        guard let known = counts[id], known.account == account else { return nil }
        return known.h
    }
}
