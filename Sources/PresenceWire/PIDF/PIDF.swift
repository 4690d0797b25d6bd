import XMLWire

/// A presence document (RFC 3863) with the person of the data model (RFC 4479) and its rich presence (RFC 4480).
///
/// What is not known is kept, and written again where it stood: in a tuple's status, in a tuple, in a person, beside them.
public struct PIDF: Sendable, Equatable {
    public static let namespace = "urn:ietf:params:xml:ns:pidf"
    public static let mediaType = "application/pidf+xml"
    public static let jabberNamespace = "jabber:client"

    public struct Note: Sendable, Equatable {
        public var text: String
        /// `xml:lang`; empty for none.
        public var language: String

        public init(_ text: String, language: String = "") {
            self.text = text
            self.language = language
        }
    }

    /// One way to reach the presentity (RFC 3863 §4.1.3).
    public struct Tuple: Sendable, Equatable {
        public var id: String
        /// `<basic/>`; nil where the status has none.
        public var isOpen: Bool?
        /// RFC 8048 §6: `<show xmlns='jabber:client'/>` in the status; empty for none.
        public var show = ""
        /// URI; empty for none.
        public var contact = ""
        /// 0 … 1 with at most three decimals, as text; empty for none.
        public var priority = ""
        public var notes: [Note] = []
        /// RFC 3339; empty for none.
        public var timestamp = ""
        /// RFC 4480, in the tuple as older software writes it.
        public var activities: [String] = []
        public var input: UserInput?
        /// In the status.
        public var statusExtensions: [XMLElement] = []
        /// In the tuple.
        public var extensions: [XMLElement] = []

        public init(id: String, isOpen: Bool?) {
            self.id = id
            self.isOpen = isOpen
        }
    }

    /// `pres:` or `sip:` URI of the presentity.
    public var entity: String
    public var tuples: [Tuple] = []
    public var notes: [Note] = []
    public var persons: [Person] = []
    /// Devices, and whatever else stands beside tuples and persons.
    public var extensions: [XMLElement] = []

    public init(entity: String) { self.entity = entity }

    // MARK: Reading

    public init(parsing body: some Sequence<UInt8>, limits: DocumentLimits = .standard) throws(DocumentFault) {
        try self.init(XMLDocument.parse(body, limits: limits))
    }

    public init(_ root: XMLElement) throws(DocumentFault) {
        guard root.name == "presence", root.namespace == Self.namespace else {
            throw .malformed("not a presence document")
        }
        guard let entity = root["entity"], !entity.isEmpty else { throw .malformed("entity is missing") }
        self.entity = entity
        for case .element(let child) in root.children {
            switch (child.name, child.namespace) {
            case ("tuple", Self.namespace): tuples.append(try Tuple(child))
            case ("note", Self.namespace): notes.append(Note(child))
            case ("person", Person.namespace): persons.append(Person(child))
            default: extensions.append(child)
            }
        }
    }

    // MARK: Writing

    public var bytes: [UInt8] {
        var writer = DocumentWriter()
        Self.open(entity, &writer)
        for tuple in tuples { tuple.write(to: &writer) }
        for note in notes { note.write("note", to: &writer) }
        for person in persons { person.write(to: &writer) }
        for element in extensions { writer.element(element, inside: Self.namespace) }
        writer.raw("</presence>\n")
        return writer.bytes
    }

    /// The start tag with every prefix that this package writes.
    static func open(_ entity: String, _ writer: inout DocumentWriter) {
        writer.raw(
            "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\"")
        writer.raw(" xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\"")
        writer.attribute("entity", entity)
        writer.raw(">")
    }

    /// The document of somebody who is not there, or whom a watcher may not see: one closed tuple and nothing else.
    public static func closed(_ entity: String) -> [UInt8] {
        var writer = DocumentWriter(capacity: 256)
        writer.raw("<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"")
        writer.attribute("entity", entity)
        writer.raw("><tuple id=\"offline\"><status><basic>closed</basic></status></tuple></presence>\n")
        return writer.bytes
    }
}

extension PIDF.Note {
    init(_ element: XMLElement) {
        self.init(element.text, language: element["xml:lang"] ?? "")
    }

    func write(_ name: StaticString, to writer: inout DocumentWriter) {
        writer.raw("<")
        writer.raw(name)
        if !language.isEmpty { writer.attribute("xml:lang", language) }
        writer.raw(">")
        writer.text(text)
        writer.raw("</")
        writer.raw(name)
        writer.raw(">")
    }
}

extension PIDF.Tuple {
    init(_ element: XMLElement) throws(DocumentFault) {
        self.init(id: element["id"] ?? "", isOpen: nil)
        guard !id.isEmpty else { throw .malformed("a tuple has no id") }
        for case .element(let child) in element.children {
            switch (child.name, child.namespace) {
            case ("status", PIDF.namespace): try readStatus(child)
            case ("contact", PIDF.namespace):
                contact = child.value
                priority = child["priority"] ?? ""
            case ("note", PIDF.namespace): notes.append(PIDF.Note(child))
            case ("timestamp", PIDF.namespace): timestamp = child.value
            default: readExtension(child, isInStatus: false)
            }
        }
    }

    private mutating func readStatus(_ status: XMLElement) throws(DocumentFault) {
        for case .element(let child) in status.children {
            switch (child.name, child.namespace) {
            case ("basic", PIDF.namespace):
                switch child.value {
                case "open": isOpen = true
                case "closed": isOpen = false
                default: throw .malformed("basic is neither open nor closed")
                }
            case ("show", PIDF.jabberNamespace): show = child.value
            default: readExtension(child, isInStatus: true)
            }
        }
    }

    private mutating func readExtension(_ child: XMLElement, isInStatus: Bool) {
        if child.namespace == Person.rpidNamespace {
            if child.name == "activities" { activities += Person.activities(child) }
            if child.name == "user-input" { input = UserInput(child) }
        }
        if isInStatus { statusExtensions.append(child) } else { extensions.append(child) }
    }

    /// Extensions are written as they were read; `activities` and `input` are in them.
    public func write(to writer: inout DocumentWriter) {
        writer.raw("<tuple")
        writer.attribute("id", id)
        writer.raw("><status>")
        if let isOpen { writer.raw(isOpen ? "<basic>open</basic>" : "<basic>closed</basic>") }
        if !show.isEmpty {
            writer.raw("<show xmlns=\"jabber:client\">")
            writer.text(show)
            writer.raw("</show>")
        }
        for element in statusExtensions { writer.element(element, inside: PIDF.namespace) }
        writer.raw("</status>")
        for element in extensions { writer.element(element, inside: PIDF.namespace) }
        if !contact.isEmpty {
            writer.raw("<contact")
            if !priority.isEmpty { writer.attribute("priority", priority) }
            writer.raw(">")
            writer.text(contact)
            writer.raw("</contact>")
        }
        for note in notes { note.write("note", to: &writer) }
        if !timestamp.isEmpty { writer.element("timestamp", timestamp) }
        writer.raw("</tuple>")
    }
}
