/// Makes the mutual subscriptions that ``PresenceScenario`` needs, and checks them in the rosters.
struct SubscriptionScenario {
    let stage: Stage

    func run() throws -> LoadReport {
        // In place before the logins, because their rosters say what is there already.
        try stage.perform { $0.traffic = SubscriptionTraffic($0) }
        if let failed = try stage.logInAll() { return failed }
        try stage.pause(stage.options.settle)
        let before = try stage.perform { $0.probe.sample(memory: true) }
        try stage.perform { ($0.traffic as? SubscriptionTraffic)?.start() }
        try stage.wait(for: 0, patience: 8) { -(($0.traffic as? SubscriptionTraffic)?.remaining ?? 0) }
        let after = try stage.perform { $0.probe.sample(memory: true) }
        // Approvals cross with roster pushes; the last ones settle.
        try stage.pause(1)
        try stage.perform { ($0.traffic as? SubscriptionTraffic)?.readRosters() }
        try stage.wait(for: stage.options.count, patience: 8) { ($0.traffic as? SubscriptionTraffic)?.rosters ?? 0 }
        return try stage.report { fields, fleet in
            guard let traffic = fleet.traffic as? SubscriptionTraffic else { return }
            fleet.checks.lost = fleet.options.count * fleet.options.contacts - traffic.mutual
            fields.add("contacts", fleet.options.contacts)
            fields.add("requested", traffic.requested)
            fields.add("approved", traffic.approved)
            fields.add("mutual", traffic.mutual)
            fields.add("users_complete", traffic.complete)
            fields.add(
                cost: "subscription", count: UInt64(traffic.approved), from: before, to: after,
                hasServer: fleet.probe.hasServer)
        }
    }
}
