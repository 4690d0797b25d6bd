/// Hash table keyed by byte strings, looked up by raw bytes without allocating a key.
///
/// Open addressing with linear probing and backward-shift deletion. The hash is seeded for each
/// process, so a stranger cannot choose addresses that collide.
public struct ByteTable<Value> {
    private struct Slot {
        var hash: UInt64
        var key: [UInt8]
        var value: Value
    }

    private var slots: [Slot?]
    public private(set) var count = 0

    public init(minimumCapacity: Int = 16) {
        var capacity = 16
        while capacity < minimumCapacity * 2 { capacity *= 2 }
        slots = Array(repeating: nil, count: capacity)
    }

    public subscript(key: [UInt8]) -> Value? {
        get { key.withUnsafeBytes { self[$0] } }
        set {
            if let newValue { insert(key, newValue) } else { key.withUnsafeBytes { _ = remove($0) } }
        }
    }

    public subscript(bytes: UnsafeRawBufferPointer) -> Value? {
        let hash = ByteHash.hash(bytes)
        var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while let slot = slots[index] {
            if slot.hash == hash, ByteHash.equal(slot.key, bytes) { return slot.value }
            index = (index + 1) & (slots.count - 1)
        }
        return nil
    }

    private mutating func insert(_ key: [UInt8], _ value: Value) {
        if (count + 1) * 2 > slots.count { grow() }
        let hash = key.withUnsafeBytes { ByteHash.hash($0) }
        var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while let slot = slots[index] {
            if slot.hash == hash, slot.key == key {
                slots[index]!.value = value
                return
            }
            index = (index + 1) & (slots.count - 1)
        }
        slots[index] = Slot(hash: hash, key: key, value: value)
        count += 1
    }

    public mutating func remove(_ bytes: UnsafeRawBufferPointer) -> Value? {
        let hash = ByteHash.hash(bytes)
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: hash) & mask
        while let slot = slots[index] {
            if slot.hash == hash, ByteHash.equal(slot.key, bytes) {
                closeGap(at: index, mask: mask)
                count -= 1
                return slot.value
            }
            index = (index + 1) & mask
        }
        return nil
    }

    private mutating func closeGap(at gap: Int, mask: Int) {
        var hole = gap
        var index = (gap + 1) & mask
        while let slot = slots[index] {
            let ideal = Int(truncatingIfNeeded: slot.hash) & mask
            if (index &- ideal) & mask >= (index &- hole) & mask {
                slots[hole] = slot
                hole = index
            }
            index = (index + 1) & mask
        }
        slots[hole] = nil
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: nil, count: old.count * 2)
        let mask = slots.count - 1
        for case .some(let slot) in old {
            var index = Int(truncatingIfNeeded: slot.hash) & mask
            while slots[index] != nil { index = (index + 1) & mask }
            slots[index] = slot
        }
    }

    /// Calls `body` for every value, in no order.
    public func forEach(_ body: (Value) -> Void) {
        for case .some(let slot) in slots { body(slot.value) }
    }

    public var values: [Value] { slots.compactMap { $0?.value } }
}

/// Seeded hashing and comparing of raw bytes.
public enum ByteHash {
    private static let seed = UInt64.random(in: .min ... .max)

    @inline(__always)
    public static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        let count = bytes.count
        var hash = seed ^ (UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15)
        var offset = 0
        while offset &+ 8 <= count {
            hash = (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0xFF51_AFD7_ED55_8CCD
            hash ^= hash >> 32
            offset &+= 8
        }
        var tail: UInt64 = 0
        while offset < count {
            tail = (tail << 8) | UInt64(bytes[offset])
            offset &+= 1
        }
        hash = (hash ^ tail) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ (hash >> 29)
    }

    @inline(__always)
    public static func equal(_ key: [UInt8], _ bytes: UnsafeRawBufferPointer) -> Bool {
        key.withUnsafeBytes { equal($0, bytes) }
    }

    @inline(__always)
    public static func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        guard left.count > 0, let first = left.baseAddress, let second = right.baseAddress else { return true }
        return first == second || ByteCompare.same(first, second, left.count)
    }
}
