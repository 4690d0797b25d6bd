/// What became of messages with an id, the newest last.
public struct AdminMessageExplanations: Codable, Sendable, Equatable {
    public var messages: [AdminMessageExplanation]

    public init(messages: [AdminMessageExplanation]) {
        self.messages = messages
    }
}

public struct AdminMessageExplanation: Codable, Sendable, Equatable {
    public struct Step: Codable, Sendable, Equatable {
        public var at: String
        /// `accepted`, `locked`, `handed`, `held`, `stored`, `parked`, `settled`, `refused`, `dropped`.
        public var what: String
        /// Whose step it is: the sender, a client, an account.
        public var who: String
        /// Of an accepted or a refused message its recipient.
        public var recipient: String
        public var note: String

        public init(at: String, what: String, who: String, recipient: String, note: String) {
            self.at = at
            self.what = what
            self.who = who
            self.recipient = recipient
            self.note = note
        }
    }

    /// As stanzas name it (XEP-0359).
    public var id: String
    public var accepted: String
    public var sender: String?
    public var recipient: String?
    /// One sentence: where it is now.
    public var state: String
    /// Empty when that is longer ago than the server remembers.
    public var steps: [Step]
    /// Whose undelivered message it is; nil when none.
    public var waitingFor: String?
    /// Clients that have it and have not acknowledged it.
    public var inFlight: [String]
    /// Accounts whose archives have it.
    public var archives: [String]
    public var isRetracted: Bool

    public init(
        id: String, accepted: String, sender: String?, recipient: String?, state: String, steps: [Step],
        waitingFor: String?, inFlight: [String], archives: [String], isRetracted: Bool
    ) {
        self.id = id
        self.accepted = accepted
        self.sender = sender
        self.recipient = recipient
        self.state = state
        self.steps = steps
        self.waitingFor = waitingFor
        self.inFlight = inFlight
        self.archives = archives
        self.isRetracted = isRetracted
    }
}

/// Whose stanzas are to be shown.
public struct AdminTraceRequest: Codable, Sendable, Equatable {
    /// A full address for one client, a bare one for an account, a domain for everybody there.
    public var jid: String
    /// `message`, `presence`, `iq`; every kind when empty or left out.
    public var kinds: [String]?
    /// Whether texts are shown, which the audit records. Passwords and tokens never are.
    public var bodies: Bool?

    public init(jid: String, kinds: [String]? = nil, bodies: Bool? = nil) {
        self.jid = jid
        self.kinds = kinds
        self.bodies = bodies
    }
}

/// A trace that runs.
public struct AdminTrace: Codable, Sendable, Equatable {
    public var id: String

    public init(id: String) {
        self.id = id
    }
}

public struct AdminTraceEvent: Codable, Sendable, Equatable {
    /// Counts up from 1; a gap means that events were left out.
    public var number: Int
    public var at: String
    /// `received` or `sent`, seen from the server.
    public var direction: String
    /// Full address of the client.
    public var client: String
    /// `message`, `presence`, `iq`.
    public var kind: String
    /// As it passed, with what is secret left out.
    public var stanza: String

    public init(number: Int, at: String, direction: String, client: String, kind: String, stanza: String) {
        self.number = number
        self.at = at
        self.direction = direction
        self.client = client
        self.kind = kind
        self.stanza = stanza
    }
}

public struct AdminTraceEvents: Codable, Sendable, Equatable {
    public var events: [AdminTraceEvent]
    /// `after` of the next request.
    public var next: Int

    public init(events: [AdminTraceEvent], next: Int) {
        self.events = events
        self.next = next
    }
}
