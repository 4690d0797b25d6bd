/// Logs in pairs, warms up, measures, and waits for what is still on its way.
struct ChatScenario {
    let stage: Stage

    func run() throws -> LoadReport {
        if let failed = try stage.logInAll() { return failed }
        try stage.pause(stage.options.settle)
        try stage.perform { fleet in
            let traffic = ChatTraffic(fleet)
            fleet.traffic = traffic
            traffic.start()
        }
        try stage.pause(stage.options.warmup)
        try stage.perform { $0.openWindow() }
        try stage.pause(stage.options.seconds)
        let sent = try stage.perform { fleet in
            fleet.closeWindow()
            let traffic = fleet.traffic as? ChatTraffic
            traffic?.stop()
            return traffic?.sent ?? 0
        }
        try stage.wait(for: sent, patience: 4) { ($0.traffic as? ChatTraffic)?.delivered ?? 0 }
        try stage.wait(for: 0, patience: 4) { -$0.unacknowledged }
        let memory = try stage.perform { $0.probe.sample(memory: true) }
        return try stage.report { fields, fleet in
            let options = fleet.options
            let counts = fleet.counts
            let traffic = fleet.traffic as? ChatTraffic
            fleet.checks.lost = (traffic?.sent ?? 0) - (traffic?.delivered ?? 0)
            fields.add("loop", options.rate > 0 ? "open" : "closed")
            fields.add("window", options.window)
            fields.add("rate", options.rate)
            fields.add("body", options.bodyBytes)
            fields.add("to", options.addressesFullJID ? "full" : "bare")
            fields.add("delivered", counts.delivered)
            fields.add("sent", counts.sent)
            fields.add("msg_per_s", counts.seconds > 0 ? Double(counts.delivered) / counts.seconds : 0)
            fields.add(latency: counts.latency)
            fields.add(latency: counts.ackLatency, prefix: "ack_")
            if options.usesStreamManagement { fields.add("acked", counts.ackLatency.count) }
            fields.add(
                cost: "message", count: counts.delivered, from: counts.start, to: counts.end,
                hasServer: fleet.probe.hasServer)
            fields.add(memory: "after_", memory)
            fields.add("sent_total", traffic?.sent ?? 0)
        }
    }
}
