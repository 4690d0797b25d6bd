#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The result of one run.
public struct LoadReport: Sendable, Equatable {
    /// One JSON object on one line; see `docs/benchmarks.md` for the meaning of its members.
    public var json: String
    /// Whether every check counter is zero: nothing lost, doubled, misrouted, stalled or failed.
    public var isClean: Bool

    public init(json: String, isClean: Bool) {
        self.json = json
        self.isClean = isClean
    }
}

extension ReportFields {
    /// What every report begins with.
    init(_ scenario: LoadScenario, _ options: LoadOptions, tlsVersion: String?) {
        add("tool", "roost-bench")
        add("date", Self.utcNow())
        add("label", options.label)
        add("scenario", scenario.rawValue)
        add("n", options.accounts(for: scenario))
        add("conc", options.concurrency)
        add("tls", options.security.rawValue)
        if let tlsVersion { add("tls_version", tlsVersion) }
        add("mech", options.mechanism.rawValue)
        add("sm", options.usesStreamManagement)
    }

    /// The counters that must be zero, and the first error's text.
    mutating func add(checks: RunChecks) {
        add("lost", checks.lost)
        add("dup_or_reordered", checks.duplicateOrReordered)
        add("gaps", checks.gaps)
        add("misrouted", checks.misrouted)
        add("stalls", checks.stalls)
        add("unacked", checks.unacknowledged)
        add("errors", checks.errors)
        if let first = checks.firstError { add("first_error", first) }
    }

    mutating func add(memory prefix: String, _ sample: ProcessSample) {
        add("\(prefix)rss_kib", sample.residentKiB)
        add("\(prefix)pss_kib", sample.proportionalKiB)
    }

    static func utcNow() -> String {
        var instant = time(nil)
        var fields = tm()
        gmtime_r(&instant, &fields)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(fields.tm_year + 1900)-\(two(fields.tm_mon + 1))-\(two(fields.tm_mday))"
            + "T\(two(fields.tm_hour)):\(two(fields.tm_min)):\(two(fields.tm_sec))Z"
    }
}
