/// A hash of 128 bits that nobody can foresee without its key: SipHash-2-4 with the long output.
///
/// Tables of what strangers name (transactions, nonces) are keyed by it, so that no names need to be kept; it also
/// seals small values (a nonce) against being made up.
public struct KeyedHash: Sendable {
    /// A result; equal for equal bytes only, for all that anybody can bring about.
    public struct Value: Hashable, Sendable {
        public var high: UInt64
        public var low: UInt64

        @inline(__always)
        public init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }

        // 64 bits of a keyed hash are hashed enough.
        @inline(__always)
        public func hash(into hasher: inout Hasher) { hasher.combine(low) }
    }

    private let key0: UInt64
    private let key1: UInt64

    public init(key0: UInt64, key1: UInt64) {
        self.key0 = key0
        self.key1 = key1
    }

    /// A key of its own for this process.
    public init() { self.init(key0: .random(in: .min ... .max), key1: .random(in: .min ... .max)) }

    /// The hash of the pieces in their order; where one ends and the next begins counts.
    public func callAsFunction(_ bytes: UnsafeRawBufferPointer) -> Value {
        var state = stateForPieces()
        state.add(bytes)
        return state.finish()
    }

    /// For several pieces: `add` each, then `finish`.
    @inline(__always)
    public func stateForPieces() -> State { State(key0, key1) }

    /// Hashing under way.
    public struct State {
        private var v0: UInt64
        private var v1: UInt64
        private var v2: UInt64
        private var v3: UInt64
        private var total: UInt64 = 0

        @inline(__always)
        fileprivate init(_ key0: UInt64, _ key1: UInt64) {
            v0 = key0 ^ 0x736F_6D65_7073_6575
            v1 = key1 ^ 0x646F_7261_6E64_6F6D ^ 0xEE
            v2 = key0 ^ 0x6C79_6765_6E65_7261
            v3 = key1 ^ 0x7465_6462_7974_6573
        }

        @inline(__always)
        private mutating func round() {
            v0 = v0 &+ v1
            v1 = (v1 << 13 | v1 >> 51) ^ v0
            v0 = v0 << 32 | v0 >> 32
            v2 = v2 &+ v3
            v3 = (v3 << 16 | v3 >> 48) ^ v2
            v0 = v0 &+ v3
            v3 = (v3 << 21 | v3 >> 43) ^ v0
            v2 = v2 &+ v1
            v1 = (v1 << 17 | v1 >> 47) ^ v2
            v2 = v2 << 32 | v2 >> 32
        }

        @inline(__always)
        public mutating func add(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
            total = total &+ 8
        }

        /// A piece; its length is hashed behind it.
        public mutating func add(_ bytes: UnsafeRawBufferPointer) {
            var offset = 0
            let count = bytes.count
            while offset &+ 8 <= count {
                add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
                offset &+= 8
            }
            var tail = UInt64(truncatingIfNeeded: count) << 56
            var shift: UInt64 = 0
            while offset < count {
                tail |= UInt64(bytes[offset]) << shift
                shift &+= 8
                offset &+= 1
            }
            add(tail)
            total = total &+ UInt64(truncatingIfNeeded: count)
        }

        public mutating func finish() -> Value {
            add(total)
            v2 ^= 0xEE
            for _ in 0..<4 { round() }
            let low = v0 ^ v1 ^ v2 ^ v3
            v1 ^= 0xDD
            for _ in 0..<4 { round() }
            return Value(high: v0 ^ v1 ^ v2 ^ v3, low: low)
        }
    }
}
