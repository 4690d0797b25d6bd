import XMLWire

/// Where somebody is registered (RFC 3680, `application/reginfo+xml`).
public struct RegistrationDocument: Sendable, Equatable {
    public static let namespace = "urn:ietf:params:xml:ns:reginfo"
    public static let mediaType = "application/reginfo+xml"

    public enum State: String, Sendable { case initial = "init", active, terminated }

    /// What led to the state of a contact (§5.3).
    public enum Cause: String, Sendable {
        case registered, created, refreshed, shortened, expired, deactivated, probation, unregistered, rejected
    }

    public struct Contact: Sendable, Equatable {
        public var id: String
        public var uri: String
        public var isActive: Bool
        public var cause: Cause
        /// Seconds left.
        public var expires: Int?
        /// Thousandths.
        public var q: Int?

        public init(id: String, uri: String, isActive: Bool, cause: Cause) {
            self.id = id
            self.uri = uri
            self.isActive = isActive
            self.cause = cause
        }
    }

    public var version: Int
    public var isFull = true
    /// Address of record.
    public var record: String
    public var id: String
    public var state: State
    public var contacts: [Contact]

    public init(version: Int, record: String, id: String, state: State, contacts: [Contact]) {
        self.version = version
        self.record = record
        self.id = id
        self.state = state
        self.contacts = contacts
    }

    public init(parsing body: some Sequence<UInt8>, limits: DocumentLimits = .standard) throws(DocumentFault) {
        let root = try XMLDocument.parse(body, limits: limits)
        guard root.name == "reginfo", root.namespace == Self.namespace,
            let registration = root.child("registration", namespace: Self.namespace),
            let state = registration["state"].flatMap(State.init(rawValue:))
        else { throw .malformed("not a reginfo document") }
        let record = registration["aor"] ?? ""
        let id = registration["id"] ?? ""
        self.init(version: root.integer("version") ?? 0, record: record, id: id, state: state, contacts: [])
        isFull = root["state"] != "partial"
        for child in registration.elements where child.name == "contact" {
            guard let id = child["id"], let uri = child.child("uri", namespace: Self.namespace)?.value,
                let cause = child["event"].flatMap(Cause.init(rawValue:))
            else { throw .malformed("a contact without id, event or uri") }
            var contact = Contact(id: id, uri: uri, isActive: child["state"] == "active", cause: cause)
            contact.expires = child.integer("expires")
            if let text = child["q"], let q = Double(text), q >= 0, q <= 1 { contact.q = Int(q * 1_000) }
            contacts.append(contact)
        }
    }

    public var bytes: [UInt8] {
        var writer = DocumentWriter()
        writer.raw("<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\"")
        writer.attribute("version", version)
        writer.raw(isFull ? " state=\"full\"><registration" : " state=\"partial\"><registration")
        writer.attribute("aor", record)
        writer.attribute("id", id)
        writer.attribute("state", state.rawValue)
        writer.raw(">")
        for contact in contacts {
            writer.raw("<contact")
            writer.attribute("id", contact.id)
            writer.raw(contact.isActive ? " state=\"active\"" : " state=\"terminated\"")
            writer.attribute("event", contact.cause.rawValue)
            if let seconds = contact.expires { writer.attribute("expires", seconds) }
            if let q = contact.q {
                let thousandths = String(String(1_000 + max(0, min(q, 999))).dropFirst())
                writer.attribute("q", q >= 1_000 ? "1.0" : "0." + thousandths)
            }
            writer.raw(">")
            writer.element("uri", contact.uri)
            writer.raw("</contact>")
        }
        writer.raw("</registration></reginfo>\n")
        return writer.bytes
    }
}
