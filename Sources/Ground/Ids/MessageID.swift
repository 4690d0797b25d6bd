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
        var result: [UInt8] = []
        withBytes { result = Array($0) }
        return result
    }

    /// The same digits, for a caller that copies them at once.
    public func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        let words = SIMD2(
            Self.digits(UInt32(truncatingIfNeeded: value >> 32)), Self.digits(UInt32(truncatingIfNeeded: value)))
        withUnsafeBytes(of: words, body)
    }

    /// Eight digits in the order of memory: the nibbles spread over the bytes of a word, then turned into text at once.
    private static func digits(_ half: UInt32) -> UInt64 {
        var nibbles = UInt64(half)
        nibbles = (nibbles | nibbles << 16) & 0x0000_FFFF_0000_FFFF
        nibbles = (nibbles | nibbles << 8) & 0x00FF_00FF_00FF_00FF
        nibbles = (nibbles | nibbles << 4) & 0x0F0F_0F0F_0F0F_0F0F
        // 1 in the bytes of the digits a to f.
        let letters = (nibbles &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return ((nibbles | 0x3030_3030_3030_3030) &+ letters &* 39).bigEndian
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
