/// Stores messages for accounts that are away, then lets them log in.
///
/// The receivers log in twice before: once to fetch what earlier runs left, once as the baseline that is taken from
/// the cost of the login that brings the messages.
struct OfflineScenario {
    let stage: Stage

    func run() throws -> LoadReport {
        let options = stage.options
        let senders = 0..<options.senders
        let receivers = options.senders..<(options.senders + options.receivers)
        try stage.perform { $0.traffic = OfflineTraffic($0) }
        var baseline = 0.0
        for _ in 0..<2 {
            let start = try stage.perform { $0.probe.sample(memory: true) }
            if let failed = try logIn(receivers) { return failed }
            try stage.pause(2)
            let end = try stage.perform { $0.probe.sample(memory: true) }
            baseline = end.server - start.server
            try leave(receivers)
        }
        if let failed = try logIn(senders) { return failed }
        try stage.pause(options.settle)

        let storeStart = try stage.perform { fleet in
            fleet.openWindow()
            let sample = fleet.counts.start
            (fleet.traffic as? OfflineTraffic)?.start()
            return sample
        }
        let batches = try stage.perform { ($0.traffic as? OfflineTraffic)?.batches ?? 0 }
        try stage.wait(for: batches, patience: 30) { ($0.traffic as? OfflineTraffic)?.batchesTaken ?? 0 }
        let stored = try stage.perform { $0.probe.sample(memory: false) }
        try stage.pause(2)
        let storeEnd = try stage.perform { fleet in
            fleet.closeWindow()
            return fleet.counts.end
        }

        let deliverStart = try stage.perform { $0.probe.sample(memory: true) }
        if let failed = try logIn(receivers) { return failed }
        try stage.wait(for: options.messages, patience: 15) { ($0.traffic as? OfflineTraffic)?.delivered ?? 0 }
        let arrived = try stage.perform { $0.probe.sample(memory: false) }
        try stage.pause(2)
        let deliverEnd = try stage.perform { $0.probe.sample(memory: true) }
        let outcome = Outcome(
            baseline: baseline, storeStart: storeStart, stored: stored, storeEnd: storeEnd,
            deliverStart: deliverStart, arrived: arrived, deliverEnd: deliverEnd)
        return try stage.report { fields, fleet in Self.add(outcome, to: &fields, fleet) }
    }

    private struct Outcome: Sendable {
        var baseline: Double
        var storeStart: ProcessSample
        var stored: ProcessSample
        var storeEnd: ProcessSample
        var deliverStart: ProcessSample
        var arrived: ProcessSample
        var deliverEnd: ProcessSample
    }

    private static func add(_ outcome: Outcome, to fields: inout ReportFields, _ fleet: ClientFleet) {
        let options = fleet.options
        let delivered = (fleet.traffic as? OfflineTraffic)?.delivered ?? 0
        let messages = Double(options.messages)
        fleet.checks.lost = options.messages - delivered
        fields.add("messages", options.messages)
        fields.add("receivers", options.receivers)
        fields.add("senders", options.senders)
        fields.add("body", options.bodyBytes)
        fields.add("delivered", delivered)
        func seconds(_ start: ProcessSample, _ end: ProcessSample) -> Double {
            max(0.000_001, Double(end.time &- start.time) / 1_000_000_000)
        }
        fields.add("store_msg_per_s", messages / seconds(outcome.storeStart, outcome.stored))
        fields.add("deliver_msg_per_s", Double(delivered) / seconds(outcome.deliverStart, outcome.arrived))
        fields.add(latency: fleet.counts.ackLatency, prefix: "ack_")
        if fleet.probe.hasServer {
            let store = outcome.storeEnd.server - outcome.storeStart.server
            let deliver = outcome.deliverEnd.server - outcome.deliverStart.server
            fields.add("srv_cpu_us_per_stored", store * 1_000_000 / messages)
            fields.add("srv_cpu_us_per_delivered", (deliver - outcome.baseline) * 1_000_000 / messages)
            fields.add("srv_cpu_us_per_delivered_with_login", deliver * 1_000_000 / messages)
            fields.add("baseline_login_cpu_s", outcome.baseline)
        }
        fields.add(
            cost: "store_window_message", count: UInt64(options.messages), from: outcome.storeStart,
            to: outcome.storeEnd, hasServer: fleet.probe.hasServer)
    }

    private func logIn(_ accounts: Range<Int>) throws -> LoadReport? {
        let outcome = try stage.logIn(accounts)
        guard outcome.online < accounts.count else { return nil }
        return try stage.report { fields, _ in
            fields.add("result", "login failed")
            fields.add("online", outcome.online)
            fields.add("failed", outcome.failed)
        }
    }

    /// Logs out and gives the server time to see to it; the pattern stays.
    private func leave(_ accounts: Range<Int>) throws {
        try stage.logOut(accounts)
        try stage.pause(1)
        try stage.perform { $0.traffic = OfflineTraffic($0) }
    }
}
