/// Hash table keyed by byte strings, looked up by raw bytes without allocating a key.
///
/// Open addressing with linear probing and backward-shift deletion. The hash is seeded for each
/// process, so a stranger cannot choose addresses that collide. Inlinable: it stands on every hot path,
/// and unspecialised generics cost more there than the lookup itself.
public struct ByteTable<Value> {
    @usableFromInline
    struct Slot {
        @usableFromInline var hash: UInt64
        @usableFromInline var key: [UInt8]
        @usableFromInline var value: Value

        @inlinable
        init(hash: UInt64, key: [UInt8], value: Value) {
            self.hash = hash
            self.key = key
            self.value = value
        }
    }

    @usableFromInline var slots: [Slot?]
    @usableFromInline var used = 0
    @inlinable public var count: Int { used }

    @inlinable
    public init(minimumCapacity: Int = 16) {
        var capacity = 16
        while capacity < minimumCapacity * 2 { capacity *= 2 }
        slots = Array(repeating: nil, count: capacity)
    }

    @inlinable
    public subscript(key: [UInt8]) -> Value? {
        get { key.withUnsafeBytes { self[$0] } }
        set {
            if let newValue { insert(key, newValue) } else { key.withUnsafeBytes { _ = remove($0) } }
        }
    }

    @inlinable
    public subscript(bytes: UnsafeRawBufferPointer) -> Value? {
        let index = place(of: bytes, ByteHash.hash(bytes))
        return slots.withUnsafeBufferPointer { $0[index]?.value }
    }

    /// Where the key stands, or the free slot where its search ends.
    @inlinable
    func place(of bytes: UnsafeRawBufferPointer, _ hash: UInt64) -> Int {
        slots.withUnsafeBufferPointer { slots in
            let mask = slots.count &- 1
            var index = Int(truncatingIfNeeded: hash) & mask
            while let found = slots[index]?.hash {
                if found == hash, slots[index]!.key.withUnsafeBytes({ ByteHash.equal($0, bytes) }) { return index }
                index = (index &+ 1) & mask
            }
            return index
        }
    }

    @inlinable
    mutating func insert(_ key: [UInt8], _ value: Value) {
        if (used + 1) * 2 > slots.count { grow() }
        let hash = key.withUnsafeBytes { ByteHash.hash($0) }
        let index = key.withUnsafeBytes { place(of: $0, hash) }
        if slots[index] != nil {
            slots[index]!.value = value
        } else {
            slots[index] = Slot(hash: hash, key: key, value: value)
            used += 1
        }
    }

    @inlinable
    public mutating func remove(_ bytes: UnsafeRawBufferPointer) -> Value? {
        let index = place(of: bytes, ByteHash.hash(bytes))
        guard let slot = slots[index] else { return nil }
        closeGap(at: index, mask: slots.count - 1)
        used -= 1
        return slot.value
    }

    @inlinable
    mutating func closeGap(at gap: Int, mask: Int) {
        var hole = gap
        var index = (gap + 1) & mask
        while let hash = slots[index]?.hash {
            let ideal = Int(truncatingIfNeeded: hash) & mask
            if (index &- ideal) & mask >= (index &- hole) & mask {
                slots.swapAt(hole, index)
                hole = index
            }
            index = (index + 1) & mask
        }
        slots[hole] = nil
    }

    @inlinable
    mutating func grow() {
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
    @inlinable
    public func forEach(_ body: (Value) -> Void) {
        for case .some(let slot) in slots { body(slot.value) }
    }

    @inlinable
    public var values: [Value] { slots.compactMap { $0?.value } }
}

/// Seeded hashing and comparing of raw bytes.
public enum ByteHash {
    @usableFromInline static let seed = UInt64.random(in: .min ... .max)

    @inlinable @inline(__always)
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

    @inlinable @inline(__always)
    public static func equal(_ key: [UInt8], _ bytes: UnsafeRawBufferPointer) -> Bool {
        key.withUnsafeBytes { equal($0, bytes) }
    }

    @inlinable @inline(__always)
    public static func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        guard left.count > 0, let first = left.baseAddress, let second = right.baseAddress else { return true }
        return first == second || ByteCompare.same(first, second, left.count)
    }
}
