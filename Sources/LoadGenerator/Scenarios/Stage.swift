import NIOCore

/// The scenario's side of a run: a thread that tells the fleet what to do and waits.
struct Stage: Sendable {
    let options: LoadOptions
    let scenario: LoadScenario
    private let side: LoopSide<ClientFleet>

    /// The longest time for the logins of one range of accounts.
    static let loginLimit = TimeAmount.minutes(20)

    init(_ options: LoadOptions, _ scenario: LoadScenario, loop: any EventLoop) throws {
        self.options = options
        self.scenario = scenario
        side = try LoopSide(loop) { try ClientFleet(options, scenario, loop: loop) }
    }

    /// Runs `body` on the event loop.
    func perform<Result: Sendable>(_ body: @escaping @Sendable (ClientFleet) throws -> Result) throws -> Result {
        try side.perform(body)
    }

    /// Waits while the event loop works.
    func pause(_ seconds: Double) throws { try side.pause(seconds) }

    /// Waits until `measure` has reached `target`, or has not moved for `patience` seconds.
    ///
    /// - Returns: what `measure` said last.
    @discardableResult
    func wait(
        for target: Int, patience: Double, _ measure: @escaping @Sendable (ClientFleet) -> Int
    ) throws -> Int {
        try side.wait(for: target, patience: patience, measure)
    }

    func logIn(_ accounts: Range<Int>, closing: Bool = false) throws -> LoginOutcome {
        let outcome = try side.loop.flatSubmit {
            side.value.value.logIn(accounts, closing: closing, within: Self.loginLimit)
        }
        .wait()
        try perform { try $0.saltedPasswords.save() }
        return outcome
    }

    /// Logs in everybody.
    ///
    /// - Returns: the report of a failed run when somebody did not get in, else nil.
    func logInAll() throws -> LoadReport? {
        let all = options.accounts(for: scenario)
        let outcome = try logIn(0..<all)
        guard outcome.online < all else { return nil }
        return try report { fields, _ in
            fields.add("result", "login failed")
            fields.add("online", outcome.online)
            fields.add("failed", outcome.failed)
        }
    }

    func logOut(_ accounts: Range<Int>) throws {
        try side.loop.flatSubmit { side.value.value.logOut(accounts, within: .seconds(15)) }.wait()
    }

    /// Counts what is still missing, writes the report, and ends all sessions.
    ///
    /// - Parameter body: adds the scenario's own members between the head and the checks.
    func report(_ body: @escaping @Sendable (inout ReportFields, ClientFleet) -> Void) throws -> LoadReport {
        let report = try perform { fleet in
            fleet.checks.unacknowledged = fleet.unacknowledged
            var fields = ReportFields(scenario, options, tlsVersion: fleet.tlsVersion)
            body(&fields, fleet)
            fields.add(checks: fleet.checks)
            return LoadReport(json: fields.json, isClean: fleet.checks.isClean)
        }
        try logOut(0..<options.accounts(for: scenario))
        return report
    }
}
