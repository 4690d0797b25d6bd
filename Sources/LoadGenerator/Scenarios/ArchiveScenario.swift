/// Fills the archive of one account, then measures how long pages out of it take.
struct ArchiveScenario {
    let stage: Stage

    func run() throws -> LoadReport {
        if let failed = try stage.logInAll() { return failed }
        let options = stage.options
        try stage.pause(options.settle)
        let fillStart = try stage.perform { fleet in
            let traffic = ArchiveTraffic(fleet)
            fleet.traffic = traffic
            let sample = fleet.probe.sample(memory: false)
            traffic.fill()
            return sample
        }
        let filled = try stage.wait(for: options.messages, patience: 30) {
            ($0.traffic as? ArchiveTraffic)?.delivered ?? 0
        }
        let fillEnd = try stage.perform { $0.probe.sample(memory: false) }
        // What servers write behind is not part of a query.
        try stage.pause(max(2, options.settle))
        let start = try stage.perform { fleet in
            let sample = fleet.probe.sample(memory: false)
            (fleet.traffic as? ArchiveTraffic)?.query()
            return sample
        }
        try stage.wait(for: options.queries, patience: 60) { ($0.traffic as? ArchiveTraffic)?.queries ?? 0 }
        let end = try stage.perform { $0.probe.sample(memory: true) }
        return try stage.report { fields, fleet in
            guard let traffic = fleet.traffic as? ArchiveTraffic else { return }
            fleet.checks.lost = options.messages - filled
            fleet.checks.stalls = options.queries - traffic.queries
            fleet.checks.gaps = traffic.short
            fields.add("messages", options.messages)
            fields.add("senders", options.senders)
            fields.add("body", options.bodyBytes)
            fields.add("page", options.page)
            fields.add("queries", traffic.queries)
            let fillSeconds = max(0.000_001, Double(fillEnd.time &- fillStart.time) / 1_000_000_000)
            fields.add("fill_msg_per_s", Double(filled) / fillSeconds)
            if fleet.probe.hasServer {
                fields.add(
                    "srv_cpu_us_per_filled", (fillEnd.server - fillStart.server) * 1_000_000 / Double(max(1, filled)))
            }
            fields.add(latency: traffic.latency)
            fields.add(
                cost: "query", count: UInt64(traffic.queries), from: start, to: end, hasServer: fleet.probe.hasServer)
            fields.add(memory: "after_", end)
        }
    }
}
