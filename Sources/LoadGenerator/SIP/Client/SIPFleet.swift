import NIOCore

/// One user of a run.
struct SIPUser {
    let name: String
    /// `sip:user@domain`.
    let address: [UInt8]
    let socket: Int
    /// What answers challenges of a server (401) and of a proxy (407).
    var digest: DigestClient?
    var proxyDigest: DigestClient?
    /// How each method was challenged: nil not yet, else whether by a proxy.
    var challenged = [Bool?](repeating: nil, count: SIPVerb.allCases.count)
}

/// All users and sockets of a SIP run, what they share, and what is counted.
///
/// Confined to one event loop; the thread that runs a scenario reaches it through a ``LoopSide``.
final class SIPFleet {
    let loop: any EventLoop
    let options: SIPLoadOptions
    let scenario: SIPLoadScenario
    /// The run's own mark in every identifier: eight hexadecimal digits.
    let run: String
    let mark: Stamp.Mark
    let isStream: Bool
    var users: [SIPUser]
    private(set) var sockets: [SIPSocket] = []
    var transactions = SIPTransactions()
    /// Takes the server's requests.
    var receiver: (any SIPRequestReceiver)?
    /// What is being repeated now.
    var pacer: SIPPacer?
    var checks = RunChecks()
    var counts = SIPCounts()
    var probe: ProcessProbe
    /// Monotonic time of the read being handled.
    var now: UInt64 = 0
    /// Whether sockets that end are no surprise.
    var isClosing = false
    private var dirty: [SIPSocket] = []
    private var isFlushScheduled = false
    private var ticking: RepeatedTask?

    init(_ options: SIPLoadOptions, _ scenario: SIPLoadScenario, loop: any EventLoop) throws(LoadFailure) {
        self.loop = loop
        self.options = options
        self.scenario = scenario
        isStream = options.carrier == .tcp
        let number = UInt32.random(in: .min ... .max)
        let digits = String(number, radix: 16)
        run = String(repeating: "0", count: 8 - digits.count) + digits
        mark = Stamp.Mark(run: number)
        probe = try ProcessProbe(options.processes)
        let isStream = isStream
        users = (0..<options.accounts(for: scenario)).map { index in
            let name = options.username(index)
            return SIPUser(
                name: name, address: Array("sip:\(name)@\(options.domain)".utf8),
                socket: isStream ? index : index % options.sockets)
        }
    }

    // MARK: Sockets

    /// Opens all sockets, a hundred at once.
    func open() -> EventLoopFuture<Void> {
        let server: SocketAddress
        do {
            server = try SocketAddress.makeAddressResolvingHost(options.host, port: options.port)
        } catch {
            return loop.makeFailedFuture(LoadFailure.notPossible("--host \(options.host) cannot be resolved: \(error)"))
        }
        let count = isStream ? users.count : min(options.sockets, users.count)
        sockets = (0..<count).map { number in
            isStream ? SIPStreamSocket(self, number: number) : SIPDatagramSocket(self, number: number)
        }
        let bound = NIOLoopBound(self, eventLoop: loop)
        ticking = loop.scheduleRepeatedTask(initialDelay: .milliseconds(100), delay: .milliseconds(100)) { _ in
            bound.value.tick()
        }
        return open(from: 0, server)
    }

    private func open(from first: Int, _ server: SocketAddress) -> EventLoopFuture<Void> {
        let end = min(first + 100, sockets.count)
        let local = options.localAddress
        let opening = sockets[first..<end].map { socket in
            switch socket {
            case let socket as SIPDatagramSocket: socket.open(local: local, server: server)
            case let socket as SIPStreamSocket: socket.open(local: local, server: server)
            default: loop.makeSucceededVoidFuture()
            }
        }
        let all = EventLoopFuture.andAllSucceed(opening, on: loop)
            .flatMapErrorThrowing { throw LoadFailure.notPossible("cannot open a socket: \($0)") }
        guard end < sockets.count else { return all }
        let bound = NIOLoopBound(self, eventLoop: loop)
        return all.flatMap { bound.value.open(from: end, server) }
    }

    func close() {
        isClosing = true
        ticking?.cancel()
        for socket in sockets { socket.close() }
    }

    /// Queues a socket for the flush at the end of the tick.
    func flushLater(_ socket: SIPSocket) {
        dirty.append(socket)
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.execute { bound.value.flushAll() }
    }

    private func flushAll() {
        isFlushScheduled = false
        let waiting = dirty
        dirty.removeAll(keepingCapacity: true)
        for socket in waiting { socket.flush() }
    }

    private func tick() {
        now = ClientFleet.clock()
        let (again, over) = transactions.tick(now)
        for slot in again {
            let transaction = transactions.slots[slot]
            guard let request = transaction.request else { continue }
            counts.retransmitted += 1
            sockets[users[request.user].socket].write(transaction.bytes)
        }
        for request in over {
            checks.lost += 1
            note("no answer to \(request.verb.name) within 32 s", users[request.user].name)
            request.owner.unanswered(request)
        }
    }

    // MARK: Counting

    /// Counts an error and keeps the first one's text.
    func note(_ reason: String, _ detail: String) {
        checks.errors += 1
        if checks.firstError == nil { checks.firstError = detail.isEmpty ? reason : "\(reason): \(detail)" }
    }

    /// Counts an answer that refuses.
    func noteRefusal(_ request: SIPRequest, _ response: SIPText) {
        let line = response.bytes.offset(of: UInt8(ascii: "\r"), from: 0) ?? response.bytes.count
        note("\(users[request.user].name): \(request.verb.name)", response.bytes.part(0, line).text(limit: 200))
    }

    func openWindow() {
        counts = SIPCounts()
        counts.isOpen = true
        counts.start = probe.sample(memory: false)
    }

    func closeWindow() {
        counts.end = probe.sample(memory: false)
        counts.isOpen = false
    }
}

/// What is counted between two instants of a run.
struct SIPCounts: Sendable {
    var isOpen = false
    /// Operations that were completed: a registration refreshed, a message delivered, a state seen by all, a cycle.
    var operations: UInt64 = 0
    var latency = LatencyHistogram()
    /// Final answers by method, and how long they took.
    var answers = [UInt64](repeating: 0, count: SIPVerb.allCases.count)
    var answerLatency = LatencyHistogram()
    /// Messages or notifications that arrived, and how long they took.
    var delivered: UInt64 = 0
    var deliveryLatency = LatencyHistogram()
    var challenges = 0
    var retransmitted = 0
    /// Requests of the server that came again.
    var repeats = 0
    var start = ProcessSample()
    var end = ProcessSample()

    var seconds: Double { Double(end.time &- start.time) / 1_000_000_000 }

    mutating func deliveredOne(after nanoseconds: UInt64) {
        guard isOpen else { return }
        delivered &+= 1
        deliveryLatency.record(nanoseconds)
    }
}
