/// What a scenario does with what its sessions receive; called on the event loop.
protocol TrafficPattern: AnyObject {
    /// A stanza with a stamp of this run has come; `element` is valid during the call only.
    func stampArrived(_ stamp: Stamp, in element: Element, at session: ClientSession)
    /// The answer to an iq with the id `pace` has come.
    func paceAnswered(at session: ClientSession)
    /// Presence of type `subscribe`, `subscribed`, `unsubscribe`, `unsubscribed` or `probe` (RFC 6121 §4.7.1).
    func subscriptionArrived(_ type: String, from: String, at session: ClientSession)
    /// The answer to an iq with the id `roster` has come.
    func rosterArrived(_ element: Element, at session: ClientSession)
}

extension TrafficPattern {
    func stampArrived(_ stamp: Stamp, in element: Element, at session: ClientSession) {}
    func paceAnswered(at session: ClientSession) {}
    func subscriptionArrived(_ type: String, from: String, at session: ClientSession) {}
    func rosterArrived(_ element: Element, at session: ClientSession) {}
}

/// Follows the sequence numbers of one sender at one receiver.
struct SequenceTracker {
    enum Verdict: Equatable {
        case next
        /// Seen already, or behind a later one.
        case duplicateOrReordered
        /// `missing` numbers were skipped.
        case gap(missing: Int)
    }

    private var expected: UInt32 = 0

    mutating func receive(_ sequence: UInt32) -> Verdict {
        if sequence == expected {
            expected = sequence &+ 1
            return .next
        }
        guard sequence > expected else { return .duplicateOrReordered }
        let missing = Int(sequence - expected)
        expected = sequence &+ 1
        return .gap(missing: missing)
    }
}
