import Testing

@testable import LoadGenerator

@Suite("Latency histogram")
struct LatencyHistogramTests {
    @Test("quantiles of 1 … 1,000,000 are within 1 %", arguments: [0.5, 0.95, 0.99, 0.999])
    func quantiles(share: Double) {
        var histogram = LatencyHistogram()
        for value in stride(from: UInt64(1), through: 1_000_000, by: 7) { histogram.record(value) }
        #expect(abs(histogram.quantile(share) - share * 1_000_000) < 10_000)
        #expect(abs(histogram.mean - 500_000) < 10)
    }

    @Test("extremes fit")
    func extremes() {
        var histogram = LatencyHistogram()
        histogram.record(0)
        histogram.record(.max)
        #expect(histogram.quantile(0) == 0)
        #expect(histogram.maximum == .max)
        #expect(histogram.quantile(1) > 9e18)
    }

    @Test("nothing recorded gives zero")
    func empty() {
        #expect(LatencyHistogram().quantile(0.5) == 0)
        #expect(LatencyHistogram().mean == 0)
    }
}

@Suite("Report")
struct ReportFieldsTests {
    @Test("members keep their order, and text is escaped")
    func json() {
        var fields = ReportFields()
        fields.add("z", "say \"hi\"\\\n")
        fields.add("a", 1)
        fields.add("b", 0.1234567)
        fields.add("c", true)
        fields.add("d", Double.nan)
        #expect(fields.json == #"{"z":"say \"hi\"\\\u000a","a":1,"b":0.123457,"c":true,"d":null}"#)
    }

    @Test("the server's cost is divided by the deliveries")
    func cost() {
        var start = ProcessSample()
        start.time = 1_000_000_000
        var end = start
        end.time = 3_000_000_000
        end.serverUser = 0.75
        end.serverSystem = 0.25
        end.generator = 0.5
        end.busy = 2.5
        var fields = ReportFields()
        fields.add(cost: "message", count: 100_000, from: start, to: end, hasServer: true)
        #expect(fields.json.contains("\"srv_cpu_us_per_message\":10.0"))
        #expect(fields.json.contains("\"srv_cores\":0.5"))
        #expect(fields.json.contains("\"other_cores\":0.5"))
    }

    @Test("any counter that is not zero makes the run unclean")
    func checks() {
        #expect(RunChecks().isClean)
        let counters: [WritableKeyPath<RunChecks, Int>] = [
            \.lost, \.duplicateOrReordered, \.gaps, \.misrouted, \.stalls, \.unacknowledged, \.errors,
        ]
        for counter in counters {
            var checks = RunChecks()
            checks[keyPath: counter] = 1
            #expect(!checks.isClean)
        }
    }
}

@Suite("Options")
struct LoadOptionsTests {
    @Test("the defaults are valid for every scenario", arguments: LoadScenario.allCases)
    func defaults(scenario: LoadScenario) throws {
        try LoadOptions().validate(for: scenario)
    }

    @Test("the number fills the template's hole")
    func templates() {
        var options = LoadOptions()
        options.base = 20
        options.userTemplate = "u%dx"
        options.passwordTemplate = "same"
        #expect(options.bareJID(3) == "u23x@localhost")
        #expect(options.password(3) == "same")
    }

    @Test("each bound is named when it is broken")
    func bounds() {
        func refused(_ scenario: LoadScenario = .chat, _ change: (inout LoadOptions) -> Void) -> String {
            var options = LoadOptions()
            change(&options)
            do {
                try options.validate(for: scenario)
                return "accepted"
            } catch {
                return error.description
            }
        }
        #expect(refused { $0.port = 0 }.hasPrefix("--port"))
        #expect(refused { $0.count = 3 }.hasPrefix("--n must be even"))
        #expect(refused { $0.bodyBytes = 63 }.hasPrefix("--size"))
        #expect(refused { $0.rate = .infinity }.hasPrefix("--rate"))
        #expect(refused { $0.rate = .nan }.hasPrefix("--rate"))
        #expect(refused { $0.userTemplate = "user" }.hasPrefix("--user-template"))
        #expect(refused { $0.userTemplate = "%d%d" }.hasPrefix("--user-template"))
        #expect(refused { $0.userTemplate = "u'%d" }.hasPrefix("--user-template"))
        #expect(refused { $0.domain = "" }.hasPrefix("--domain"))
        #expect(refused { $0.resource = "<" }.hasPrefix("--resource"))
        #expect(refused { $0.processes = [0] }.hasPrefix("--pid"))
        #expect(refused(.presence) { $0.contacts = 51 }.hasPrefix("--contacts must be even"))
        #expect(refused(.setup) { $0.count = 50 }.hasPrefix("--contacts must be below"))
        #expect(refused { $0.base = 16_777_200 }.hasPrefix("--base + n"))
    }

    @Test(
        "certificates are verified unless the host is loopback or it is switched off",
        arguments: [
            ("127.0.0.5", nil, false), ("::1", nil, false), ("im.example", nil, true), ("im.example", true, false),
        ]
            as [(String, Bool?, Bool)])
    func verification(host: String, insecure: Bool?, verifies: Bool) {
        var options = LoadOptions()
        options.host = host
        options.isInsecure = insecure
        #expect(options.verifiesCertificate == verifies)
    }
}
