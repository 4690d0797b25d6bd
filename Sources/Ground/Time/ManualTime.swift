import NIOConcurrencyHelpers

/// A clock that a test moves by hand. Both readings advance together.
public final class ManualTime: TimeSource {
    private let reading: NIOLockedValueBox<Int64>
    private let start: Int64

    /// - Parameter now: milliseconds since 1970.
    public init(now: Int64 = 1_767_225_600_000) {
        start = now
        reading = NIOLockedValueBox(now)
    }

    public var now: Int64 { reading.withLockedValue { $0 } }
    public var uptime: Int64 { now - start + 1_000_000 }

    public func advance(milliseconds: Int64) {
        reading.withLockedValue { $0 += milliseconds }
    }
}
