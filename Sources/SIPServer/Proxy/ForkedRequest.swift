import SIPWire

/// One place that a request is passed on to.
struct ProxyTarget {
    /// The Request-URI there.
    var uri: SIPBytes
    var target: SIPTarget
    /// Values of Route there, top first.
    var routes: [SIPBytes] = []
    /// Thousandths; targets of the same preference are tried at once, lower ones later.
    var q = 1_000
    /// The flow that it will be reached over, when that is known.
    var flow: SIPFlow?
    /// Requests inside the dialog must come over that flow again.
    var keepsFlow = false
    var trunk: SIPTrunk?
    /// Whose contact it is: a prepared bare address; empty for nobody's.
    var owner: [UInt8] = []
    /// Other flows of the same instance, for when this one is dead (RFC 5626 §7).
    var others: [ProxyTarget] = []
}

/// A request that is passed on to one or several places, until the best answer has been passed back: the response context
/// of RFC 3261 §16.7. Keeps itself alive while branches are under way.
final class ForkedRequest {
    private final class Branch {
        let target: ProxyTarget
        var client: ClientTransaction?
        var isDone = false
        /// Its part of Max-Breadth.
        let share: Int

        init(_ target: ProxyTarget, share: Int) { (self.target, self.share) = (target, share) }
    }

    private unowned let proxy: SIPProxy
    let request: IncomingRequest
    private let forwarded: ForwardedRequest
    private let loopMark: UInt32
    private let timer: CallTimer?
    /// Groups of equal preference that have not been tried, the next one last.
    private var waiting: [[ProxyTarget]]
    private var branches: [Branch] = []
    private var results: [ResponseChoice.Result] = []
    private var breadth: Int
    private var isCancelled = false
    /// It has rung for too long.
    private var hasRungOut = false
    /// A 2xx or a 6xx came: nothing else is tried.
    private var isDecided = false
    private var hasEnded = false
    /// Uptime at which timer C fires (§16.6 step 11, §16.8), or at which the next group has its turn.
    private(set) var deadline = Int64.max

    /// What watchers are told of it; nil for no call of our users.
    var call: ProxiedCall?

    private var isInvite: Bool { request.method == .invite }

    init(
        _ request: IncomingRequest, targets: [ProxyTarget], forwarded: ForwardedRequest, loopMark: UInt32, breadth: Int,
        timer: CallTimer?, proxy: SIPProxy
    ) {
        self.timer = timer
        self.request = request
        self.forwarded = forwarded
        self.loopMark = loopMark
        self.breadth = breadth
        self.proxy = proxy
        waiting = Self.groups(targets, limit: breadth)
    }

    /// By falling preference; no group is larger than the request may fork.
    private static func groups(_ targets: [ProxyTarget], limit: Int) -> [[ProxyTarget]] {
        var groups: [[ProxyTarget]] = []
        for target in targets.sorted(by: { $0.q > $1.q }) {
            if let last = groups.last, last[0].q == target.q, last.count < limit {
                groups[groups.count - 1].append(target)
            } else {
                groups.append([target])
            }
        }
        return groups.reversed()
    }

    func start() {
        request.whenCancelled = { [self] in cancel() }
        request.whenTimedOut = { [self] in giveUp() }
        next()
    }

    private func next() {
        guard let group = waiting.popLast() else { return finish() }
        let share = max(1, breadth / group.count)
        deadline = isInvite ? proxy.deadline(isLast: isLast(group)) : .max
        let started = group.map { Branch($0, share: share) }
        branches += started
        for branch in started { start(branch) }
    }

    /// Nothing is waited for behind it: of a trunk, another server has its turn only when this one does not answer.
    private func isLast(_ group: [ProxyTarget]) -> Bool { waiting.isEmpty || group.contains { $0.trunk != nil } }

    private func start(_ branch: Branch) {
        let target = branch.target
        let outgoing = forwarded.branch(
            to: target.uri, recordRoutes: proxy.recordRoutes(for: request, target), routes: target.routes,
            breadth: branch.share, loopMark: loopMark)
        target.trunk?.requestsOut += 1
        branch.client = proxy.server.send(
            outgoing, to: target.target, provisional: { [self] in provisional($0) },
            completion: { [self] in completed(branch, $0) })
    }

    // MARK: What branches say

    private func provisional(_ response: SIPMessage) {
        guard isInvite, !hasEnded else { return }
        if waiting.isEmpty || branches.last?.target.trunk != nil { deadline = proxy.deadline(isLast: true) }
        guard response.statusCode > 100, !request.isAnswered else { return }
        call?.provisional(response)
        request.relay(response.status, RelayedResponse.bytes(response))
    }

    private func completed(_ branch: Branch, _ outcome: SIPOutcome) {
        let wasDone = branch.isDone
        branch.isDone = true
        switch outcome {
        case .response(let response) where response.status.isSuccess:
            branch.target.trunk?.answered()
            guard isInvite || !request.isAnswered else { break }
            isDecided = true
            call?.answered(response, now: proxy.server.time.now)
            request.relay(
                response.status, RelayedResponse.bytes(response, lines: timer?.missing(in: response) ?? ""))
            cancelOthers()
        case .response(let response):
            if response.statusCode != 503 { branch.target.trunk?.answered() }
            guard !wasDone else { return }
            proxy.failed(branch.target, response.status, retryAfter: response.retryAfter)
            if response.statusCode == 430, replace(branch) { return }
            results.append(.response(response))
            if response.status.isGlobalFailure || (branch.target.trunk != nil && response.statusCode != 503) {
                isDecided = true
                cancelOthers()
            }
        case .timeout:
            guard !wasDone else { return }
            proxy.failed(branch.target, .requestTimeout)
            if replace(branch) { return }
            results.append(.timeout)
        case .unreachable:
            guard !wasDone else { return }
            proxy.failed(branch.target, .flowFailed, problem: branch.client?.problem ?? "")
            if replace(branch) { return }
            results.append(.unreachable)
        case .tooLarge:
            guard !wasDone else { return }
            results.append(.tooLarge)
        }
        guard branches.allSatisfy(\.isDone) else { return }
        if isDecided || isCancelled { finish() } else { next() }
    }

    /// Goes to another flow of the same instance, when the one of the branch leads nowhere (RFC 5626 §7). Anything else that an
    /// instance says is its answer.
    private func replace(_ branch: Branch) -> Bool {
        guard !hasEnded, !isDecided, !isCancelled else { return false }
        var others = branch.target.others
        while !others.isEmpty {
            var next = others.removeFirst()
            guard case .binding(let binding) = next.target, !binding.isGone, binding.isReachable else { continue }
            next.others = others
            let replacement = Branch(next, share: branch.share)
            branches.append(replacement)
            start(replacement)
            return true
        }
        return false
    }

    private func cancelOthers() {
        waiting.removeAll()
        guard isInvite else { return }
        for branch in branches where !branch.isDone { branch.client?.cancel() }
    }

    // MARK: The end

    /// The caller has hung up (§16.10).
    private func cancel() {
        guard !isCancelled, !hasEnded else { return }
        isCancelled = true
        cancelOthers()
        if branches.allSatisfy(\.isDone) { finish() }
    }

    /// Timer C, or the time of a group that others wait behind.
    func timedOut() {
        deadline = isInvite ? proxy.deadline(isLast: true) : .max
        guard !waiting.isEmpty, branches.last?.target.trunk == nil else {
            hasRungOut = true
            isCancelled = true
            cancelOthers()
            if branches.allSatisfy(\.isDone) { finish() }
            return
        }
        for branch in branches where !branch.isDone { branch.client?.cancel() }
    }

    /// The server transaction is over.
    private func giveUp() {
        cancelOthers()
        end()
    }

    private func finish() {
        guard !hasEnded else { return }
        end()
        guard !request.isAnswered else { return }
        guard let best = ResponseChoice.best(results) else {
            return request.respond(isCancelled ? .requestTerminated : .temporarilyUnavailable)
        }
        switch best {
        // What our own CANCEL brought about is not what the caller asked for (§16.8).
        case .response(let response) where hasRungOut && response.statusCode == 487: request.respond(.requestTimeout)
        case .response(let response): passBack(response)
        case .timeout:
            if isCancelled, !hasRungOut { return request.respond(.requestTerminated) }
            // RFC 4320 §4.2: 408 to anything but INVITE helps nobody; the client's own timer has fired.
            if isInvite { request.respond(.requestTimeout) }
        case .tooLarge: request.respond(.messageTooLarge)
        case .unreachable:
            if isCancelled { return request.respond(.requestTerminated) }
            if branches.contains(where: { $0.target.trunk != nil }) {
                request.respond(.serviceUnavailable) { $0.add(.retryAfter, number: 30) }
            } else {
                request.respond(.temporarilyUnavailable)
            }
        }
    }

    private func passBack(_ response: SIPMessage) {
        let code = response.statusCode
        // 503 would make the client avoid us; only where all else would fail too is it the truth (§16.7 step 6).
        if code == 503, !branches.contains(where: { $0.target.trunk != nil }) {
            return request.relay(
                .serverInternalError, RelayedResponse.bytes(response, status: .serverInternalError))
        }
        // Flows to our own people are our affair; nobody before us can do anything about them.
        if code == 430, branches.contains(where: { !$0.target.owner.isEmpty }) {
            return request.respond(.temporarilyUnavailable)
        }
        guard code == 401 || code == 407 else {
            return request.relay(response.status, RelayedResponse.bytes(response))
        }
        let others = results.compactMap { result -> SIPMessage? in
            guard case .response(let other) = result, other !== response else { return nil }
            return other.statusCode == 401 || other.statusCode == 407 ? other : nil
        }
        request.relay(response.status, RelayedResponse.bytes(response, challenges: others))
    }

    private func end() {
        hasEnded = true
        deadline = .max
        call?.failed()
        proxy.ended(self)
        // A 2xx that comes later is passed back all the same; nobody else is called any more.
        request.whenCancelled = nil
        request.whenTimedOut = nil
    }
}
