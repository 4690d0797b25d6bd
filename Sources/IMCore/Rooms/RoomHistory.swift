import Ground
import XMLWire
import XMPPWire

/// How much of the discussion a newcomer asks for (XEP-0045 §7.2.13). Nil is: whatever the room shows.
public struct RoomHistoryRequest: Sendable, Equatable {
    /// Characters of all stanzas.
    public var characters: Int?
    public var stanzas: Int?
    /// Not older than this many seconds.
    public var seconds: Int?
    /// Milliseconds since 1970.
    public var since: Int64?

    public init(characters: Int? = nil, stanzas: Int? = nil, seconds: Int? = nil, since: Int64? = nil) {
        self.characters = characters
        self.stanzas = stanzas
        self.seconds = seconds
        self.since = since
    }
}

/// The last messages of a room, in memory.
struct RoomHistory {
    struct Entry {
        var id: MessageID
        var nick: String
        /// With `from` and the delay stamp, without `to`.
        var stanza: XMLElement
        /// Milliseconds since 1970.
        var sentAt: Int64
        /// Bytes when written, which counts as characters.
        var size: Int
    }

    /// Messages and bytes kept at most.
    static let capacity = 100
    static let byteCapacity = 524_288

    private(set) var entries: [Entry] = []
    private var bytes = 0

    mutating func append(_ entry: Entry) {
        entries.append(entry)
        bytes += entry.size
        while entries.count > Self.capacity || (bytes > Self.byteCapacity && entries.count > 1) {
            bytes -= entries.removeFirst().size
        }
    }

    /// Takes a message out, wherever it is; false when it is not there any more.
    mutating func remove(_ isWanted: (Entry) -> Bool) -> Bool {
        guard let index = entries.firstIndex(where: isWanted) else { return false }
        bytes -= entries.remove(at: index).size
        return true
    }

    mutating func removeAll() {
        entries = []
        bytes = 0
    }

    /// The newest messages that fit all limits, oldest first.
    func window(_ request: RoomHistoryRequest, standard: Int, maximum: Int, now: Int64) -> ArraySlice<Entry> {
        var count = min(max(0, request.stanzas ?? standard), maximum, entries.count)
        var oldest = request.since ?? .min
        if let seconds = request.seconds {
            oldest = max(oldest, now - Int64(min(max(0, seconds), 3_153_600_000)) * 1_000)
        }
        var characters = request.characters ?? .max
        var start = entries.count
        while count > 0, start > 0 {
            let entry = entries[start - 1]
            guard entry.sentAt >= oldest, entry.size <= characters else { break }
            characters -= entry.size
            start -= 1
            count -= 1
        }
        return entries[start...]
    }
}
