/// Counts durations in buckets whose width is below 1 % of their value, from 1 ns to centuries, in 60 KB.
struct LatencyHistogram: Sendable {
    private static let subBits = 7
    private static let subCount = 1 << subBits

    private var buckets = [UInt64](repeating: 0, count: (64 - subBits + 1) * subCount)
    private(set) var count: UInt64 = 0
    private(set) var maximum: UInt64 = 0
    private var sum = 0.0

    @inline(__always)
    mutating func record(_ nanoseconds: UInt64) {
        buckets[Self.bucket(nanoseconds)] &+= 1
        count &+= 1
        sum += Double(nanoseconds)
        if nanoseconds > maximum { maximum = nanoseconds }
    }

    /// - Parameter share: 0 … 1.
    /// - Returns: the duration in nanoseconds that `share` of all do not exceed; 0 when there are none.
    func quantile(_ share: Double) -> Double {
        guard count > 0 else { return 0 }
        let rank = max(1, UInt64((Double(count) * share).rounded(.up)))
        var seen: UInt64 = 0
        for (index, inBucket) in buckets.enumerated() where inBucket > 0 {
            seen += inBucket
            if seen >= rank { return min(Self.middle(index), Double(maximum)) }
        }
        return Double(maximum)
    }

    /// Arithmetic mean in nanoseconds; 0 when there are none.
    var mean: Double { count == 0 ? 0 : sum / Double(count) }

    private static func bucket(_ value: UInt64) -> Int {
        guard value >= UInt64(subCount) else { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - subBits
        return (shift + 1) * subCount + Int(value >> UInt64(shift)) - subCount
    }

    private static func middle(_ bucket: Int) -> Double {
        guard bucket >= subCount else { return Double(bucket) }
        let shift = bucket / subCount - 1
        let lowest = UInt64(bucket % subCount + subCount) << UInt64(shift)
        return Double(lowest) + (Double(UInt64(1) << UInt64(shift)) - 1) / 2
    }
}
