import Ground
import NIOCore

/// Responses of finished server transactions, for requests that come again (RFC 3261 §17.2.2, timer J).
///
/// One ring of bytes, with nothing else kept of a transaction: no object, no timer. It grows up to its limit and then
/// forgets the oldest first, so that however much is answered, memory is bounded; when little is answered it shrinks.
final class AnsweredRequests {
    private static let header = 48
    private static let smallest = 65_536

    private var memory: UnsafeMutableRawPointer
    /// A power of two.
    private var capacity: Int
    /// Bytes; rounded down to a power of two.
    var limit: Int
    /// Counted from the start of everything; the place is the rest of the division by the capacity.
    private var head = 0
    private var tail = 0
    /// Transactions and, apart from them, what a merged request has in common with them (§8.2.2.2).
    private var index = PositionTable()
    private var merged = PositionTable()

    init(limit: Int) {
        self.limit = max(limit, Self.smallest)
        capacity = Self.smallest
        memory = .allocate(byteCount: Self.smallest, alignment: 8)
    }

    deinit { memory.deallocate() }

    /// Records that are kept.
    var count: Int { index.count }
    var bytes: Int { capacity }

    /// What is kept of a response.
    struct Kept {
        /// 0 where the bytes are the whole response; otherwise they are what follows the lines that it has from the request,
        /// which the repetition brings again.
        var status: UInt16
        var bytes: UnsafeRawBufferPointer
    }

    /// - Parameters:
    ///   - origin: what a merged request would share; nil when it cannot be one.
    ///   - status, from: see `Kept`; bytes of the response before `from` are not kept.
    ///   - expires: uptime, milliseconds.
    func add(
        _ key: KeyedHash.Value, origin: KeyedHash.Value?, response: ByteBuffer, status: UInt16 = 0, from: Int = 0,
        expires: Int64, uptime: Int64
    ) {
        let count = response.readableBytes - from
        let size = (Self.header + count + 7) & ~7
        guard size <= capacity / 2 else { return }
        makeRoom(size, uptime)
        let place = head & (capacity - 1)
        write(key, origin ?? KeyedHash.Value(high: 0, low: 0), expires, UInt32(count), status, at: place)
        response.withUnsafeReadableBytes {
            (memory + place + Self.header).copyMemory(from: $0.baseAddress! + from, byteCount: count)
        }
        index.insert(key.low, head)
        if let origin { merged.insert(origin.low, head) }
        head += size
    }

    /// The response to that transaction, in place; valid until the next call. Nil when there is none any more.
    func response(to key: KeyedHash.Value, uptime: Int64) -> Kept? {
        guard let position = index.find(key.low, head: head), self.key(position) == key else { return nil }
        let place = position & (capacity - 1)
        guard (memory + place).load(fromByteOffset: 32, as: Int64.self) > uptime else { return nil }
        let count = Int((memory + place).load(fromByteOffset: 40, as: UInt32.self))
        return Kept(
            status: (memory + place).load(fromByteOffset: 44, as: UInt16.self),
            bytes: UnsafeRawBufferPointer(start: memory + place + Self.header, count: count))
    }

    /// Whether another transaction has answered the same request (it came here on two ways).
    func isMerged(_ origin: KeyedHash.Value, key: KeyedHash.Value, uptime: Int64) -> Bool {
        guard let position = merged.find(origin.low, head: head) else { return false }
        let record = memory + (position & (capacity - 1))
        guard record.load(fromByteOffset: 16, as: UInt64.self) == origin.high,
            record.load(fromByteOffset: 24, as: UInt64.self) == origin.low
        else { return false }
        return record.load(fromByteOffset: 32, as: Int64.self) > uptime && self.key(position) != key
    }

    /// Now and then: gives memory back when most of it is out of date.
    func shrink(uptime: Int64) {
        while tail < head, expiry(tail) <= uptime { dropOldest() }
        guard capacity > Self.smallest, head - tail < capacity / 8 else { return }
        resize(to: max(Self.smallest, capacity / 4))
    }

    // MARK: The ring

    private func key(_ position: Int) -> KeyedHash.Value {
        let record = memory + (position & (capacity - 1))
        return .init(high: record.load(as: UInt64.self), low: record.load(fromByteOffset: 8, as: UInt64.self))
    }

    private func expiry(_ position: Int) -> Int64 {
        let place = position & (capacity - 1)
        return capacity - place < Self.header ? .min : (memory + place).load(fromByteOffset: 32, as: Int64.self)
    }

    private func size(_ position: Int) -> Int {
        let count = (memory + (position & (capacity - 1))).load(fromByteOffset: 40, as: UInt32.self)
        return (Self.header + Int(count) + 7) & ~7
    }

    private func write(
        _ key: KeyedHash.Value, _ origin: KeyedHash.Value, _ expires: Int64, _ count: UInt32,
        _ status: UInt16, at place: Int
    ) {
        let record = memory + place
        record.storeBytes(of: key.high, as: UInt64.self)
        record.storeBytes(of: key.low, toByteOffset: 8, as: UInt64.self)
        record.storeBytes(of: origin.high, toByteOffset: 16, as: UInt64.self)
        record.storeBytes(of: origin.low, toByteOffset: 24, as: UInt64.self)
        record.storeBytes(of: expires, toByteOffset: 32, as: Int64.self)
        record.storeBytes(of: count, toByteOffset: 40, as: UInt32.self)
        record.storeBytes(of: status, toByteOffset: 44, as: UInt16.self)
    }

    private func makeRoom(_ size: Int, _ uptime: Int64) {
        while true {
            let rest = capacity - (head & (capacity - 1))
            // A record is in one piece; what is left at the end is skipped.
            let wanted = rest < size ? rest + size : size
            if head + wanted - tail <= capacity {
                if rest < size { skip(rest) }
                return
            }
            if tail < head, expiry(tail) > uptime, capacity * 2 <= limit {
                resize(to: capacity * 2)
            } else {
                dropOldest()
            }
        }
    }

    /// Fills the end of the ring with a record of nothing. `rest` is a multiple of 8, and may be too small for a header.
    private func skip(_ rest: Int) {
        if rest >= Self.header {
            let nobody = KeyedHash.Value(high: 0, low: 0)
            write(nobody, nobody, .min, UInt32(rest - Self.header), 0, at: head & (capacity - 1))
        }
        head += rest
    }

    private func dropOldest() {
        let rest = capacity - (tail & (capacity - 1))
        guard rest >= Self.header else {
            tail += rest
            return
        }
        index.remove(key(tail).low, tail)
        let record = memory + (tail & (capacity - 1))
        let origin = record.load(fromByteOffset: 24, as: UInt64.self)
        if origin != 0 { merged.remove(origin, tail) }
        tail += size(tail)
    }

    private func resize(to bytes: Int) {
        let (old, oldCapacity, end) = (memory, capacity, head)
        var position = tail
        memory = .allocate(byteCount: bytes, alignment: 8)
        capacity = bytes
        (head, tail) = (0, 0)
        index = PositionTable(minimumCapacity: index.count)
        merged = PositionTable(minimumCapacity: merged.count)
        while position < end {
            let place = position & (oldCapacity - 1)
            guard oldCapacity - place >= Self.header else {
                position += oldCapacity - place
                continue
            }
            let record = old + place
            let count = Int(record.load(fromByteOffset: 40, as: UInt32.self))
            let size = (Self.header + count + 7) & ~7
            position += size
            let key = KeyedHash.Value(
                high: record.load(as: UInt64.self), low: record.load(fromByteOffset: 8, as: UInt64.self))
            let origin = KeyedHash.Value(
                high: record.load(fromByteOffset: 16, as: UInt64.self),
                low: record.load(fromByteOffset: 24, as: UInt64.self))
            guard record.load(fromByteOffset: 32, as: Int64.self) != .min else { continue }
            let rest = capacity - (head & (capacity - 1))
            if rest < size { skip(rest) }
            guard head + size - tail <= capacity else { break }
            (memory + (head & (capacity - 1))).copyMemory(from: record, byteCount: Self.header + count)
            index.insert(key.low, head)
            if origin.high != 0 || origin.low != 0 { merged.insert(origin.low, head) }
            head += size
        }
        old.deallocate()
    }
}
