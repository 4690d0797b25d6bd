import Ground
import IMCore
import PresenceWire

/// The document that SIP watchers get of a user: XMPP clients, publications and the composed status in one (RFC 3863, 4479, 4480).
public struct PresentityDocument {
    /// One available XMPP client.
    public struct Client: Sendable, Equatable {
        public var resource: String
        /// Empty for plain availability.
        public var show: String
        public var status: String
        /// `xml:lang` of the status; empty for none.
        public var language = ""
        public var priority: Int8
        /// Milliseconds since 1970.
        public var since: Int64
        /// XEP-0319; nil while the user is at it.
        public var idleSince: Int64?

        public init(
            resource: String, show: String, status: String, priority: Int8, since: Int64, idleSince: Int64? = nil
        ) {
            self.resource = resource
            self.show = show
            self.status = status
            self.priority = priority
            self.since = since
            self.idleSince = idleSince
        }
    }

    /// What was published, as it came.
    public struct Published: Sendable, Equatable {
        public var isLine: Bool
        public var body: [UInt8]

        public init(isLine: Bool, body: [UInt8]) {
            self.isLine = isLine
            self.body = body
        }
    }

    /// `user@domain`, as it stands in URIs.
    public var address: String
    public var clients: [Client]
    public var published: [Published]
    public var composed: ComposedPresence
    /// A status set by hand, or a call, goes before what each client says.
    public var isOverruled: Bool

    public init(
        address: String, clients: [Client], published: [Published], composed: ComposedPresence, isOverruled: Bool
    ) {
        self.address = address
        self.clients = clients
        self.published = published
        self.composed = composed
        self.isOverruled = isOverruled
    }

    public var entity: String { "pres:" + address }

    public var bytes: [UInt8] {
        // What one client publishes of itself goes as it is, with everything that nobody here knows.
        if clients.isEmpty, !isOverruled, published.count == 1, !published[0].isLine { return published[0].body }
        guard composed.isOpen else { return PIDF.closed(entity) }
        var document = PIDF(entity: entity)
        for client in clients { document.tuples.append(tuple(client)) }
        var person = Person(id: "composed")
        for (index, publication) in published.enumerated() {
            guard !publication.isLine, let other = try? PIDF(parsing: publication.body) else { continue }
            document.add(other, index, &person)
        }
        if document.tuples.isEmpty {
            // Only a telephone, or a session elsewhere, speaks for the user.
            var tuple = PIDF.Tuple(id: "ID-elsewhere", isOpen: true)
            tuple.contact = "sip:" + address
            document.tuples.append(tuple)
        }
        if isOverruled {
            for index in document.tuples.indices where document.tuples[index].isOpen == true {
                overrule(&document.tuples[index])
            }
        }
        let words = composed.note.isEmpty ? Self.words(composed.state) : composed.note
        // Watchers that read nothing but tuples learn it too.
        for index in document.tuples.indices
        where document.tuples[index].notes.isEmpty && document.tuples[index].isOpen == true && !words.isEmpty {
            document.tuples[index].notes = [PIDF.Note(words)]
        }
        if !composed.activity.isEmpty { person.activities = [composed.activity] }
        if let idle = composed.idleSince { person.input = UserInput(isIdle: true, last: Timestamp.format(idle)) }
        if !words.isEmpty { person.notes = [PIDF.Note(words)] }
        if composed.since > 0 { person.timestamp = Timestamp.format(composed.since) }
        document.persons = [person]
        return document.bytes
    }

    private func overrule(_ tuple: inout PIDF.Tuple) {
        tuple.show = composed.show
        if !composed.words.isEmpty { tuple.notes = [PIDF.Note(composed.words)] }
    }

    private func tuple(_ client: Client) -> PIDF.Tuple {
        var tuple = PIDF.Tuple(id: Self.tupleID(client.resource), isOpen: true)
        tuple.show = client.show
        if client.priority >= 0 {
            tuple.contact = "sip:\(address);gr=\(Self.escaped(client.resource))"
            tuple.priority = Self.contactPriority(client.priority)
        }
        if !client.status.isEmpty { tuple.notes = [PIDF.Note(client.status, language: client.language)] }
        if client.since > 0 { tuple.timestamp = Timestamp.format(client.since) }
        return tuple
    }

    /// RFC 8048 §6: an xs:ID made of the resource, which may be of any characters.
    public static func tupleID(_ resource: String) -> String {
        var id = "ID-"
        for byte in resource.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."):
                id.unicodeScalars.append(Unicode.Scalar(byte))
            default: id += "_" + String(byte, radix: 16)
            }
        }
        return id
    }

    /// RFC 8048 §6: 0 … 127 as 0 … 1 with at most three decimals.
    public static func contactPriority(_ priority: Int8) -> String {
        let thousandths = (Int(max(0, priority)) * 1_000 + 63) / 127
        if thousandths >= 1_000 { return "1" }
        if thousandths == 0 { return "0" }
        var text = String(String(1_000 + thousandths).dropFirst())
        while text.hasSuffix("0") { text.removeLast() }
        return "0." + text
    }

    /// And back; nil for what is no priority.
    public static func priority(ofContact text: String) -> Int8? {
        guard let value = Double(text), value >= 0, value <= 1 else { return nil }
        return Int8((value * 127).rounded())
    }

    private static func escaped(_ resource: String) -> String {
        var text = ""
        for byte in resource.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
                UInt8(ascii: "!"), UInt8(ascii: "*"), UInt8(ascii: "("), UInt8(ascii: ")"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "%" + String(UInt16(byte) + 256, radix: 16, uppercase: true).dropFirst()
            }
        }
        return text
    }

    static func words(_ state: ComposedPresence.State) -> String {
        switch state {
        case .offline, .available: ""
        case .doNotDisturb: "Do not disturb"
        case .onThePhone: "On the phone"
        case .inAMeeting: "In a meeting"
        case .busy: "Busy"
        case .outOfOffice: "Out of office"
        case .away: "Away"
        }
    }
}

extension PIDF {
    /// Takes over what another document says; tuples of the same id get another one.
    fileprivate mutating func add(_ other: PIDF, _ index: Int, _ person: inout Person) {
        for var tuple in other.tuples {
            if tuples.contains(where: { $0.id == tuple.id }) { tuple.id = "p\(index)-" + tuple.id }
            guard !tuples.contains(where: { $0.id == tuple.id }) else { continue }
            tuples.append(tuple)
        }
        for element in other.extensions where extensions.count < 32 { extensions.append(element) }
        for other in other.persons where person.extensions.count < 32 { person.extensions += other.extensions }
    }
}
