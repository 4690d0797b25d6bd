import NIOCore

/// The scenario's side of a SIP run.
struct SIPStage: Sendable {
    let options: SIPLoadOptions
    let scenario: SIPLoadScenario
    let side: LoopSide<SIPFleet>

    /// The longest time in which nothing may end while a run is being prepared: longer than a request's own (32 s).
    private static let patience = 36.0

    init(_ options: SIPLoadOptions, _ scenario: SIPLoadScenario, loop: any EventLoop) throws {
        self.options = options
        self.scenario = scenario
        side = try LoopSide(loop) { try SIPFleet(options, scenario, loop: loop) }
    }

    func run() throws -> LoadReport {
        try side.loop.flatSubmit { side.value.value.open() }.wait()
        let report =
            switch scenario {
            case .register: try SIPRegisterScenario(stage: self).run()
            case .message: try SIPMessageScenario(stage: self).run()
            case .publish: try SIPPublishScenario(stage: self).run()
            case .subscribe: try SIPSubscribeScenario(stage: self).run()
            case .idle: try SIPIdleScenario(stage: self).run()
            }
        try side.perform { $0.close() }
        return report
    }

    /// Begins an operation of every subject once, and waits for all.
    ///
    /// - Returns: seconds that it took, nil when not all went well.
    func once(
        _ count: Int, concurrency: Int = 50, rate: Double = 0,
        _ begin: @escaping @Sendable (SIPFleet, Int, UInt64) -> Void
    ) throws -> Double? {
        let start = try side.perform { fleet in
            let pacer = SIPPacer(fleet, count: count, concurrency: concurrency, rate: rate, repeats: false) {
                begin(fleet, $0, $1)
            }
            fleet.pacer = pacer
            let start = ClientFleet.clock()
            pacer.start()
            return start
        }
        let ended = try side.wait(for: count, patience: Self.patience) { $0.pacer?.ended ?? 0 }
        let (failed, end) = try side.perform { fleet in
            fleet.pacer?.stop()
            return (fleet.pacer?.failed ?? 0, fleet.pacer?.endTime ?? 0)
        }
        guard ended == count, failed == 0 else { return nil }
        return Double(end &- start) / 1_000_000_000
    }

    /// Repeats operations through warm-up and window, and waits for what is still in progress.
    func measure(
        _ count: Int, _ begin: @escaping @Sendable (SIPFleet, Int, UInt64) -> Void
    ) throws {
        let concurrency = options.concurrency(for: scenario)
        let rate = options.rate
        try side.perform { fleet in
            let pacer = SIPPacer(fleet, count: count, concurrency: concurrency, rate: rate, repeats: true) {
                begin(fleet, $0, $1)
            }
            fleet.pacer = pacer
            pacer.start()
        }
        try side.pause(options.warmup)
        try side.perform { $0.openWindow() }
        try side.pause(options.seconds)
        try side.perform { fleet in
            fleet.closeWindow()
            fleet.pacer?.stop()
        }
        try side.wait(for: 0, patience: 6) { -($0.pacer?.inProgress ?? 0) }
        try side.perform { fleet in
            // A request without its answer is lost; an operation that waits for something else stalls.
            let open = fleet.transactions.active
            fleet.checks.lost += open
            fleet.checks.stalls += max(0, (fleet.pacer?.inProgress ?? 0) - open)
        }
    }

    /// - Parameter body: adds the scenario's own members between the head and the checks.
    func report(_ body: @escaping @Sendable (inout ReportFields, SIPFleet) -> Void) throws -> LoadReport {
        let memory = try side.perform { $0.probe.sample(memory: true) }
        return try side.perform { fleet in
            var fields = ReportFields(scenario, options)
            body(&fields, fleet)
            fields.add(memory: "after_", memory)
            fields.add("challenges", fleet.counts.challenges)
            fields.add("retransmitted", fleet.counts.retransmitted)
            fields.add("repeats_received", fleet.counts.repeats)
            fields.add(checks: fleet.checks)
            return LoadReport(json: fields.json, isClean: fleet.checks.isClean)
        }
    }

    /// The report of a run that could not be prepared.
    func failed(_ what: String) throws -> LoadReport {
        try side.perform { fleet in
            if fleet.checks.isClean { fleet.checks.errors = 1 }
        }
        return try report { fields, _ in fields.add("result", what) }
    }
}

extension ReportFields {
    /// What every report of a SIP run begins with.
    init(_ scenario: SIPLoadScenario, _ options: SIPLoadOptions) {
        add("tool", "roost-bench")
        add("date", Self.utcNow())
        add("label", options.label)
        add("scenario", scenario.rawValue)
        add("transport", options.carrier.rawValue)
        add("digest", options.algorithm.rawValue)
        add("n", options.count)
        add("users", options.accounts(for: scenario))
        add("conc", options.concurrency(for: scenario))
        add("loop", options.rate > 0 ? "open" : "closed")
        add("rate", options.rate)
    }

    /// Rates, latencies and costs of the measured window.
    ///
    /// - Parameters:
    ///   - unit: what the server's CPU time is shared among, `count` of them in the window.
    ///   - delivery: prefix of the latencies of what arrived.
    mutating func add(window fleet: SIPFleet, unit: String, count: UInt64, delivery: String) {
        let counts = fleet.counts
        add("\(unit)_per_s", counts.seconds > 0 ? Double(count) / counts.seconds : 0)
        add(latency: counts.latency)
        add(latency: counts.answerLatency, prefix: "answer_")
        add(latency: counts.deliveryLatency, prefix: "\(delivery)_")
        add(cost: unit, count: count, from: counts.start, to: counts.end, hasServer: fleet.probe.hasServer)
    }
}
