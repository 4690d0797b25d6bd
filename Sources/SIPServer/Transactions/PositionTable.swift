/// Positions in a ring of bytes by a keyed hash of what stands there: open addressing, eight bytes a place.
///
/// Half of the hash is kept beside the position: whoever looks something up compares it with what stands in the ring. Two
/// records with equal halves replace each other, which costs the repetition of one of them its answer.
struct PositionTable {
    private struct Place: BitwiseCopyable {
        var tag: UInt32
        /// In steps of eight bytes, counted from 1, without the upper bits; 0 where nothing stands.
        var step: UInt32
    }

    private var places: [Place]
    private(set) var count = 0

    init(minimumCapacity: Int = 16) {
        var capacity = 16
        while capacity < minimumCapacity * 2 { capacity *= 2 }
        places = Array(repeating: Place(tag: 0, step: 0), count: capacity)
    }

    /// - Parameter head: where the ring is written next; what is looked for lies less than 32 GB before.
    func find(_ hash: UInt64, head: Int) -> Int? {
        let step = places.withUnsafeBufferPointer { $0[Self.index(of: hash, in: $0)].step }
        return step == 0 ? nil : head - Int(Self.step(head) &- step) * 8
    }

    mutating func insert(_ hash: UInt64, _ position: Int) {
        guard Self.step(position) != 0 else { return }
        if (count + 1) * 2 > places.count { grow() }
        let isNew = places.withUnsafeMutableBufferPointer { places in
            let index = Self.index(of: hash, in: UnsafeBufferPointer(places))
            let isNew = places[index].step == 0
            places[index] = Place(tag: Self.tag(hash), step: Self.step(position))
            return isNew
        }
        if isNew { count += 1 }
    }

    /// Takes it away if it still stands for that position.
    mutating func remove(_ hash: UInt64, _ position: Int) {
        let isGone = places.withUnsafeMutableBufferPointer { places -> Bool in
            var hole = Self.index(of: hash, in: UnsafeBufferPointer(places))
            guard places[hole].step != 0, places[hole].step == Self.step(position) else { return false }
            let mask = places.count &- 1
            var index = (hole &+ 1) & mask
            while places[index].step != 0 {
                let ideal = Int(places[index].tag) & mask
                if (index &- ideal) & mask >= (index &- hole) & mask {
                    places[hole] = places[index]
                    hole = index
                }
                index = (index &+ 1) & mask
            }
            places[hole].step = 0
            return true
        }
        if isGone { count -= 1 }
    }

    /// Where it stands, or the free place where the search for it ends.
    @inline(__always)
    private static func index(of hash: UInt64, in places: UnsafeBufferPointer<Place>) -> Int {
        let (mask, tag) = (places.count &- 1, tag(hash))
        var index = Int(tag) & mask
        while places[index].step != 0, places[index].tag != tag { index = (index &+ 1) & mask }
        return index
    }

    @inline(__always)
    private static func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash) }

    /// Once in 32 GB it is 0, and that record is not found.
    @inline(__always)
    private static func step(_ position: Int) -> UInt32 { UInt32(truncatingIfNeeded: position / 8 + 1) }

    private mutating func grow() {
        var larger = PositionTable(minimumCapacity: places.count)
        larger.places.withUnsafeMutableBufferPointer { more in
            for place in places where place.step != 0 {
                let index = Self.index(of: UInt64(place.tag), in: UnsafeBufferPointer(more))
                more[index] = place
            }
        }
        larger.count = count
        self = larger
    }
}
