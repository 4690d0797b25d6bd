import Ground

/// Writes metric families as OpenMetrics 1.0 text, for Prometheus and its kin.
public enum OpenMetricsText {
    public static let contentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    public static func render(_ metrics: [AdminMetric]) -> String {
        var out = ""
        for metric in metrics {
            out += "# TYPE \(metric.name) \(metric.kind.rawValue)\n# HELP \(metric.name) \(escaped(metric.help))\n"
            switch metric.kind {
            case .histogram: out += histogram(metric)
            case .counter, .gauge:
                let suffix = metric.kind == .counter ? "_total" : ""
                for sample in metric.samples {
                    out += "\(metric.name)\(suffix)\(labels(sample.labels)) \(number(sample.value))\n"
                }
            }
        }
        return out + "# EOF\n"
    }

    private static func histogram(_ metric: AdminMetric) -> String {
        var out = ""
        var total = 0
        for (index, count) in metric.buckets.enumerated() {
            total += count
            let bound =
                index < Histogram.bounds.count ? number(Double(Histogram.bounds[index]) / 1_000) : "+Inf"
            out += "\(metric.name)_bucket{le=\"\(bound)\"} \(total)\n"
        }
        return out + "\(metric.name)_sum \(number(metric.sum / 1_000))\n\(metric.name)_count \(total)\n"
    }

    private static func labels(_ labels: [String: String]) -> String {
        guard !labels.isEmpty else { return "" }
        let pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped($0.value))\"" }
        return "{" + pairs.joined(separator: ",") + "}"
    }

    private static func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.append(character)
            }
        }
        return out
    }

    static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
    }
}
