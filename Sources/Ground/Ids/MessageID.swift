/// Identity and order of a message: milliseconds since 1970 in the upper 48 bits, a counter in the lower 16.
///
/// Ids only grow, over restarts too, so the order of ids is the order of acceptance.
public struct MessageID: Hashable, Comparable, Sendable {
    public let value: Int64

    public init(_ value: Int64) { self.value = value }

    /// Milliseconds since 1970 at which the message was accepted.
    public var acceptedAt: Int64 { value >> 16 }

    public static func < (left: MessageID, right: MessageID) -> Bool { left.value < right.value }

    /// Sixteen lower-case hexadecimal digits: the XEP-0359 `id`.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
            var rest = UInt64(bitPattern: value)
            for index in stride(from: 15, through: 0, by: -1) {
                let digit = UInt8(rest & 15)
                buffer[index] = digit < 10 ? 48 + digit : 87 + digit
                rest >>= 4
            }
            count = 16
        }
    }
}

/// Hands out message ids; confined to one event loop.
public struct MessageIDSource {
    private var last: Int64

    /// The greatest id there is.
    public var latest: MessageID { MessageID(last) }

    /// - Parameter last: the greatest id ever stored.
    public init(after last: MessageID) { self.last = last.value }

    public mutating func next(now: Int64) -> MessageID {
        last = max(last &+ 1, now << 16)
        return MessageID(last)
    }
}
