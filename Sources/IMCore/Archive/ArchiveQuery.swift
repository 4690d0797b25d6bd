import Foundation
import Ground
import Storage
import XMLWire
import XMPPWire

/// What a client asks of its archive (XEP-0313 §4), bounds applied.
public struct ArchiveQuery: Sendable {
    /// Where the page lies within what the filters leave (XEP-0059).
    public enum Position: Sendable, Equatable {
        case first
        case last
        case after(MessageID)
        case before(MessageID)
    }

    /// Only messages with this peer; a bare address means every resource.
    public var with: JID?
    /// Milliseconds since 1970, both included.
    public var start: Int64?
    public var end: Int64?
    /// Messages between these, both excluded.
    public var afterID: MessageID?
    public var beforeID: MessageID?
    /// Only these messages.
    public var ids: [MessageID]?
    /// Words that the body must have, all of them.
    public var words: [String] = []
    public var position = Position.first
    /// Messages at most.
    public var limit = ArchiveQuery.largestPage

    public static let largestPage = 100
    /// Messages that can be named in one query.
    public static let largestSelection = 500
    /// Bytes of one page, and one message beyond: less than what ends the stream of a client that is slow to take it.
    static let pageBytes: Int64 = 1_048_576
    /// Beyond this number messages are not counted: it would take longer than finding them.
    public static let countLimit = 10_000
    /// Messages looked through at a time for a text.
    static let searchChunk = 500

    public init() {}
}

/// Some messages of an archive, oldest first.
public struct ArchivePage: Sendable {
    public struct Message: Sendable {
        public var id: MessageID
        public var stanza: [UInt8]
    }

    public var messages: [Message] = []
    /// Nothing more would come in the direction that was asked for.
    public var isComplete = true
    /// Of all that the filters leave; nil when there are too many to count.
    public var count: Int?
    /// Number of the first message among them, from zero; nil when there are too many to count.
    public var index: Int?
}

/// One query on its way through the store: each step is a transaction of its own, so that a long search does not keep
/// others waiting.
struct ArchiveReading: Sendable {
    /// An id that is not in the archive.
    struct NotFound: Error {}

    let query: ArchiveQuery
    private var selection: ArchiveStore.Selection
    private let isBackwards: Bool
    private var found: [ArchiveStore.Message] = []
    private var isChecked = false
    private(set) var page: ArchivePage?

    init(_ query: ArchiveQuery, archive: Int64) {
        self.query = query
        selection = ArchiveStore.Selection(archive: archive)
        selection.peer = query.with?.bare.description
        selection.resource = query.with?.resource
        if let start = query.start { selection.after = max(selection.after, Self.first(at: start) - 1) }
        if let end = query.end { selection.before = min(selection.before, Self.first(at: end + 1)) }
        if let id = query.afterID { selection.after = max(selection.after, id.value) }
        if let id = query.beforeID { selection.before = min(selection.before, id.value) }
        switch query.position {
        case .first, .after: isBackwards = false
        case .last, .before: isBackwards = true
        }
    }

    /// The least id of an instant in milliseconds since 1970.
    private static func first(at instant: Int64) -> Int64 { max(0, min(instant, Int64.max >> 16)) << 16 }

    /// Reads on; `page` is there once it is done.
    mutating func step(in transaction: any Transaction) throws {
        if !isChecked {
            try check(in: transaction)
            isChecked = true
        }
        if query.ids != nil { return try finishNamed(in: transaction) }
        let whole = selection
        narrow()
        guard query.limit > 0, selection.after < selection.before else {
            return finish([], isLast: query.limit > 0, count: try count(whole, in: transaction))
        }
        if query.words.isEmpty {
            let read = try ArchiveStore.page(
                selection, backwards: isBackwards, limit: query.limit, bytes: ArchiveQuery.pageBytes, in: transaction)
            let count = try count(whole, in: transaction)
            let index = try index(of: read.messages, whole, count: count, in: transaction)
            return finish(read.messages, isLast: read.isLast, count: count, index: index)
        }
        try search(in: transaction)
    }

    /// XEP-0313 §4.1.3, §4.3.2: every id that is named must be there.
    private func check(in transaction: any Transaction) throws {
        var ids = [query.afterID, query.beforeID].compactMap { $0 } + (query.ids ?? [])
        switch query.position {
        case .after(let id), .before(let id): ids.append(id)
        case .first, .last: break
        }
        for id in ids where try !ArchiveStore.contains(id, archive: selection.archive, in: transaction) {
            throw NotFound()
        }
    }

    private mutating func narrow() {
        switch query.position {
        case .after(let id): selection.after = max(selection.after, id.value)
        case .before(let id): selection.before = min(selection.before, id.value)
        case .first, .last: break
        }
    }

    private func count(_ whole: ArchiveStore.Selection, in transaction: any Transaction) throws -> Int? {
        guard query.words.isEmpty else { return nil }
        // Asked for the number alone, it is told whatever it costs (XEP-0059 §2.6).
        let limit = query.limit == 0 ? Int.max : ArchiveQuery.countLimit + 1
        let count = try ArchiveStore.count(whole, limit: limit, in: transaction)
        return count < limit ? count : nil
    }

    /// How many of the whole stand before a page.
    private func index(
        of messages: [ArchiveStore.Message], _ whole: ArchiveStore.Selection, count: Int?,
        in transaction: any Transaction
    ) throws -> Int? {
        guard let count, let first = messages.first else { return nil }
        switch query.position {
        case .first: return 0
        case .last: return count - messages.count
        case .after, .before:
            var earlier = whole
            earlier.before = min(earlier.before, first.id.value)
            return try ArchiveStore.count(earlier, limit: count, in: transaction)
        }
    }

    private mutating func finish(
        _ messages: [ArchiveStore.Message], isLast: Bool, count: Int?, index: Int? = nil
    ) {
        page = ArchivePage(
            messages: messages.map { ArchivePage.Message(id: $0.id, stanza: $0.stanza) }, isComplete: isLast,
            count: count, index: index)
    }

    /// Messages named one by one: as few as they are, they are all looked at.
    private mutating func finishNamed(in transaction: any Transaction) throws {
        var matching: [MessageID] = []
        for id in Set(query.ids ?? []).sorted() where id.value > selection.after && id.value < selection.before {
            var one = selection
            (one.after, one.before) = (id.value - 1, id.value + 1)
            if try ArchiveStore.count(one, limit: 1, in: transaction) == 1 { matching.append(id) }
        }
        let all = matching
        switch query.position {
        case .after(let id): matching.removeAll { $0 <= id }
        case .before(let id): matching.removeAll { $0 >= id }
        case .first, .last: break
        }
        let chosen = isBackwards ? matching.suffix(query.limit) : matching.prefix(query.limit)
        var messages: [ArchiveStore.Message] = []
        for id in chosen {
            var one = selection
            (one.after, one.before) = (id.value - 1, id.value + 1)
            messages += try ArchiveStore.page(one, backwards: false, limit: 1, bytes: 1, in: transaction).messages
        }
        if !query.words.isEmpty { messages.removeAll { !BodySearch.matches($0.stanza, query.words) } }
        let isCounted = query.words.isEmpty
        finish(
            messages, isLast: chosen.count == matching.count, count: isCounted ? all.count : nil,
            index: isCounted ? chosen.first.flatMap { all.firstIndex(of: $0) } : nil)
    }

    /// Looks through one more chunk.
    private mutating func search(in transaction: any Transaction) throws {
        let chunk = try ArchiveStore.page(
            selection, backwards: isBackwards, limit: ArchiveQuery.searchChunk, bytes: ArchiveQuery.pageBytes,
            in: transaction)
        let hits = chunk.messages.filter { BodySearch.matches($0.stanza, query.words) }
        if isBackwards {
            found = hits + found
            if let first = chunk.messages.first { selection.before = first.id.value }
        } else {
            found += hits
            if let last = chunk.messages.last { selection.after = last.id.value }
        }
        if found.count > query.limit {
            let messages = isBackwards ? found.suffix(query.limit) : found.prefix(query.limit)
            finish(Array(messages), isLast: false, count: nil)
        } else if chunk.isLast {
            finish(found, isLast: true, count: nil)
        }
    }
}

/// Words in the bodies of stored stanzas, without regard to case (XEP-0431).
enum BodySearch {
    /// Whether a body of the message has all the words, which are in lower case.
    static func matches(_ stanza: [UInt8], _ words: [String]) -> Bool {
        // Most messages are no match and are not parsed.
        for word in words
        where word.utf8.allSatisfy({ $0 < 128 && $0 != 38 && $0 != 60 && $0 != 62 && $0 != 34 && $0 != 39 }) {
            guard contains(stanza, Array(word.utf8)) else { return false }
        }
        guard
            let message = stanza.withUnsafeBytes({
                try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
            })
        else { return false }
        return message.elements.contains { body in
            guard body.name == "body", body.namespace == StanzaNamespace.client else { return false }
            let text = body.text.lowercased()
            return words.allSatisfy { text.contains($0) }
        }
    }

    /// Whether the bytes are somewhere in the stanza, letters of ASCII in either case, or the stanza has references, behind
    /// which anything may hide.
    private static func contains(_ stanza: [UInt8], _ word: [UInt8]) -> Bool {
        guard let first = word.first else { return true }
        return stanza.withUnsafeBufferPointer { bytes in
            var index = 0
            while index < bytes.count {
                let byte = bytes[index]
                if byte == 38 || byte >= 128 { return true }
                if lower(byte) == first, index + word.count <= bytes.count {
                    var length = 1
                    while length < word.count, lower(bytes[index + length]) == word[length] { length += 1 }
                    if length == word.count { return true }
                }
                index += 1
            }
            return false
        }
    }

    @inline(__always)
    private static func lower(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 32 : byte }
}
