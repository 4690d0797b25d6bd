import Ground
import IMCore
import PresenceWire

/// What a presence document means to the core, and the other way round (RFC 8048 §5, RFC 4480; the table of activities is that of
/// docs/presence-status.md).
public enum ActivityMapping {
    /// Longest note that is taken over, in characters.
    static let noteLength = 1_024

    /// What an activity of RFC 4480 §3.2 is in `<show/>`; nil for one that says nothing of availability.
    public static func show(of activity: String) -> PresenceInput.Show? {
        switch activity {
        case "busy", "performance", "presentation", "on-the-phone", "dnd": .dnd
        case "away", "meal", "breakfast", "lunch", "dinner", "in-transit", "travel", "steering", "sleeping", "meeting",
            "appointment":
            .away
        case "vacation", "holiday", "permanent-absence": .xa
        default: nil
        }
    }

    /// The activity that a status is told with; empty for plain availability.
    public static func activity(ofShow show: String) -> String {
        switch show {
        case "dnd": "busy"
        case "away", "xa": "away"
        default: ""
        }
    }

    /// What the publication of a SIP client says. Nothing while it is closed.
    ///
    /// - Parameter since: milliseconds since 1970.
    public static func inputs(of document: PIDF, client name: String, since: Int64) -> [PresenceInput] {
        let activities = allActivities(document)
        let isOpen = document.tuples.contains { $0.isOpen == true }
        // A person without any tuple is somebody who is there.
        let isMissing = document.tuples.allSatisfy { $0.isOpen == nil } && !activities.isEmpty
        guard isOpen || isMissing else { return [] }
        var show = document.tuples.lazy.compactMap { PresenceInput.Show(rawValue: $0.show) }.first
        var inputs: [PresenceInput] = []
        let text = note(of: document)
        for activity in activities {
            switch activity {
            case "on-the-phone":
                inputs.append(PresenceInput(source: .line(name), state: .line(.onThePhone), since: since, note: text))
            case "meeting", "appointment":
                inputs.append(PresenceInput(source: .calendar(name), state: .calendar(.busy), since: since, note: text))
            default: if show == nil { show = Self.show(of: activity) }
            }
        }
        let client = PresenceInput.State.client(
            show ?? .available, priority: 0, idleSince: idle(of: document, since), isMobile: false,
            isPresenting: activities.contains("presentation"))
        inputs.append(PresenceInput(source: .client(name), state: client, since: since, note: text))
        return inputs
    }

    /// What a call manager publishes of one telephone.
    public static func inputs(of document: PIDF, line device: String, since: Int64) -> [PresenceInput] {
        let activities = allActivities(document)
        let text = note(of: document)
        let state: PresenceInput.Line
        if activities.contains("on-the-phone") {
            state = .onThePhone
        } else if activities.contains("dnd") {
            state = .dnd
        } else if activities.contains("busy") {
            // Some exchanges have one word for ringing and talking, and tell them apart in the note.
            state = text.lowercased().contains("ringing") ? .ringing : .onThePhone
        } else {
            state = .idle
        }
        let isPlain = state == .idle || state == .ringing
        return [PresenceInput(source: .line(device), state: .line(state), since: since, note: isPlain ? "" : text)]
    }

    /// The same of its calls (RFC 4235).
    public static func inputs(of calls: DialogInfo, line device: String, since: Int64) -> [PresenceInput] {
        let state: PresenceInput.Line = calls.isOnThePhone ? .onThePhone : calls.isRinging ? .ringing : .idle
        return [PresenceInput(source: .line(device), state: .line(state), since: since)]
    }

    private static func allActivities(_ document: PIDF) -> [String] {
        document.persons.flatMap(\.activities) + document.tuples.flatMap(\.activities)
    }

    private static func idle(of document: PIDF, _ since: Int64) -> Int64? {
        let input =
            document.persons.lazy.compactMap(\.input).first ?? document.tuples.lazy.compactMap(\.input).first
        guard let input, input.isIdle else { return nil }
        return Timestamp.parse(input.last)?.floor ?? since
    }

    static func note(of document: PIDF) -> String {
        let notes =
            document.persons.flatMap(\.notes) + document.tuples.flatMap(\.notes) + document.notes
        guard let text = notes.first(where: { !$0.text.isEmpty })?.text else { return "" }
        let clean = text.unicodeScalars.filter { $0.value >= 32 || $0 == "\n" }
        return String(String(String.UnicodeScalarView(clean)).prefix(noteLength))
    }
}
