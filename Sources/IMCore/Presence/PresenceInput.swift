/// One thing that is known about a user's presence: what a source says, since when and until when.
public struct PresenceInput: Sendable, Equatable {
    /// Who says it. Calendars, cloud services and federated servers have no reporters yet; they are inputs like the others.
    public enum Source: Sendable, Hashable, CustomStringConvertible {
        case manual
        case client(String)
        case line(String)
        case calendar(String)
        case cloud(String)
        case remote(String)

        /// `manual`, `client/desk`, `line/+4930123`.
        public var description: String {
            switch self {
            case .manual: "manual"
            case .client(let resource): "client/\(resource)"
            case .line(let device): "line/\(device)"
            case .calendar(let name): "calendar/\(name)"
            case .cloud(let service): "cloud/\(service)"
            case .remote(let domain): "remote/\(domain)"
            }
        }
    }

    /// What a client shows (RFC 6121 §4.7.2.1).
    public enum Show: String, Sendable { case available, chat, away, xa, dnd }

    public enum Line: String, Sendable {
        case idle, ringing
        case onThePhone = "on-the-phone"
        case dnd = "dnd-phone"
    }

    public enum Calendar: String, Sendable {
        case free, tentative, busy
        case outOfOffice = "out-of-office"
        case workingElsewhere = "working-elsewhere"
    }

    public enum Cloud: String, Sendable {
        case active, idle, dnd
        /// Last active too long ago to count.
        case stale
    }

    public enum State: Sendable, Equatable {
        case manual(ManualPresence.State)
        /// - Parameters:
        ///   - idleSince: milliseconds since 1970 (XEP-0319); nil while the user is at it.
        ///   - isMobile: a phone: it never lifts what was set by hand at a desk.
        ///   - isPresenting: its screen is shown to others.
        case client(Show, priority: Int8, idleSince: Int64?, isMobile: Bool, isPresenting: Bool)
        case line(Line)
        case calendar(Calendar)
        case cloud(Cloud)
        /// PIDF basic status and RPID activity, empty for none.
        case remote(isOpen: Bool, activity: String)
    }

    public var source: Source
    public var state: State
    /// Milliseconds since 1970.
    public var since: Int64
    /// Milliseconds since 1970; nil for as long as the source is there.
    public var expires: Int64?
    /// Text for people; empty for none.
    public var note: String

    public init(source: Source, state: State, since: Int64, expires: Int64? = nil, note: String = "") {
        self.source = source
        self.state = state
        self.since = since
        self.expires = expires
        self.note = note
    }

    /// Newest first; what is equally old in the order of its names, so that the result is always the same.
    static func isNewer(_ one: PresenceInput, _ other: PresenceInput) -> Bool {
        one.since == other.since
            ? one.source.description < other.source.description : one.since > other.since
    }

    /// The state in a word, as an explanation names it.
    public var word: String {
        switch state {
        case .manual(let state): state.rawValue
        case .client(let show, _, let idleSince, _, let isPresenting):
            isPresenting ? "presenting" : show.rawValue + (idleSince == nil ? "" : " (idle)")
        case .line(let line): line.rawValue
        case .calendar(let state): state.rawValue
        case .cloud(let state): state.rawValue
        case .remote(let isOpen, let activity): activity.isEmpty ? (isOpen ? "open" : "closed") : activity
        }
    }
}

/// The one status that all sources of a user come to, and why.
public struct ComposedPresence: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case offline
        case doNotDisturb = "do-not-disturb"
        case onThePhone = "on-the-phone"
        case inAMeeting = "in-a-meeting"
        case busy
        case outOfOffice = "out-of-office"
        case away
        case available
    }

    public var state: State
    /// RFC 6121 §4.7.2.1; empty for plain availability and for offline.
    public var show: String
    /// Row of the ladder that decided, 1 … 12.
    public var rule: Int
    /// That row in words.
    public var reason: String
    public var note: String
    /// Milliseconds since 1970: the newest of what matched.
    public var since: Int64
    /// Of a user who is away: when somebody last touched one of his devices.
    public var idleSince: Int64?
    /// What decided, the newest first; empty where nothing is known.
    public var matched: [PresenceInput]

    /// PIDF basic status (RFC 3863 §4.1.4).
    public var isOpen: Bool { state != .offline }

    /// RPID activity (RFC 4480 §3.2) for watchers that speak it; empty for none.
    public var activity: String {
        switch state {
        case .offline, .available: ""
        case .doNotDisturb, .busy: "busy"
        case .onThePhone: "on-the-phone"
        case .inAMeeting: "meeting"
        case .outOfOffice: "vacation"
        case .away: "away"
        }
    }
}
