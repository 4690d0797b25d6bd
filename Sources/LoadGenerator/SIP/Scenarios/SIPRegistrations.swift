import NIOCore

/// Registrations of the users (RFC 3261 §10.2): each keeps its Call-ID and counts on.
final class SIPRegistrations: SIPRequestOwner {
    private unowned let fleet: SIPFleet
    private let calls: [SIPCall]
    private let registrar: [UInt8]

    init(_ fleet: SIPFleet) {
        self.fleet = fleet
        registrar = Array("sip:\(fleet.options.domain)".utf8)
        calls = fleet.users.indices.map { index in
            SIPCall(callID: "r\(index).\(fleet.run)@\(fleet.options.localAddress)", localTag: "r\(fleet.run)\(index)")
        }
    }

    /// - Parameter expires: seconds, 0 takes the registration away.
    func start(_ user: Int, due: UInt64, expires: Int) {
        let request = SIPRequest(
            .register, user: user, subject: user, call: calls[user], uri: registrar,
            to: [0x3C] + fleet.users[user].address + [0x3E], owner: self, due: due)
        request.lines = Array("Contact: \(fleet.contact(of: user))\r\nExpires: \(expires)\r\n".utf8)
        fleet.send(request)
    }

    func answered(_ request: SIPRequest, _ response: SIPText) {
        if response.status != 200 { fleet.noteRefusal(request, response) }
        fleet.pacer?.end(request.subject, due: request.due, isGood: response.status == 200)
    }

    func unanswered(_ request: SIPRequest) { fleet.pacer?.end(request.subject, due: request.due, isGood: false) }
}

/// Everybody registers, then all refresh, again and again.
struct SIPRegisterScenario {
    let stage: SIPStage

    func run() throws -> LoadReport {
        let (side, options) = (stage.side, stage.options)
        let before = try side.perform { $0.probe.sample(memory: true) }
        let registrations = try side.perform { NIOLoopBound(SIPRegistrations($0), eventLoop: $0.loop) }
        let expires = options.expires
        let first = try stage.once(options.count, concurrency: options.concurrency(for: .register)) {
            registrations.value.start($1, due: $2, expires: expires)
        }
        guard let first else { return try stage.failed("registering failed") }
        let registered = try side.perform { $0.probe.sample(memory: false) }
        try side.pause(options.settle)
        let ready = try side.perform { $0.probe.sample(memory: true) }
        SystemFile.say("READY registered=\(options.count)")
        try stage.measure(options.count) { registrations.value.start($1, due: $2, expires: expires) }
        let report = try stage.report { fields, fleet in
            let count = Double(options.count)
            fields.add("first_per_s", first > 0 ? count / first : 0)
            if fleet.probe.hasServer {
                fields.add("first_srv_cpu_us_per_register", (registered.server - before.server) * 1_000_000 / count)
                let memory = ready.proportionalKiB - before.proportionalKiB
                fields.add("pss_bytes_per_registration", Double(memory) * 1_024 / count)
            }
            fields.add("registers", fleet.counts.operations)
            fields.add(window: fleet, unit: "register", count: fleet.counts.operations, delivery: "notify")
            fields.add(memory: "before_", before)
            fields.add(memory: "ready_", ready)
        }
        if !options.keeps {
            _ = try stage.once(options.count) { registrations.value.start($1, due: $2, expires: 0) }
        }
        return report
    }
}
