import NIOCore

/// Subscriptions to presence (RFC 6665, RFC 3856): one dialog for each pair of a presentity and a watcher.
///
/// A step, which is one SUBSCRIBE, is over when it has been answered *and* the notification has come that it causes.
final class SIPSubscriptions: SIPRequestOwner, SIPRequestReceiver {
    /// What an operation consists of.
    enum Operation { case subscribe, end, cycle }

    private enum Step { case idle, subscribing, refreshing, ending }

    private struct Dialog {
        let presentity: Int
        let watcher: Int
        var operation = Operation.subscribe
        var step = Step.idle
        /// Number of the dialog between this pair, which is part of its Call-ID.
        var generation = 0
        var call: SIPCall
        var due: UInt64 = 0
        var isAnswered = false
        var isNotified = false
        /// Tag and contact of the server's side, and the way to it; empty until it has said them.
        var remoteTag: [UInt8] = []
        var target: [UInt8] = []
        var routes: [UInt8] = []
        var remoteSequence: UInt32 = 0
        /// Number of the last notification of the dialog before, which may be repeated late.
        var formerSequence: UInt32 = 0
        var isActive = false
        var stateSeen: UInt32?
    }

    private unowned let fleet: SIPFleet
    private var dialogs: [Dialog]
    var publications: SIPPublications?
    /// Whether every notification must show a state that its dialog has not shown before.
    var isStateExpected = false
    /// Subscriptions whose last notification said `active`.
    private(set) var active = 0
    /// Notifications that said `pending`.
    private(set) var pendingSeen = 0

    init(_ fleet: SIPFleet, _ pairs: [(presentity: Int, watcher: Int)]) {
        self.fleet = fleet
        dialogs = pairs.enumerated().map { number, pair in
            Dialog(
                presentity: pair.presentity, watcher: pair.watcher, call: Self.makeCall(fleet, number, generation: 0))
        }
    }

    private static func makeCall(_ fleet: SIPFleet, _ number: Int, generation: Int) -> SIPCall {
        SIPCall(
            callID: "s\(number).\(generation).\(fleet.run)@\(fleet.options.localAddress)",
            localTag: "s\(fleet.run)\(number)")
    }

    // MARK: Sending

    func start(_ number: Int, due: UInt64, _ operation: Operation) {
        dialogs[number].operation = operation
        dialogs[number].due = due
        if operation != .end {
            // A fresh dialog.
            dialogs[number].generation += 1
            dialogs[number].call = Self.makeCall(fleet, number, generation: dialogs[number].generation)
            dialogs[number].remoteTag = []
            dialogs[number].target = []
            dialogs[number].routes = []
            dialogs[number].formerSequence = dialogs[number].remoteSequence
            dialogs[number].remoteSequence = 0
        }
        send(number, operation == .end ? .ending : .subscribing)
    }

    private func send(_ number: Int, _ step: Step) {
        dialogs[number].step = step
        dialogs[number].isAnswered = false
        dialogs[number].isNotified = false
        let dialog = dialogs[number]
        let address = fleet.users[dialog.presentity].address
        var to = [0x3C] + address + [0x3E]
        if !dialog.remoteTag.isEmpty { to += Array(";tag=".utf8) + dialog.remoteTag }
        let request = SIPRequest(
            .subscribe, user: dialog.watcher, subject: number, call: dialog.call,
            uri: dialog.target.isEmpty ? address : dialog.target, to: to, owner: self, due: dialog.due)
        request.routes = dialog.routes
        let expires = step == .ending ? 0 : fleet.options.expires
        request.lines = Array(
            ("Contact: \(fleet.contact(of: dialog.watcher))\r\nEvent: presence\r\nAccept: application/pidf+xml\r\n"
                + "Expires: \(expires)\r\n").utf8)
        fleet.send(request)
    }

    func answered(_ request: SIPRequest, _ response: SIPText) {
        let number = request.subject
        guard response.status == 200 || response.status == 202 else {
            fleet.noteRefusal(request, response)
            return unanswered(request)
        }
        guard request.call === dialogs[number].call else { return }
        if let to = response.to, let tag = response.parameter(";tag=", of: to) {
            learn(number, tag: tag, contact: response.contact.map { response.uri(of: $0) })
        }
        if dialogs[number].step == .subscribing, !response.recordRoutes.isEmpty {
            // RFC 3261 §12.1.2: in reverse order.
            var routes: [UInt8] = []
            for route in response.recordRoutes.reversed() {
                routes += Array("Route: ".utf8) + Array(response.part(route)) + Array("\r\n".utf8)
            }
            dialogs[number].routes = routes
        }
        dialogs[number].isAnswered = true
        settle(number)
    }

    func unanswered(_ request: SIPRequest) { end(request.subject, isGood: false) }

    private func learn(_ number: Int, tag: UnsafeRawBufferPointer, contact: UnsafeRawBufferPointer?) {
        if dialogs[number].remoteTag.isEmpty { dialogs[number].remoteTag = Array(tag) }
        if let contact, !dialogs[number].target.elementsEqual(contact) { dialogs[number].target = Array(contact) }
    }

    /// The next step when this one is over.
    private func settle(_ number: Int) {
        guard dialogs[number].isAnswered, dialogs[number].isNotified else { return }
        switch (dialogs[number].step, dialogs[number].operation) {
        case (.idle, _): break
        case (.subscribing, .cycle): send(number, .refreshing)
        case (.refreshing, .cycle): send(number, .ending)
        default: end(number, isGood: true)
        }
    }

    private func end(_ number: Int, isGood: Bool) {
        guard dialogs[number].step != .idle else { return }
        dialogs[number].step = .idle
        fleet.pacer?.end(number, due: dialogs[number].due, isGood: isGood)
    }

    // MARK: Receiving

    func arrived(_ request: SIPText) -> Int {
        guard request.isMethod("NOTIFY") else {
            fleet.note("an unexpected request", request.bytes.text(limit: 200))
            return 405
        }
        guard let (number, generation) = place(of: request) else {
            // Of an earlier run.
            return 481
        }
        guard generation == dialogs[number].generation else {
            if generation == dialogs[number].generation - 1, request.cseq == dialogs[number].formerSequence {
                fleet.counts.repeats += 1
            } else {
                fleet.checks.duplicateOrReordered += 1
            }
            return 200
        }
        if request.cseq == dialogs[number].remoteSequence {
            fleet.counts.repeats += 1
            return 200
        }
        guard request.cseq > dialogs[number].remoteSequence else {
            fleet.checks.duplicateOrReordered += 1
            return 200
        }
        dialogs[number].remoteSequence = request.cseq
        if let from = request.from, let tag = request.parameter(";tag=", of: from) {
            guard dialogs[number].remoteTag.isEmpty || dialogs[number].remoteTag.elementsEqual(tag) else {
                fleet.checks.misrouted += 1
                return 481
            }
            learn(number, tag: tag, contact: request.contact.map { request.uri(of: $0) })
        }
        takeState(request, number)
        return 200
    }

    private func takeState(_ request: SIPText, _ number: Int) {
        let state = request.subscriptionState.map { request.part($0) }
        let isActive = state.map { Self.begins($0, "active") } ?? false
        let isTerminated = state.map { Self.begins($0, "terminated") } ?? false
        if !isActive, !isTerminated { pendingSeen += 1 }
        if isActive != dialogs[number].isActive {
            dialogs[number].isActive = isActive
            active += isActive ? 1 : -1
        }
        if isTerminated, dialogs[number].step != .ending {
            fleet.note("a subscription was ended", request.bytes.text(limit: 600))
            return end(number, isGood: false)
        }
        takeStamp(request, number)
        if dialogs[number].step == .ending, !isTerminated { return }
        dialogs[number].isNotified = true
        settle(number)
    }

    private func takeStamp(_ request: SIPText, _ number: Int) {
        guard case .found(let stamp) = Stamp.find(in: request.bytes, from: request.body.lowerBound, mark: fleet.mark)
        else {
            if isStateExpected { fleet.note("a notification without the state", request.bytes.text(limit: 2_000)) }
            return
        }
        guard stamp.sender == dialogs[number].presentity else {
            fleet.checks.misrouted += 1
            return
        }
        let seen = dialogs[number].stateSeen
        dialogs[number].stateSeen = stamp.sequence
        if isStateExpected, let seen {
            if stamp.sequence <= seen {
                fleet.checks.duplicateOrReordered += 1
                return
            }
            if stamp.sequence > seen + 1 { fleet.checks.gaps += Int(stamp.sequence - seen - 1) }
        }
        if seen.map({ stamp.sequence > $0 }) ?? true { publications?.notified(stamp) }
    }

    private static func begins(_ value: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        return value.count >= count && SIPText.isName(value.part(0, count), word)
    }

    /// The dialog's number and generation, from the Call-ID; nil when it is none of this run.
    private func place(of request: SIPText) -> (Int, Int)? {
        guard let callID = request.callID else { return nil }
        let text = String(decoding: request.part(callID), as: UTF8.self)
        guard text.hasPrefix("s") else { return nil }
        let parts = text.dropFirst().split(separator: "@", maxSplits: 1)[0]
            .split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2] == fleet.run, let number = Int(parts[0]), dialogs.indices.contains(number),
            let generation = Int(parts[1])
        else { return nil }
        return (number, generation)
    }
}

/// Users subscribe to each other, refresh and unsubscribe, again and again.
struct SIPSubscribeScenario {
    let stage: SIPStage

    func run() throws -> LoadReport {
        let options = stage.options
        let subscriptions = try stage.side.perform { fleet in
            let pairs = (0..<options.count).map { (presentity: ($0 + 1) % options.count, watcher: $0) }
            let subscriptions = SIPSubscriptions(fleet, pairs)
            fleet.receiver = subscriptions
            return NIOLoopBound(subscriptions, eventLoop: fleet.loop)
        }
        try stage.measure(options.count) { subscriptions.value.start($1, due: $2, .cycle) }
        return try stage.report { fields, fleet in
            let subscribes = fleet.counts.answers[SIPVerb.subscribe.rawValue]
            fields.add("cycles", fleet.counts.operations)
            fields.add("subscribes", subscribes)
            fields.add("pending_seen", subscriptions.value.pendingSeen)
            fields.add(window: fleet, unit: "subscribe", count: subscribes, delivery: "notify")
        }
    }
}

/// Subscriptions that nothing happens to: what one costs in memory.
struct SIPIdleScenario {
    let stage: SIPStage

    func run() throws -> LoadReport {
        let (side, options) = (stage.side, stage.options)
        let users = options.accounts(for: .idle)
        let before = try side.perform { $0.probe.sample(memory: true) }
        let subscriptions = try side.perform { fleet in
            let pairs = (0..<options.count).map { number in
                (presentity: (number % users + 1 + number / users) % users, watcher: number % users)
            }
            let subscriptions = SIPSubscriptions(fleet, pairs)
            fleet.receiver = subscriptions
            return NIOLoopBound(subscriptions, eventLoop: fleet.loop)
        }
        let first = try stage.once(
            options.count, concurrency: options.concurrency(for: .idle), rate: options.rate
        ) { subscriptions.value.start($1, due: $2, .subscribe) }
        guard let first else { return try stage.failed("subscribing failed") }
        let made = try side.perform { $0.probe.sample(memory: false) }
        try side.pause(options.settle)
        let ready = try side.perform { $0.probe.sample(memory: true) }
        SystemFile.say("READY subscriptions=\(options.count)")
        try side.pause(options.seconds)
        let after = try side.perform { $0.probe.sample(memory: true) }
        let report = try stage.report { fields, fleet in
            let count = Double(options.count)
            fields.add("active", subscriptions.value.active)
            fields.add("subscribe_per_s", first > 0 ? count / first : 0)
            if fleet.probe.hasServer {
                func each(_ sample: ProcessSample) -> Double {
                    Double(sample.proportionalKiB - before.proportionalKiB) * 1_024 / count
                }
                fields.add("first_srv_cpu_us_per_subscribe", (made.server - before.server) * 1_000_000 / count)
                fields.add("pss_bytes_per_subscription_at_ready", each(ready))
                fields.add("pss_bytes_per_subscription", each(after))
            }
            fields.add(cost: "hold", count: 0, from: ready, to: after, hasServer: fleet.probe.hasServer)
            fields.add(memory: "before_", before)
            fields.add(memory: "ready_", ready)
        }
        if !options.keeps {
            _ = try stage.once(options.count) { subscriptions.value.start($1, due: $2, .end) }
        }
        return report
    }
}
