import NIOCore

/// The request ids of one session: which request is next, which responses the client has, which are kept for a client
/// that asks again (XEP-0124 §9, §14). Pure.
struct BOSHWindow {
    enum Verdict: Equatable {
        /// The next one, or one of those behind it that may come before it.
        case fresh
        /// Taken before.
        case repeated
        /// Too high, or so low that its response is gone.
        case outside
    }

    struct Response {
        var rid: Int64
        var body: ByteBuffer
        /// Bytes of payload inside.
        var payload: Int
        /// How many pieces of output were in this and all responses before.
        var position: Int
        /// The client has it.
        var isAcknowledged = false
    }

    /// Requests that the client may have under way at a time.
    let size: Int
    /// Requests that are held for lack of payload.
    let hold: Int
    /// The last request that was handed on; those before it were too.
    private(set) var handled: Int64
    /// In the order of their ids.
    private(set) var responses: [Response] = []

    /// - Parameter first: id of the request that asked for the session; it is the next to be handled.
    init(first: Int64, hold: Int) {
        handled = first - 1
        self.hold = hold
        size = max(2, hold + 1)
    }

    func verdict(_ rid: Int64) -> Verdict {
        if rid <= handled { return .repeated }
        return rid <= handled + Int64(size) ? .fresh : .outside
    }

    /// The next request is handed on.
    mutating func advance() { handled += 1 }

    func response(to rid: Int64) -> ByteBuffer? { responses.first { $0.rid == rid }?.body }

    mutating func answered(_ response: Response) {
        responses.append(response)
        prune()
    }

    /// Responses that a client may leave unacknowledged: all of them are kept for it.
    static let unacknowledgedLimit = 64

    var unacknowledged: Int { responses.reduce(0) { $0 + ($1.isAcknowledged ? 0 : 1) } }

    /// Bytes of payload that the client may not have.
    var unacknowledgedBytes: Int { responses.reduce(0) { $0 + ($1.isAcknowledged ? 0 : $1.payload) } }

    /// Request `rid`, the next one, tells which responses have arrived.
    ///
    /// - Parameters:
    ///   - usesAcks: the client promised to say so in each request (§9.2); `ack` is then what it said, nil when it has
    ///     everything.
    ///   - isEmpty: the request brings nothing. Such a one is only sent when fewer than `hold` are under way.
    /// - Returns: how many pieces of output are with the client.
    mutating func acknowledge(by rid: Int64, ack: Int64?, usesAcks: Bool, isEmpty: Bool) -> Int {
        let through: Int64
        if usesAcks {
            through = ack.map { min($0, rid - 1) } ?? rid - 1
        } else {
            // Without a word from the client: it cannot have more under way than it may.
            through = rid - Int64(isEmpty ? max(hold, 1) : size)
        }
        for index in responses.indices where responses[index].rid <= through {
            responses[index].isAcknowledged = true
        }
        let position = responses.last { $0.isAcknowledged }?.position ?? 0
        prune()
        return position
    }

    /// Responses are kept for a repeated request, a window's worth of them and those that may have been lost.
    private mutating func prune() {
        guard responses.count > size else { return }
        let surplus = responses.count - size
        let gone = responses.prefix(surplus).prefix { $0.isAcknowledged }.count
        responses.removeFirst(gone)
    }
}
