import NIOCore

/// Methods that a run sends.
enum SIPVerb: Int, CaseIterable {
    case register, message, publish, subscribe

    var name: String {
        switch self {
        case .register: "REGISTER"
        case .message: "MESSAGE"
        case .publish: "PUBLISH"
        case .subscribe: "SUBSCRIBE"
        }
    }
}

/// What requests share that belong together: Call-ID, the sender's tag, and the numbers of CSeq (RFC 3261 §8.1.1).
final class SIPCall {
    let callID: [UInt8]
    let localTag: [UInt8]
    var cseq: UInt32 = 0

    init(callID: String, localTag: String) {
        self.callID = Array(callID.utf8)
        self.localTag = Array(localTag.utf8)
    }
}

/// One request, from the decision to send it until its final answer; a challenge sends it again.
final class SIPRequest {
    let verb: SIPVerb
    /// The user that sends it.
    let user: Int
    /// What the owner wants it for: a user, a presentity or a dialog.
    let subject: Int
    let call: SIPCall
    let uri: [UInt8]
    /// Value of `To`.
    let to: [UInt8]
    /// Lines of `Route`, each with its end.
    var routes: [UInt8] = []
    /// More lines, each with its end.
    var lines: [UInt8] = []
    var body: [UInt8] = []
    unowned let owner: any SIPRequestOwner
    /// When the operation was due.
    let due: UInt64
    /// How often a challenge has been answered.
    var challengesAnswered = 0

    init(
        _ verb: SIPVerb, user: Int, subject: Int, call: SIPCall, uri: [UInt8], to: [UInt8],
        owner: any SIPRequestOwner, due: UInt64
    ) {
        self.verb = verb
        self.user = user
        self.subject = subject
        self.call = call
        self.uri = uri
        self.to = to
        self.owner = owner
        self.due = due
    }
}

/// Who sent a request and learns how it ended.
protocol SIPRequestOwner: AnyObject {
    /// A final response that is no challenge.
    func answered(_ request: SIPRequest, _ response: SIPText)
    /// No final response within 32 s (RFC 3261 §17.1.2.2), or no connection.
    func unanswered(_ request: SIPRequest)
}

/// Who takes the requests that the server sends.
protocol SIPRequestReceiver: AnyObject {
    /// - Returns: the status to answer with.
    func arrived(_ request: SIPText) -> Int
}

/// Requests that wait for their final response, found again by the number in their branch, with the timers of RFC 3261
/// §17.1.2: over UDP E (0.5, 1, 2, 4, 4 … s), over both F (32 s).
struct SIPTransactions {
    struct Transaction {
        var request: SIPRequest?
        var bytes = ByteBuffer()
        /// Guards against late responses to a number that is used again.
        var generation: UInt32 = 0
        var sentAt: UInt64 = 0
        var nextSending: UInt64 = .max
        var interval: UInt64 = 0
    }

    private static let first: UInt64 = 500_000_000
    private static let longest: UInt64 = 4_000_000_000
    private static let patience: UInt64 = 32_000_000_000

    private(set) var slots: [Transaction] = []
    private var free: [Int] = []
    private(set) var active = 0

    /// - Returns: the number, and its generation, for the branch.
    mutating func open(_ request: SIPRequest) -> (slot: Int, generation: UInt32) {
        let slot: Int
        if let last = free.popLast() {
            slot = last
        } else {
            slot = slots.count
            slots.append(Transaction())
        }
        slots[slot].request = request
        slots[slot].generation &+= 1
        active += 1
        return (slot, slots[slot].generation)
    }

    mutating func sent(_ slot: Int, _ bytes: ByteBuffer, at now: UInt64, repeats: Bool) {
        slots[slot].bytes = bytes
        slots[slot].sentAt = now
        slots[slot].interval = Self.first
        slots[slot].nextSending = repeats ? now + Self.first : .max
    }

    /// The request that `slot` and `generation` stand for, nil when it is over; it is over after this.
    mutating func close(_ slot: Int, _ generation: UInt32) -> (request: SIPRequest, sentAt: UInt64)? {
        guard slot < slots.count, slots[slot].generation == generation, let request = slots[slot].request else {
            return nil
        }
        let sentAt = slots[slot].sentAt
        slots[slot].request = nil
        slots[slot].nextSending = .max
        slots[slot].bytes.clear(minimumCapacity: 0)
        free.append(slot)
        active -= 1
        return (request, sentAt)
    }

    /// What timers E and F ask for now.
    ///
    /// - Returns: the numbers to send again, and the requests that are given up.
    mutating func tick(_ now: UInt64) -> (again: [Int], over: [SIPRequest]) {
        var again: [Int] = []
        var over: [SIPRequest] = []
        for slot in slots.indices {
            guard slots[slot].request != nil else { continue }
            if now >= slots[slot].sentAt + Self.patience {
                if let closed = close(slot, slots[slot].generation) { over.append(closed.request) }
            } else if now >= slots[slot].nextSending {
                slots[slot].interval = min(slots[slot].interval * 2, Self.longest)
                slots[slot].nextSending = now + slots[slot].interval
                again.append(slot)
            }
        }
        return (again, over)
    }
}
