import DequeModule
import NIOCore

/// Starts operations: each of `count` subjects once, or all of them again and again.
///
/// Closed loop: a number of operations is in progress, and each that ends lets the next one begin. Open loop: they are
/// due at a fixed rate, and each is given the time it was *due*, so that a queue in the generator or the server shows
/// as latency. A subject has at most one operation in progress; its turn comes again at the end of the line.
final class SIPPacer {
    private unowned let fleet: SIPFleet
    private let rate: Double
    private let concurrency: Int
    private let repeats: Bool
    private let begin: (Int, UInt64) -> Void
    private var line: Deque<Int>
    private var startTime: UInt64 = 0
    private var due: UInt64 = 0
    private var isFilling = false
    private(set) var isRunning = true
    private(set) var inProgress = 0
    /// Operations that ended, well or ill.
    private(set) var ended = 0
    private(set) var failed = 0
    private(set) var endTime: UInt64 = 0

    /// - Parameter begin: starts the operation of a subject that is due at a time.
    init(
        _ fleet: SIPFleet, count: Int, concurrency: Int, rate: Double, repeats: Bool,
        begin: @escaping (Int, UInt64) -> Void
    ) {
        self.fleet = fleet
        self.concurrency = concurrency
        self.rate = rate
        self.repeats = repeats
        self.begin = begin
        line = Deque(0..<count)
    }

    func start() {
        startTime = ClientFleet.clock()
        if rate > 0 { pace() } else { fill() }
    }

    func stop() { isRunning = false }

    private func fill() {
        // An operation may fail on the spot; that must not recurse once a subject.
        guard isRunning, rate == 0, !isFilling else { return }
        isFilling = true
        defer { isFilling = false }
        while isRunning, inProgress < concurrency, let subject = line.popFirst() {
            inProgress += 1
            begin(subject, ClientFleet.clock())
        }
    }

    private func pace() {
        guard isRunning else { return }
        let now = ClientFleet.clock()
        var next = dueTime(due)
        while next <= now, let subject = line.popFirst() {
            inProgress += 1
            due += 1
            begin(subject, next)
            next = dueTime(due)
        }
        guard repeats || !line.isEmpty else { return }
        let bound = NIOLoopBound(self, eventLoop: fleet.loop)
        fleet.loop.scheduleTask(deadline: .uptimeNanoseconds(max(next, now + 1_000_000))) { bound.value.pace() }
    }

    private func dueTime(_ number: UInt64) -> UInt64 { startTime + UInt64(Double(number) * 1_000_000_000 / rate) }

    /// The operation of `subject` that was due at `due` is over.
    func end(_ subject: Int, due: UInt64, isGood: Bool) {
        inProgress -= 1
        ended += 1
        endTime = ClientFleet.clock()
        if !isGood { failed += 1 }
        if isGood, fleet.counts.isOpen {
            fleet.counts.operations &+= 1
            fleet.counts.latency.record(endTime &- due)
        }
        if repeats { line.append(subject) }
        fill()
    }
}
