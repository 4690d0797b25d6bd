import DequeModule
import IMCore

/// What waits for an inactive client (XEP-0352), in the order in which it will go out.
final class HeldStanzas {
    struct Stanza {
        var bytes: [UInt8]
        var entry: JournalEntry?
        fileprivate var isDropped = false
    }

    /// Bytes that wait before all of it is sent.
    static let byteLimit = 262_144

    private var stanzas: Deque<Stanza> = []
    /// Place in `stanzas` of the last word about something, such as the availability of an address.
    private var latest: [[UInt8]: Int] = [:]
    private var dropped = 0
    private(set) var bytes = 0
    /// Journalled messages with something to read are among them.
    private(set) var hasMessages = false

    var count: Int { stanzas.count - dropped }
    /// With those that were dropped.
    var places: Int { stanzas.count }

    /// Messages that only wait: neither sent nor settled by this client.
    var entries: [JournalEntry] { stanzas.compactMap(\.entry) }

    func append(_ bytes: [UInt8], _ entry: JournalEntry?, _ importance: StanzaImportance) {
        switch importance {
        case .availability(let subject): replace(subject)
        // A message that somebody counts on is not dropped.
        case .latest(let subject) where entry == nil: replace(subject)
        case .latest, .message, .unimportant, .urgent: break
        }
        if importance == .message { hasMessages = true }
        stanzas.append(Stanza(bytes: bytes, entry: entry))
        self.bytes += bytes.count
    }

    /// The next stanza is the last word about a subject.
    private func replace(_ subject: [UInt8]) {
        if let place = latest[subject] { drop(place) }
        latest[subject] = stanzas.count
    }

    /// A later word about the same has come.
    private func drop(_ place: Int) {
        bytes -= stanzas[place].bytes.count
        stanzas[place] = Stanza(bytes: [], entry: nil, isDropped: true)
        dropped += 1
    }

    /// Places of what was dropped are given up once they are many.
    func compact() {
        guard dropped > 64, dropped > stanzas.count / 2 else { return }
        var places: [Int: Int] = [:]
        var kept: Deque<Stanza> = []
        for (place, stanza) in stanzas.enumerated() where !stanza.isDropped {
            places[place] = kept.count
            kept.append(stanza)
        }
        stanzas = kept
        dropped = 0
        latest = latest.compactMapValues { places[$0] }
    }

    func takeAll() -> [Stanza] {
        let all = stanzas.filter { !$0.isDropped }
        stanzas = []
        latest = [:]
        dropped = 0
        bytes = 0
        hasMessages = false
        return Array(all)
    }
}
