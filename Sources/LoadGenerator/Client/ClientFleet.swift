import NIOCore
import NIOSSL

/// All sessions of a run, what they share, and what is counted.
///
/// Confined to one event loop; the thread that runs a scenario reaches it through ``Stage``.
final class ClientFleet {
    let loop: any EventLoop
    let options: LoadOptions
    let scenario: LoadScenario
    let transport: ClientTransport
    let saltedPasswords: SaltedPasswords
    let mark = Stamp.Mark(run: UInt32.random(in: .min ... .max))
    /// Whether sessions keep their buffers for the next write; idle ones do not.
    let keepsBuffers: Bool
    /// What is to become of stanzas; nil while nothing is going on.
    var traffic: (any TrafficPattern)?
    var sessions: [ClientSession?]
    /// Monotonic time of the read being handled.
    var now: UInt64 = 0
    var checks = RunChecks()
    var counts = WindowCounts()
    var probe: ProcessProbe
    /// Registration: accounts that existed.
    var accountsThereAlready = 0
    /// TLS version of the first secured session.
    private(set) var tlsVersion: String?
    private var dirty: [ClientSession] = []
    private var isFlushScheduled = false
    var ramp = LoginRamp()

    init(_ options: LoadOptions, _ scenario: LoadScenario, loop: any EventLoop) throws(LoadFailure) {
        self.loop = loop
        self.options = options
        self.scenario = scenario
        transport = try ClientTransport(options, loop: loop)
        probe = try ProcessProbe(options.processes)
        saltedPasswords = SaltedPasswords(
            hash: options.mechanism == .scramSHA256 ? .sha256 : .sha1,
            file: options.mechanism == .plain ? nil : options.saltedPasswordFile)
        sessions = Array(repeating: nil, count: options.accounts(for: scenario))
        keepsBuffers = scenario != .idle
    }

    /// Nanoseconds of the monotonic clock.
    @inline(__always)
    static func clock() -> UInt64 { NIODeadline.now().uptimeNanoseconds }

    // MARK: Writing

    /// Queues a session for the flush at the end of the tick; a session queues once.
    func flushLater(_ session: ClientSession) {
        dirty.append(session)
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.execute { bound.value.flushAll() }
    }

    private func flushAll() {
        isFlushScheduled = false
        let waiting = dirty
        dirty.removeAll(keepingCapacity: true)
        for session in waiting { session.flush() }
    }

    // MARK: Counting

    /// Counts an error and keeps the first one's text.
    func note(_ reason: String, _ detail: String, session: ClientSession) {
        checks.errors += 1
        guard checks.firstError == nil else { return }
        let account = options.localpart(session.index)
        checks.firstError = detail.isEmpty ? "\(account): \(reason)" : "\(account): \(reason): \(detail)"
    }

    func acknowledged(sentAt time: UInt64) {
        if counts.isOpen { counts.ackLatency.record(now &- time) }
    }

    func noteSecurity(of session: ClientSession) {
        guard tlsVersion == nil, session.isSecured, let context = session.context else { return }
        tlsVersion = (try? context.pipeline.syncOperations.nioSSL_tlsVersion()).map { "\($0)" }
    }

    /// Begins the measured window: what was counted so far was warm-up.
    func openWindow() {
        counts = WindowCounts()
        counts.isOpen = true
        counts.start = probe.sample(memory: false)
    }

    /// Ends the measured window; sessions go on.
    func closeWindow() {
        counts.end = probe.sample(memory: false)
        counts.isOpen = false
    }

    /// Messages sent with stream management that the server has not acknowledged.
    var unacknowledged: Int {
        sessions.reduce(0) { $0 + ($1?.acks?.timedWaiting ?? 0) }
    }
}

/// What is counted between two instants of a run.
struct WindowCounts: Sendable {
    var isOpen = false
    /// Stanzas received by a client.
    var delivered: UInt64 = 0
    /// Stanzas sent by a client.
    var sent: UInt64 = 0
    /// Presence that came back to its own sender (RFC 6121 §4.4.2).
    var echoed: UInt64 = 0
    var latency = LatencyHistogram()
    var ackLatency = LatencyHistogram()
    var start = ProcessSample()
    var end = ProcessSample()

    @inline(__always)
    mutating func received(after nanoseconds: UInt64) {
        guard isOpen else { return }
        delivered &+= 1
        latency.record(nanoseconds)
    }

    var seconds: Double { Double(end.time &- start.time) / 1_000_000_000 }
}

/// What must be zero at the end of a run.
struct RunChecks: Sendable {
    var lost = 0
    var duplicateOrReordered = 0
    var gaps = 0
    var misrouted = 0
    var stalls = 0
    var unacknowledged = 0
    var errors = 0
    var firstError: String?

    var isClean: Bool {
        lost == 0 && duplicateOrReordered == 0 && gaps == 0 && misrouted == 0 && stalls == 0 && unacknowledged == 0
            && errors == 0
    }
}
