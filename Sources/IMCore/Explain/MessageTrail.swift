import Ground

/// What became of the last messages, step by step, for whoever asks later: a ring of bytes, written where the decisions
/// are made.
///
/// Names are copied into the ring: a reference to each would have to be counted, and let go of when it is cold. Nothing is
/// allocated once the ring is there. Only messages that the journal takes, and those that are refused, leave a trail.
public final class MessageTrail {
    public enum Kind: String, Sendable, CaseIterable {
        /// From `subject` for `object`.
        case accepted
        /// The conversation is locked to this client alone.
        case locked
        /// Given to a client.
        case handed
        /// A client is catching up: it waits behind the stored messages.
        case held
        /// Nobody is there: it waits in the store.
        case stored
        /// Its client went away without acknowledging it: it waits in the store.
        case parked
        /// A client could not take it: it goes back to the others or into the store.
        case returned
        /// Acknowledged by that client, or written to its socket.
        case settled
        /// Answered with an error.
        case refused
        /// Dropped in silence.
        case dropped

        fileprivate static let all: [Int: Kind] = Dictionary(
            uniqueKeysWithValues: allCases.map { (Int($0.code), $0) })

        fileprivate var code: UInt8 {
            switch self {
            case .accepted: 0
            case .locked: 1
            case .handed: 2
            case .held: 3
            case .stored: 4
            case .parked: 5
            case .settled: 6
            case .refused: 7
            case .dropped: 8
            case .returned: 9
            }
        }
    }

    public struct Step {
        let id: Int64
        /// Milliseconds since 1970; 0 for the moment of acceptance.
        let at: Int64
        /// Of the id that the sender's client gave it; 0 for none.
        let nameHash: UInt64
        let subject: [UInt8]
        let object: [UInt8]
        let note: String
        let kind: Kind
    }

    /// Bytes of the ring. A message takes three to five steps of 60 to 120 bytes: it is known for the last few thousand
    /// messages at least.
    public static let capacity = 1 << 21

    /// What stands before the names of a step. `bytes` is the length of the whole, a multiple of eight.
    private struct Head {
        var id: Int64
        var at: Int64
        var nameHash: UInt64
        var bytes: UInt16
        var subject: UInt16
        var object: UInt16
        /// The rest is the note; a kind of 255 fills the end of the ring.
        var kind: UInt8
        var padding: UInt8
    }

    private static let headBytes = MemoryLayout<Head>.size
    private static let filler = UInt8.max
    /// Longest name or note that is kept whole; the longest address has 3,071 bytes (RFC 7622 §3.1).
    private static let longest = 3_071

    private var ring: [UInt8] = []
    /// Where the next step goes, and where the oldest one begins; both multiples of eight.
    private var next = 0
    private var oldest = 0
    private var used = 0

    public init() {}

    func note(
        _ id: MessageID, _ kind: Kind, _ subject: [UInt8], for object: [UInt8] = [], _ note: String = "", at: Int64 = 0,
        nameHash: UInt64 = 0
    ) {
        if ring.isEmpty { ring = [UInt8](repeating: 0, count: Self.capacity) }
        var note = note
        note.withUTF8 { note in
            subject.withUnsafeBytes { subject in
                object.withUnsafeBytes { object in
                    write(
                        Head(
                            id: id.value, at: at, nameHash: nameHash, bytes: 0, subject: 0, object: 0,
                            kind: kind.code, padding: 0), subject, object, UnsafeRawBufferPointer(note))
                }
            }
        }
    }

    /// As `note`, for what happens to every message: nothing is put together but in the ring's own bytes.
    ///
    /// - Parameters:
    ///   - way: how it goes or came, in fixed words.
    ///   - place: what the words end with: an address.
    func note(
        _ id: MessageID, _ kind: Kind, _ subject: [UInt8], for object: [UInt8] = [], way: StaticString,
        place: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0), at: Int64 = 0,
        nameHash: UInt64 = 0
    ) {
        if ring.isEmpty { ring = [UInt8](repeating: 0, count: Self.capacity) }
        let words = UnsafeRawBufferPointer(start: way.utf8Start, count: way.utf8CodeUnitCount)
        withUnsafeTemporaryAllocation(byteCount: words.count + min(place.count, Self.longest), alignment: 1) { note in
            note.copyMemory(from: words)
            if !place.isEmpty {
                UnsafeMutableRawBufferPointer(rebasing: note[words.count...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: place.prefix(Self.longest)))
            }
            subject.withUnsafeBytes { subject in
                object.withUnsafeBytes { object in
                    write(
                        Head(
                            id: id.value, at: at, nameHash: nameHash, bytes: 0, subject: 0, object: 0,
                            kind: kind.code, padding: 0), subject, object, UnsafeRawBufferPointer(note))
                }
            }
        }
    }

    private func write(
        _ head: Head, _ subject: UnsafeRawBufferPointer, _ object: UnsafeRawBufferPointer,
        _ note: UnsafeRawBufferPointer
    ) {
        var head = head
        let parts = (
            UnsafeRawBufferPointer(rebasing: subject.prefix(Self.longest)),
            UnsafeRawBufferPointer(rebasing: object.prefix(Self.longest)),
            UnsafeRawBufferPointer(rebasing: note.prefix(Self.longest))
        )
        let size = Self.headBytes + parts.0.count + parts.1.count + parts.2.count
        let bytes = (size + 7) & ~7
        head.bytes = UInt16(bytes)
        head.subject = UInt16(parts.0.count)
        head.object = UInt16(parts.1.count)
        head.padding = UInt8(bytes - size)
        ring.withUnsafeMutableBytes { ring in
            if ring.count - next < bytes { wrap(ring) }
            while ring.count - used < bytes { forgetOldest(ring) }
            ring.storeBytes(of: head, toByteOffset: next, as: Head.self)
            var place = next + Self.headBytes
            func put(_ part: UnsafeRawBufferPointer) {
                guard let start = part.baseAddress, !part.isEmpty, let base = ring.baseAddress else { return }
                (base + place).copyMemory(from: start, byteCount: part.count)
                place += part.count
            }
            put(parts.0)
            put(parts.1)
            put(parts.2)
        }
        next += bytes
        used += bytes
        if next == Self.capacity { next = 0 }
    }

    /// The end of the ring is too short for a step: it stays free, and the step goes to the beginning.
    private func wrap(_ ring: UnsafeMutableRawBufferPointer) {
        let rest = ring.count - next
        while ring.count - used < rest { forgetOldest(ring) }
        // What is shorter than a head is known by that.
        if rest >= Self.headBytes {
            let head = Head(
                id: 0, at: 0, nameHash: 0, bytes: 0, subject: 0, object: 0, kind: Self.filler, padding: 0)
            ring.storeBytes(of: head, toByteOffset: next, as: Head.self)
        }
        used += rest
        next = 0
    }

    private func forgetOldest(_ ring: UnsafeMutableRawBufferPointer) {
        let bytes = Self.length(at: oldest, UnsafeRawBufferPointer(ring))
        used -= bytes
        oldest += bytes
        if oldest == ring.count { oldest = 0 }
    }

    /// Of what stands at a place of the ring, the free end among it.
    private static func length(at place: Int, _ ring: UnsafeRawBufferPointer) -> Int {
        guard ring.count - place >= headBytes else { return ring.count - place }
        let head = ring.load(fromByteOffset: place, as: Head.self)
        return head.kind == filler ? ring.count - place : Int(head.bytes)
    }

    /// What is known of a message, oldest step first.
    func steps(of id: MessageID) -> [Step] {
        var found: [Step] = []
        eachHead { head, place, ring in
            guard head.id == id.value, let kind = Kind.all[Int(head.kind)] else { return }
            var place = place + Self.headBytes
            func take(_ count: Int) -> UnsafeRawBufferPointer {
                defer { place += count }
                return UnsafeRawBufferPointer(rebasing: ring[place..<place + count])
            }
            let subject = Array(take(Int(head.subject)))
            let object = Array(take(Int(head.object)))
            let rest = Int(head.bytes) - Self.headBytes - subject.count - object.count - Int(head.padding)
            found.append(
                Step(
                    id: head.id, at: head.at, nameHash: head.nameHash, subject: subject, object: object,
                    note: String(decoding: take(rest), as: UTF8.self), kind: kind))
        }
        return found
    }

    /// Messages whose sender called them so, the newest last.
    func ids(named name: String) -> [MessageID] {
        let hash = Self.hash(name.utf8)
        var (ids, seen): ([MessageID], Set<Int64>) = ([], [])
        eachHead { head, _, _ in
            if head.nameHash == hash, seen.insert(head.id).inserted { ids.append(MessageID(head.id)) }
        }
        return ids
    }

    /// From the oldest step to the newest.
    private func eachHead(_ body: (Head, Int, UnsafeRawBufferPointer) -> Void) {
        ring.withUnsafeBytes { ring in
            var (place, left) = (oldest, used)
            while left > 0 {
                let bytes = Self.length(at: place, ring)
                if ring.count - place >= Self.headBytes {
                    let head = ring.load(fromByteOffset: place, as: Head.self)
                    if head.kind != Self.filler { body(head, place, ring) }
                }
                left -= bytes
                place += bytes
                if place == ring.count { place = 0 }
            }
        }
    }

    /// FNV-1a, never 0.
    @inline(__always)
    public static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return hash | 1
    }
}
