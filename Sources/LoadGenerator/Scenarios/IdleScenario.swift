/// Sessions that do nothing: what one costs in memory, and what many cost in CPU time.
///
/// Start the server afresh for each run, so that its memory before is that of an empty server.
struct IdleScenario {
    let stage: Stage

    func run() throws -> LoadReport {
        let before = try stage.perform { $0.probe.sample(memory: true) }
        let outcome = try stage.logIn(0..<stage.options.count)
        try stage.pause(stage.options.settle)
        let ready = try stage.perform { $0.probe.sample(memory: true) }
        SystemFile.say("READY online=\(outcome.online) failed=\(outcome.failed)")
        try stage.pause(stage.options.seconds)
        let after = try stage.perform { $0.probe.sample(memory: true) }
        return try stage.report { fields, fleet in
            fields.add("online", outcome.online)
            fields.add("failed", outcome.failed)
            let seconds = Double(outcome.finishTime &- before.time) / 1_000_000_000
            fields.add("logins_per_s", seconds > 0 ? Double(outcome.online) / seconds : 0)
            let online = Double(max(1, outcome.online))
            func perSession(_ sample: ProcessSample) -> Double {
                Double(sample.proportionalKiB - before.proportionalKiB) * 1_024 / online
            }
            if fleet.probe.hasServer {
                fields.add("pss_bytes_per_session_at_ready", perSession(ready))
                fields.add("pss_bytes_per_session", perSession(after))
                fields.add("srv_cpu_s_logins", ready.server - before.server)
            }
            fields.add(cost: "hold", count: 0, from: ready, to: after, hasServer: fleet.probe.hasServer)
            fields.add(memory: "before_", before)
            fields.add(memory: "ready_", ready)
            fields.add(memory: "after_", after)
        }
    }
}
