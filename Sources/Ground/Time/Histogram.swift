/// How often durations fell between fixed bounds, as OpenMetrics counts them.
public struct Histogram: Sendable, Equatable {
    /// Upper bounds in milliseconds; one more bucket takes what is longer.
    public static let bounds: [Int64] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]

    /// One for each bound, and the last for everything longer; not cumulated.
    public private(set) var counts = [Int](repeating: 0, count: bounds.count + 1)
    /// Sum of all durations, milliseconds.
    public private(set) var sum: Int64 = 0

    public init() {}

    public var count: Int { counts.reduce(0, +) }

    public mutating func add(milliseconds: Int64) {
        let value = max(0, milliseconds)
        sum += value
        counts[Self.bounds.firstIndex { value <= $0 } ?? Self.bounds.count] += 1
    }

    /// What was added after an earlier state.
    public func since(_ earlier: Histogram) -> Histogram {
        var difference = self
        for index in counts.indices { difference.counts[index] -= earlier.counts[index] }
        difference.sum -= earlier.sum
        return difference
    }

    /// Upper bound of the bucket that a share of all durations does not exceed, milliseconds; nil without any.
    ///
    /// - Parameter share: 0.5 for the median, 0.99 for the 99th percentile.
    public func quantile(_ share: Double) -> Int64? {
        let total = count
        guard total > 0 else { return nil }
        var seen = 0
        for (index, count) in counts.enumerated() {
            seen += count
            if Double(seen) >= share * Double(total) { return index < Self.bounds.count ? Self.bounds[index] : .max }
        }
        return .max
    }
}
