import XMLWire

/// When somebody last touched a device (RFC 4480 §3.13).
public struct UserInput: Sendable, Equatable {
    public var isIdle: Bool
    /// RFC 3339; empty for unknown.
    public var last: String

    public init(isIdle: Bool, last: String = "") {
        self.isIdle = isIdle
        self.last = last
    }

    init(_ element: XMLElement) {
        self.init(isIdle: element.value == "idle", last: element["last-input"] ?? "")
    }
}

/// The human being behind a presentity (RFC 4479 §3.4) with what RFC 4480 tells of it.
public struct Person: Sendable, Equatable {
    public static let namespace = "urn:ietf:params:xml:ns:pidf:data-model"
    public static let rpidNamespace = "urn:ietf:params:xml:ns:pidf:rpid"

    public var id: String
    /// Names of RFC 4480 §3.2: `on-the-phone`, `meeting`; of `<other>` its text.
    public var activities: [String] = []
    public var input: UserInput?
    public var notes: [PIDF.Note] = []
    /// RFC 3339; empty for none.
    public var timestamp = ""
    /// Mood, place, and what nobody here knows.
    public var extensions: [XMLElement] = []

    public init(id: String) { self.id = id }

    init(_ element: XMLElement) {
        self.init(id: element["id"] ?? "")
        for case .element(let child) in element.children {
            switch (child.name, child.namespace) {
            case ("activities", Self.rpidNamespace): activities += Self.activities(child)
            case ("user-input", Self.rpidNamespace): input = UserInput(child)
            case ("note", Self.namespace): notes.append(PIDF.Note(child))
            case ("timestamp", Self.namespace): timestamp = child.value
            default: extensions.append(child)
            }
        }
    }

    static func activities(_ element: XMLElement) -> [String] {
        element.elements.compactMap { child in
            guard child.name != "note" else { return nil }
            return child.name == "other" ? child.value : child.name
        }
    }

    public func write(to writer: inout DocumentWriter) {
        writer.raw("<dm:person")
        writer.attribute("id", id)
        writer.raw(">")
        if !activities.isEmpty {
            writer.raw("<rpid:activities>")
            for activity in activities {
                if let known = RPID.activities[activity] {
                    writer.raw("<rpid:")
                    writer.raw(known)
                    writer.raw("/>")
                } else {
                    writer.raw("<rpid:other>")
                    writer.text(activity)
                    writer.raw("</rpid:other>")
                }
            }
            writer.raw("</rpid:activities>")
        }
        if let input {
            writer.raw("<rpid:user-input")
            if !input.last.isEmpty { writer.attribute("last-input", input.last) }
            writer.raw(input.isIdle ? ">idle</rpid:user-input>" : ">active</rpid:user-input>")
        }
        for element in extensions { writer.element(element, inside: PIDF.namespace) }
        for note in notes { note.write("dm:note", to: &writer) }
        if !timestamp.isEmpty { writer.element("dm:timestamp", timestamp) }
        writer.raw("</dm:person>")
    }
}

/// Rich presence (RFC 4480).
public enum RPID {
    /// §3.2.
    static let activities: [String: StaticString] = [
        "appointment": "appointment", "away": "away", "breakfast": "breakfast", "busy": "busy", "dinner": "dinner",
        "holiday": "holiday", "in-transit": "in-transit", "looking-for-work": "looking-for-work", "lunch": "lunch",
        "meal": "meal", "meeting": "meeting", "on-the-phone": "on-the-phone", "performance": "performance",
        "permanent-absence": "permanent-absence", "playing": "playing", "presentation": "presentation",
        "shopping": "shopping", "sleeping": "sleeping", "spectator": "spectator", "steering": "steering",
        "travel": "travel", "tv": "tv", "unknown": "unknown", "vacation": "vacation", "working": "working",
        "worship": "worship",
    ]

    public static func isActivity(_ name: String) -> Bool { activities[name] != nil }
}
