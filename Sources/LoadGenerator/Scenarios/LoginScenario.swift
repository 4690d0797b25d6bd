/// Whole logins: connect, secure, authenticate, bind, roster, presence, a ping, and the end of the stream.
///
/// With SCRAM a first pass, not measured, derives the keys. The server's CPU time includes the logouts.
struct LoginScenario {
    let stage: Stage

    func run() throws -> LoadReport {
        let all = 0..<stage.options.count
        if stage.scenario == .login, stage.options.mechanism != .plain {
            let first = try stage.logIn(all, closing: true)
            if first.online < all.count {
                return try stage.report { fields, _ in
                    fields.add("result", "login failed")
                    fields.add("ok", first.online)
                    fields.add("failed", first.failed)
                }
            }
            try stage.pause(stage.options.settle)
        }
        let derivedBefore = try stage.perform { $0.saltedPasswords.derivations }
        let before = try stage.perform { $0.probe.sample(memory: true) }
        let outcome = try stage.logIn(all, closing: true)
        // The server's clean-up after the last stream belongs to its login.
        try stage.pause(0.3)
        let after = try stage.perform { $0.probe.sample(memory: true) }
        return try stage.report { fields, fleet in
            fields.add("ok", outcome.online)
            fields.add("failed", outcome.failed)
            if fleet.scenario == .register { fields.add("already_there", fleet.accountsThereAlready) }
            let seconds = Double(outcome.finishTime &- before.time) / 1_000_000_000
            fields.add("logins_per_s", seconds > 0 ? Double(outcome.online) / seconds : 0)
            fields.add(latency: outcome.latency)
            fields.add(
                cost: "login", count: UInt64(outcome.online), from: before, to: after,
                hasServer: fleet.probe.hasServer)
            fields.add(memory: "before_", before)
            fields.add(memory: "after_", after)
            fields.add("pbkdf2_runs", fleet.saltedPasswords.derivations - derivedBefore)
        }
    }
}
