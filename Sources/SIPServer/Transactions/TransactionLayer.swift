import Ground
import NIOCore
import SIPWire

/// All transactions (RFC 3261 §17). Confined to the server's loop.
///
/// Only what waits is in a table: a request that is answered at once leaves its response in `answered`, and nothing else.
/// `TransactionLayer+Server` and `TransactionLayer+Client` have the two halves.
public final class TransactionLayer {
    unowned(unsafe) let server: SIPServer
    /// Server transactions that wait for something.
    var active: [KeyedHash.Value: IncomingRequest] = [:]
    /// The same by the number that timers know them by.
    var activeByID: [UInt64: IncomingRequest] = [:]
    /// Which of them a merged request would meet (§8.2.2.2).
    var origins: [KeyedHash.Value: KeyedHash.Value] = [:]
    let answered: AnsweredRequests
    var clients: [UInt64: ClientTransaction] = [:]
    private var wheel: TimerWheel
    private var isTicking = false
    private var nextID: UInt64
    let hash = KeyedHash()
    /// Requests answered with 503 since the start, because there was too much.
    public internal(set) var refused = 0

    init(server: SIPServer, uptime: Int64) {
        self.server = server
        answered = AnsweredRequests(limit: server.config.answeredBytes)
        wheel = TimerWheel(uptime: uptime)
        nextID = UInt64.random(in: 0..<(1 << 40))
    }

    /// Transactions under way.
    public var count: Int { active.count + clients.count }
    /// Bytes that finished transactions take.
    public var answeredBytes: Int { answered.bytes }

    func makeID() -> UInt64 {
        nextID &+= 1
        return nextID
    }

    // MARK: Time

    func schedule(_ id: UInt64, at deadline: Int64) {
        guard deadline != .max else { return }
        wheel.add(id, at: deadline)
        guard !isTicking else { return }
        isTicking = true
        tickLater()
    }

    private func tickLater() {
        server.loop.scheduleTask(in: .milliseconds(TimerWheel.slot)) { [self, server] in
            advance(to: server.time.uptime)
            if wheel.isEmpty { isTicking = false } else { tickLater() }
        }
    }

    /// Everything that is due; called by the clock, and by tests.
    func advance(to uptime: Int64) {
        server.uptime = uptime
        for id in wheel.advance(to: uptime) {
            if let client = clients[id] {
                timer(client, uptime)
            } else if let request = activeByID[id] {
                timer(request, uptime)
            }
        }
    }

    /// Once a second.
    func tick(_ uptime: Int64) {
        answered.limit = max(65_536, server.config.answeredBytes)
        answered.shrink(uptime: uptime)
    }
}
