/// Turns message ids into names that tell nobody how many messages there are or when the next one comes, and back
/// (XEP-0313 §3: ids in an archive are unpredictable).
///
/// A keyed permutation of 64 bits (a Feistel network), so nothing is stored and no two ids share a name. It hides
/// order and time from strangers; it is not meant to protect secrets.
public struct OpaqueIDs: Sendable {
    private let keys: InlineArray<8, UInt64>

    /// - Parameter key: any bytes, at best 32 random ones that belong to the installation.
    public init(key: [UInt8] = []) {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        for byte in key { state = Self.mix(state ^ UInt64(byte)) }
        keys = InlineArray { _ in
            state = Self.mix(state &+ 0x9E37_79B9_7F4A_7C15)
            return state
        }
    }

    /// Sixteen lower-case hexadecimal digits.
    public func name(of id: MessageID) -> [UInt8] { sealed(id).bytes }

    /// The same, for a caller that copies it at once.
    public func withName(of id: MessageID, _ body: (UnsafeRawBufferPointer) -> Void) { sealed(id).withBytes(body) }

    private func sealed(_ id: MessageID) -> MessageID {
        let value = UInt64(bitPattern: id.value)
        var (left, right) = (UInt32(truncatingIfNeeded: value >> 32), UInt32(truncatingIfNeeded: value))
        for index in keys.indices { (left, right) = (right, left ^ Self.round(right, keys[index])) }
        return MessageID(Int64(bitPattern: UInt64(left) << 32 | UInt64(right)))
    }

    /// The id with that name; nil when the text is none that `name(of:)` could have returned.
    public func id(named name: String) -> MessageID? {
        guard name.utf8.count == 16 else { return nil }
        var sealed: UInt64 = 0
        for byte in name.utf8 {
            switch byte {
            case 48...57: sealed = sealed << 4 | UInt64(byte - 48)
            case 97...102: sealed = sealed << 4 | UInt64(byte - 87)
            default: return nil
            }
        }
        var (left, right) = (UInt32(truncatingIfNeeded: sealed >> 32), UInt32(truncatingIfNeeded: sealed))
        for index in keys.indices.reversed() { (left, right) = (right ^ Self.round(left, keys[index]), left) }
        let value = Int64(bitPattern: UInt64(left) << 32 | UInt64(right))
        return value > 0 ? MessageID(value) : nil
    }

    private static func round(_ half: UInt32, _ key: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: mix(UInt64(half) ^ key) >> 32)
    }

    /// The finaliser of SplitMix64.
    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
