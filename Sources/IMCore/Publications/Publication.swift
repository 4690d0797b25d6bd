import Ground
import Storage
import XMPPWire

/// What a source other than an XMPP client says about a user's presence, until it runs out: a document that a SIP client or a
/// call manager's trunk has published (RFC 3903), or what a presence gateway notified.
///
/// It belongs to the user's home. `inputs` is what it means to the composer; the document is kept as it came for watchers
/// that understand more of it than the composer does.
public final class Publication {
    /// The event package it was published for.
    public enum Event: Int64, Sendable { case presence, dialog }

    /// `client` for a SIP client of the user, `line` for a telephone; unique among the publications of a user.
    public let source: PresenceInput.Source
    public let event: Event
    /// As it came; empty where only the state is known.
    public internal(set) var document: [UInt8]
    public internal(set) var inputs: [PresenceInput]
    /// Milliseconds since 1970.
    public internal(set) var expires: Int64
    /// Entity-tag (RFC 3903 §4.1), hexadecimal: changes with every successful PUBLISH.
    public private(set) var tag: [UInt8]

    /// One for all tags of the publication.
    let stem: UInt64
    private var count: UInt32
    /// Read from the store, where the tag may be one of an earlier PUBLISH: refreshing alone is not written each time.
    private var isRestored = false
    /// What the store has for `expires`; 0 for nothing.
    var storedExpires: Int64 = 0
    /// Waits to be written.
    var isDirty = false

    public init(
        source: PresenceInput.Source, event: Event, document: [UInt8], inputs: [PresenceInput], expires: Int64,
        stem: UInt64
    ) {
        self.source = source
        self.event = event
        self.document = document
        self.inputs = inputs
        self.expires = expires
        self.stem = stem
        count = 1
        tag = Self.tag(stem, 1)
    }

    init(_ record: PublicationRecord) {
        source = record.source
        event = record.event
        document = record.document
        inputs = record.inputs
        expires = record.expires
        storedExpires = record.expires
        stem = UInt64(bitPattern: record.stem)
        count = UInt32(clamping: record.count)
        tag = Self.tag(stem, count)
        isRestored = true
    }

    /// Whether a client's `SIP-If-Match` means this publication as it is.
    public func matches(_ other: some Collection<UInt8>) -> Bool {
        if other.elementsEqual(tag) { return true }
        guard isRestored, other.count <= 32 else { return false }
        // After a restart a tag that was given later than the stored one is as good.
        let parts = String(decoding: other, as: UTF8.self).split(separator: "-")
        return parts.count == 2 && UInt64(parts[0], radix: 16) == stem
            && UInt32(parts[1], radix: 16).map { $0 >= count } ?? false
    }

    func retag() {
        count &+= 1
        isRestored = false
        tag = Self.tag(stem, count)
    }

    var record: PublicationRecord {
        PublicationRecord(
            source: source, event: event, document: document, inputs: inputs, expires: storedExpires,
            stem: Int64(bitPattern: stem), count: Int64(count))
    }

    private static func tag(_ stem: UInt64, _ count: UInt32) -> [UInt8] {
        Array((String(stem, radix: 16) + "-" + String(count, radix: 16)).utf8)
    }
}

/// One row.
struct PublicationRecord: Sendable {
    var source: PresenceInput.Source
    var event: Publication.Event
    var document: [UInt8]
    var inputs: [PresenceInput]
    var expires: Int64
    var stem: Int64
    var count: Int64
}

extension PresenceInput.Source {
    /// What `description` writes.
    init?(stored text: String) {
        if text == "manual" {
            self = .manual
            return
        }
        guard let slash = text.firstIndex(of: "/") else { return nil }
        let name = String(text[text.index(after: slash)...])
        switch text[..<slash] {
        case "client": self = .client(name)
        case "line": self = .line(name)
        case "calendar": self = .calendar(name)
        case "cloud": self = .cloud(name)
        case "remote": self = .remote(name)
        default: return nil
        }
    }
}

extension PresenceInput {
    private static let field = "\u{1F}"

    /// One line of the store: fields behind each other.
    var stored: String {
        let fields: [String]
        switch state {
        case .manual(let state): fields = ["m", state.rawValue]
        case .client(let show, let priority, let idle, let isMobile, let isPresenting):
            fields = [
                "c", show.rawValue, String(priority), idle.map { String($0) } ?? "", isMobile ? "1" : "",
                isPresenting ? "1" : "",
            ]
        case .line(let line): fields = ["l", line.rawValue]
        case .calendar(let state): fields = ["k", state.rawValue]
        case .cloud(let state): fields = ["u", state.rawValue]
        case .remote(let isOpen, let activity): fields = ["r", isOpen ? "1" : "", activity]
        }
        // Control characters are no part of XML text.
        return ([source.description, String(since), note] + fields).joined(separator: Self.field)
    }

    init?(stored text: String) {
        let fields = text.split(separator: Self.field, omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 5, let source = Source(stored: fields[0]), let since = Int64(fields[1]) else {
            return nil
        }
        let word = fields[4]
        let state: State?
        switch fields[3] {
        case "m": state = ManualPresence.State(rawValue: word).map { .manual($0) }
        case "c" where fields.count == 9:
            state = Show(rawValue: word).map {
                .client(
                    $0, priority: Int8(fields[5]) ?? 0, idleSince: Int64(fields[6]), isMobile: !fields[7].isEmpty,
                    isPresenting: !fields[8].isEmpty)
            }
        case "l": state = Line(rawValue: word).map { .line($0) }
        case "k": state = Calendar(rawValue: word).map { .calendar($0) }
        case "u": state = Cloud(rawValue: word).map { .cloud($0) }
        case "r": state = .remote(isOpen: !word.isEmpty, activity: fields.count > 5 ? fields[5] : "")
        default: state = nil
        }
        guard let state else { return nil }
        self.init(source: source, state: state, since: since, note: fields[2])
    }
}
