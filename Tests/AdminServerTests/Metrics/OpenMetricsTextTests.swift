import Ground
import Testing

@testable import AdminServer

@Suite("OpenMetrics text")
struct OpenMetricsTextTests {
    @Test("counters, gauges and histograms are written as the format has it")
    func families() {
        var histogram = Histogram()
        for value in [0, 1, 3, 20, 99_999] as [Int64] { histogram.add(milliseconds: value) }
        let text = OpenMetricsText.render([
            AdminMetric(
                "roost_sessions", .gauge, "Sessions.", [.init(2, ["state": "connected"]), .init(0.5, ["state": "x"])]),
            AdminMetric("roost_messages", .counter, "Messages\nof \"users\".", [.init(3)]),
            AdminMetric("roost_delivery_seconds", "Delivery.", histogram),
        ])
        #expect(
            text.hasPrefix(
                """
                # TYPE roost_sessions gauge
                # HELP roost_sessions Sessions.
                roost_sessions{state="connected"} 2
                roost_sessions{state="x"} 0.5
                # TYPE roost_messages counter
                # HELP roost_messages Messages\\nof \\"users\\".
                roost_messages_total 3
                # TYPE roost_delivery_seconds histogram
                # HELP roost_delivery_seconds Delivery.
                roost_delivery_seconds_bucket{le="0.001"} 2
                roost_delivery_seconds_bucket{le="0.002"} 2
                roost_delivery_seconds_bucket{le="0.005"} 3

                """))
        #expect(
            text.contains("roost_delivery_seconds_bucket{le=\"10\"} 4\nroost_delivery_seconds_bucket{le=\"+Inf\"} 5\n"))
        #expect(text.hasSuffix("roost_delivery_seconds_sum 100.023\nroost_delivery_seconds_count 5\n# EOF\n"))
    }

    @Test("labels are escaped")
    func labels() {
        let text = OpenMetricsText.render([
            AdminMetric("a", .gauge, "", [.init(1, ["b": "c\"d\\e\nf", "a": "x"])])
        ])
        #expect(text.contains("a{a=\"x\",b=\"c\\\"d\\\\e\\nf\"} 1\n"))
    }

    @Test("quantiles are bounds of buckets, and differences are between two states")
    func quantiles() {
        var histogram = Histogram()
        #expect(histogram.quantile(0.5) == nil)
        for _ in 0..<98 { histogram.add(milliseconds: 2) }
        let earlier = histogram
        histogram.add(milliseconds: 40)
        histogram.add(milliseconds: 20_000)
        #expect(histogram.quantile(0.5) == 2 && histogram.quantile(0.99) == 50 && histogram.quantile(1) == .max)
        #expect(histogram.since(earlier).count == 2 && histogram.since(earlier).quantile(0.5) == 50)
    }
}
