/// Deadlines of many in slots of 100 ms: adding one costs an append, and nothing is ever taken out early. Who is named
/// when a slot comes up may be gone by then.
struct TimerWheel {
    private struct Entry {
        var id: UInt64
        var deadline: Int64
    }

    /// Milliseconds.
    static let slot: Int64 = 100
    private static let size: Int64 = 512
    private var slots: [[Entry]] = Array(repeating: [], count: Int(size))
    /// Number of the last slot that came up.
    private var current: Int64
    private(set) var count = 0

    /// - Parameter uptime: monotonic milliseconds.
    init(uptime: Int64) { current = uptime / Self.slot }

    var isEmpty: Bool { count == 0 }

    /// Names `id` not before `deadline`, and one slot after it at the latest.
    mutating func add(_ id: UInt64, at deadline: Int64) {
        guard deadline != .max else { return }
        let due = max(current + 1, (deadline + Self.slot - 1) / Self.slot)
        // What is further away than one turn goes around again.
        let place = min(due, current + Self.size - 1)
        slots[Int(place % Self.size)].append(Entry(id: id, deadline: deadline))
        count += 1
    }

    /// Everything that is due; the caller adds again what goes on.
    mutating func advance(to uptime: Int64) -> [UInt64] {
        let now = uptime / Self.slot
        guard now > current else { return [] }
        guard count > 0 else {
            current = now
            return []
        }
        var due: [UInt64] = []
        var later: [Entry] = []
        // After a long sleep every slot comes up once.
        let first = max(current + 1, now - Self.size + 1)
        current = now
        for number in first...now {
            let index = Int(number % Self.size)
            guard !slots[index].isEmpty else { continue }
            for entry in slots[index] {
                if entry.deadline <= uptime { due.append(entry.id) } else { later.append(entry) }
            }
            count -= slots[index].count
            slots[index].removeAll(keepingCapacity: slots[index].capacity <= 128)
        }
        for entry in later { add(entry.id, at: entry.deadline) }
        return due
    }
}
