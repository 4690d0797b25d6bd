/// Positions in a ring by a keyed hash of what stands there: open addressing without anything to free.
///
/// Equal hashes replace each other: the keys are 64 bits that nobody can foresee (`KeyedHash`).
struct PositionTable {
    private struct Place {
        var hash: UInt64
        /// -1 where nothing stands.
        var position: Int
    }

    private var places: [Place]
    private(set) var count = 0

    init(minimumCapacity: Int = 16) {
        var capacity = 16
        while capacity < minimumCapacity * 2 { capacity *= 2 }
        places = Array(repeating: Place(hash: 0, position: -1), count: capacity)
    }

    subscript(hash: UInt64) -> Int? {
        let position = places.withUnsafeBufferPointer { $0[Self.index(of: hash, in: $0)].position }
        return position < 0 ? nil : position
    }

    mutating func insert(_ hash: UInt64, _ position: Int) {
        if (count + 1) * 2 > places.count { grow() }
        let isNew = places.withUnsafeMutableBufferPointer { places in
            let index = Self.index(of: hash, in: UnsafeBufferPointer(places))
            let isNew = places[index].position < 0
            places[index] = Place(hash: hash, position: position)
            return isNew
        }
        if isNew { count += 1 }
    }

    /// Takes it away if it still stands for that position.
    mutating func remove(_ hash: UInt64, _ position: Int) {
        let isGone = places.withUnsafeMutableBufferPointer { places -> Bool in
            var hole = Self.index(of: hash, in: UnsafeBufferPointer(places))
            guard places[hole].position == position else { return false }
            let mask = places.count &- 1
            var index = (hole &+ 1) & mask
            while places[index].position >= 0 {
                let ideal = Int(truncatingIfNeeded: places[index].hash) & mask
                if (index &- ideal) & mask >= (index &- hole) & mask {
                    places[hole] = places[index]
                    hole = index
                }
                index = (index &+ 1) & mask
            }
            places[hole].position = -1
            return true
        }
        if isGone { count -= 1 }
    }

    /// Where it stands, or the free place where the search for it ends.
    @inline(__always)
    private static func index(of hash: UInt64, in places: UnsafeBufferPointer<Place>) -> Int {
        let mask = places.count &- 1
        var index = Int(truncatingIfNeeded: hash) & mask
        while places[index].position >= 0, places[index].hash != hash { index = (index &+ 1) & mask }
        return index
    }

    private mutating func grow() {
        var larger = PositionTable(minimumCapacity: places.count)
        for place in places where place.position >= 0 { larger.insert(place.hash, place.position) }
        self = larger
    }
}
