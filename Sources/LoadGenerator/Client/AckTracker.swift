import DequeModule

/// Client side of stream management (XEP-0198 §4): counts both directions and times acknowledgements.
struct AckTracker {
    enum Outcome: Equatable {
        /// The send times of the newly acknowledged stanzas; 0 for those that are not timed.
        case acknowledged([UInt64])
        /// `h` runs ahead of what was sent, or back.
        case invalid
    }

    /// Stanzas received, modulo 2^32: the `h` that we report.
    private(set) var received: UInt32 = 0
    private var acknowledged: UInt32 = 0
    private var sendTimes = Deque<UInt64>()
    /// Timed stanzas that wait for their acknowledgement.
    private(set) var timedWaiting = 0
    private var isRequestOpen = false

    mutating func stanzaReceived() { received &+= 1 }

    /// A stanza goes out.
    ///
    /// - Parameter time: when, 0 when its acknowledgement is not timed.
    /// - Returns: whether to ask for an acknowledgement now: one request is open at a time.
    mutating func stanzaSent(at time: UInt64) -> Bool {
        sendTimes.append(time)
        guard time != 0 else { return false }
        timedWaiting += 1
        defer { isRequestOpen = true }
        return !isRequestOpen
    }

    /// `<a h='…'/>` has come.
    ///
    /// - Returns: what it acknowledges, and whether to ask again because timed stanzas still wait.
    mutating func ackReceived(_ handled: UInt32) -> (outcome: Outcome, asksAgain: Bool) {
        let count = Int(handled &- acknowledged)
        guard count <= sendTimes.count else { return (.invalid, false) }
        let times = Array(sendTimes.prefix(count))
        sendTimes.removeFirst(count)
        acknowledged = handled
        for time in times where time != 0 { timedWaiting -= 1 }
        isRequestOpen = timedWaiting > 0
        return (.acknowledged(times), isRequestOpen)
    }
}
