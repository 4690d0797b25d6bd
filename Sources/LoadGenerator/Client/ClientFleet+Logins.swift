import NIOCore

/// Logins in progress: a range of accounts, a bounded number at once.
struct LoginRamp {
    var next = 0
    var end = 0
    var active = 0
    var online = 0
    var failed = 0
    var ended = 0
    var isToClose = false
    /// From connecting to the answer of the last request of a login.
    var latency = LatencyHistogram()
    /// When the last login ended well or ill.
    var finishTime: UInt64 = 0
    fileprivate var total = 0
    /// A connection may fail on the spot; that must not recurse once an account.
    fileprivate var isStarting = false
    fileprivate var promise: EventLoopPromise<Void>?

    fileprivate var isDone: Bool { online + failed >= total && (!isToClose || ended + failed >= total) }
}

/// The outcome of a ramp.
struct LoginOutcome: Sendable {
    var online: Int
    var failed: Int
    var latency: LatencyHistogram
    var finishTime: UInt64
}

extension ClientFleet {
    /// Logs in `accounts`, ``LoadOptions/concurrency`` at once.
    ///
    /// - Parameters:
    ///   - closing: also end each stream as soon as its login is complete, and wait for that.
    ///   - limit: the longest time for all of it; what has not succeeded by then has failed.
    /// - Returns: succeeds when all are in (and out again), or the time is over.
    func logIn(_ accounts: Range<Int>, closing: Bool, within limit: TimeAmount) -> EventLoopFuture<LoginOutcome> {
        let promise = loop.makePromise(of: Void.self)
        ramp = LoginRamp()
        ramp.next = accounts.lowerBound
        ramp.end = accounts.upperBound
        ramp.total = accounts.count
        ramp.isToClose = closing
        ramp.promise = promise
        let bound = NIOLoopBound(self, eventLoop: loop)
        let timeout = loop.scheduleTask(in: limit) { bound.value.rampTimedOut() }
        startLogins()
        return promise.futureResult.map {
            timeout.cancel()
            let ramp = bound.value.ramp
            return LoginOutcome(
                online: ramp.online, failed: ramp.failed, latency: ramp.latency, finishTime: ramp.finishTime)
        }
    }

    private func startLogins() {
        guard !ramp.isStarting else { return }
        ramp.isStarting = true
        defer { ramp.isStarting = false }
        while ramp.active < options.concurrency, ramp.next < ramp.end {
            let session = ClientSession(index: ramp.next, fleet: self)
            sessions[ramp.next] = session
            ramp.next += 1
            ramp.active += 1
            transport.connect(session)
        }
    }

    func sessionOnline(_ session: ClientSession) {
        ramp.active -= 1
        ramp.online += 1
        ramp.latency.record(Self.clock() &- session.startTime)
        if ramp.isToClose { session.close() }
        loginSettled()
    }

    func sessionFailed(_ session: ClientSession, wasOnline: Bool) {
        sessions[session.index] = nil
        guard !wasOnline else { return }
        ramp.active -= 1
        ramp.failed += 1
        loginSettled()
    }

    func sessionEnded(_ session: ClientSession, wasOnline: Bool) {
        sessions[session.index] = nil
        if !wasOnline {
            ramp.active -= 1
            ramp.failed += 1
        } else {
            ramp.ended += 1
        }
        loginSettled()
    }

    private func loginSettled() {
        startLogins()
        guard ramp.isDone, let promise = ramp.promise else { return }
        ramp.promise = nil
        ramp.finishTime = Self.clock()
        promise.succeed()
    }

    private func rampTimedOut() {
        guard let promise = ramp.promise else { return }
        ramp.promise = nil
        ramp.end = ramp.next
        ramp.failed = ramp.total - ramp.online
        ramp.finishTime = Self.clock()
        checks.errors += 1
        if checks.firstError == nil { checks.firstError = "logins took too long" }
        promise.succeed()
    }

    /// Ends the sessions of `accounts` in order.
    ///
    /// - Returns: succeeds when all have ended; those that have not after `limit` are given up.
    func logOut(_ accounts: Range<Int>, within limit: TimeAmount) -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        traffic = nil
        ramp = LoginRamp()
        ramp.isToClose = true
        for index in accounts where sessions[index] != nil {
            ramp.total += 1
            ramp.online += 1
        }
        ramp.promise = promise
        for index in accounts { sessions[index]?.close() }
        let bound = NIOLoopBound(self, eventLoop: loop)
        let timeout = loop.scheduleTask(in: limit) {
            for index in accounts { bound.value.sessions[index]?.abandon() }
        }
        loginSettled()
        return promise.futureResult.map { timeout.cancel() }
    }
}
