/// Builds one JSON object (RFC 8259) whose members keep the order in which they were added.
struct ReportFields {
    private var members: [String] = []

    var json: String { "{" + members.joined(separator: ",") + "}" }

    mutating func add(_ name: String, _ value: String) {
        members.append("\"\(name)\":\(Self.quoted(value))")
    }

    mutating func add(_ name: String, _ value: Int) {
        members.append("\"\(name)\":\(value)")
    }

    mutating func add(_ name: String, _ value: UInt64) {
        members.append("\"\(name)\":\(value)")
    }

    mutating func add(_ name: String, _ value: Bool) {
        members.append("\"\(name)\":\(value)")
    }

    /// Rounded to six decimal places; `null` when it is no number.
    mutating func add(_ name: String, _ value: Double) {
        let rounded = (value * 1_000_000).rounded() / 1_000_000
        members.append("\"\(name)\":\(rounded.isFinite ? "\(rounded)" : "null")")
    }

    /// Quantiles, mean and maximum in milliseconds, each name behind `prefix`.
    mutating func add(latency: LatencyHistogram, prefix: String = "") {
        guard latency.count > 0 else { return }
        for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)] {
            add("\(prefix)\(name)_ms", latency.quantile(share) / 1_000_000)
        }
        add("\(prefix)mean_ms", latency.mean / 1_000_000)
        add("\(prefix)max_ms", Double(latency.maximum) / 1_000_000)
    }

    /// What lay between two samples, and the server's share for each of `count` units.
    mutating func add(
        cost unit: String, count: UInt64, from start: ProcessSample, to end: ProcessSample, hasServer: Bool
    ) {
        let wall = Double(end.time &- start.time) / 1_000_000_000
        let generator = end.generator - start.generator
        add("wall_s", wall)
        add("gen_cpu_s", generator)
        if hasServer, wall > 0 {
            let server = end.server - start.server
            add("srv_cpu_s", server)
            add("srv_cpu_user_s", end.serverUser - start.serverUser)
            add("srv_cpu_sys_s", end.serverSystem - start.serverSystem)
            add("srv_cores", server / wall)
            if count > 0 { add("srv_cpu_us_per_\(unit)", server * 1_000_000 / Double(count)) }
            add("other_cores", (end.busy - start.busy - generator - server) / wall)
        }
        if wall > 0 { add("steal_cores", (end.stolen - start.stolen) / wall) }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..."\u{1F}":
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
