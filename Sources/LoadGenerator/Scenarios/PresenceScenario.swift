/// Users with mutual contacts, some of whom toggle their presence.
struct PresenceScenario {
    let stage: Stage

    func run() throws -> LoadReport {
        if let failed = try stage.logInAll() { return failed }
        // The exchange of initial presence is over before it counts.
        try stage.pause(stage.options.settle + 2)
        try stage.perform { fleet in
            let traffic = PresenceTraffic(fleet)
            fleet.traffic = traffic
            traffic.start()
        }
        try stage.pause(stage.options.warmup)
        try stage.perform { $0.openWindow() }
        try stage.pause(stage.options.seconds)
        try stage.perform { fleet in
            fleet.closeWindow()
            (fleet.traffic as? PresenceTraffic)?.stop()
        }
        try stage.wait(for: 0, patience: 2) { -(($0.traffic as? PresenceTraffic)?.pending ?? 0) }
        let memory = try stage.perform { $0.probe.sample(memory: true) }
        return try stage.report { fields, fleet in
            let counts = fleet.counts
            let traffic = fleet.traffic as? PresenceTraffic
            fleet.checks.lost = traffic?.pending ?? 0
            fields.add("contacts", fleet.options.contacts)
            fields.add("togglers", traffic?.togglerCount ?? 0)
            fields.add("delivered", counts.delivered)
            fields.add("sent", counts.sent)
            fields.add("self_echo", counts.echoed)
            let seconds = counts.seconds > 0 ? counts.seconds : 1
            fields.add("deliveries_per_s", Double(counts.delivered) / seconds)
            fields.add("stanzas_in_per_s", Double(counts.sent) / seconds)
            fields.add(latency: counts.latency)
            fields.add(
                cost: "delivery", count: counts.delivered, from: counts.start, to: counts.end,
                hasServer: fleet.probe.hasServer)
            fields.add(memory: "after_", memory)
        }
    }
}
