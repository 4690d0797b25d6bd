/// Why something is as it is: presence, messages, and stanzas as they pass.
///
/// Every explanation comes from the values that the decisions themselves return.
public protocol AdminExplain: Sendable {
    /// - Parameters:
    ///   - viewer: an address here or elsewhere.
    ///   - target: an account here.
    func explainPresence(viewer: String, target: String) async throws -> AdminPresenceExplanation
    /// - Parameter id: the id that the server gave (XEP-0359), or that of the sender's client.
    func explainMessage(_ id: String) async throws -> AdminMessageExplanations
    /// The presence of a user as the server sees it.
    func userPresence(_ jid: String) async throws -> AdminUserPresence
    /// Sets the status of a user by hand, or removes it (nil).
    func setUserStatus(_ status: AdminStatusChange?, of jid: String) async throws
    func beginTrace(_ request: AdminTraceRequest) async throws -> AdminTrace
    /// What has passed after `after`; waits up to `seconds` while there is nothing.
    func traceEvents(_ id: String, after: Int, seconds: Int) async throws -> AdminTraceEvents
    func endTrace(_ id: String) async throws
}

/// A status and what it is made of.
public struct AdminComposedStatus: Codable, Sendable, Equatable {
    public struct Source: Codable, Sendable, Equatable {
        /// `manual`, `client/desk`.
        public var source: String
        public var state: String
        public var since: String
        /// What it says; empty for nothing.
        public var note: String

        public init(source: String, state: String, since: String, note: String) {
            self.source = source
            self.state = state
            self.since = since
            self.note = note
        }
    }

    /// `available`, `away`, `busy`, `do-not-disturb`, `on-the-phone`, `in-a-meeting`, `out-of-office`, `offline`.
    public var state: String
    /// As XMPP says it; empty for plain availability and offline.
    public var show: String
    public var note: String
    /// The line of docs/presence-status.md that decided, 1 … 12.
    public var rule: Int
    public var reason: String
    /// What matched that line, the newest first.
    public var sources: [Source]

    public init(state: String, show: String, note: String, rule: Int, reason: String, sources: [Source]) {
        self.state = state
        self.show = show
        self.note = note
        self.rule = rule
        self.reason = reason
        self.sources = sources
    }
}

/// A status set by hand.
public struct AdminManualStatus: Codable, Sendable, Equatable {
    public var state: String
    public var note: String
    public var since: String
    public var until: String?
    /// `user` or `administrator`.
    public var by: String

    public init(state: String, note: String, since: String, until: String?, by: String) {
        self.state = state
        self.note = note
        self.since = since
        self.until = until
        self.by = by
    }
}

/// One available client.
public struct AdminClientPresence: Codable, Sendable, Equatable {
    public var resource: String
    public var show: String
    public var priority: Int
    public var since: String
    /// The stanza that watchers see; nil while the user appears offline.
    public var shown: String?
    /// A change waits for its turn.
    public var isWaiting: Bool

    public init(resource: String, show: String, priority: Int, since: String, shown: String?, isWaiting: Bool) {
        self.resource = resource
        self.show = show
        self.priority = priority
        self.since = since
        self.shown = shown
        self.isWaiting = isWaiting
    }
}

public struct AdminUserPresence: Codable, Sendable, Equatable {
    public var jid: String
    public var status: AdminComposedStatus
    public var manual: AdminManualStatus?
    public var clients: [AdminClientPresence]

    public init(
        jid: String, status: AdminComposedStatus, manual: AdminManualStatus?, clients: [AdminClientPresence]
    ) {
        self.jid = jid
        self.status = status
        self.manual = manual
        self.clients = clients
    }
}

/// What a viewer sees of somebody, and why.
public struct AdminPresenceExplanation: Codable, Sendable, Equatable {
    public struct Line: Codable, Sendable, Equatable {
        /// `account`, `target-sharing`, `viewer-sharing`, `target-rules`, `viewer-rules`, `relation`.
        public var question: String
        /// `passed`, `allowed`, `denied`, `not-asked`.
        public var outcome: String
        /// Stable name of the reason.
        public var code: String
        public var text: String

        public init(question: String, outcome: String, code: String, text: String) {
            self.question = question
            self.outcome = outcome
            self.code = code
            self.text = text
        }
    }

    public var viewer: String
    public var target: String
    /// Whether the viewer may see the target's availability.
    public var isVisible: Bool
    /// The questions in the order in which they are asked; the first one that says no decides.
    public var lines: [Line]
    /// `none`, `to`, `from`, `both`, as the rosters say; nil for no entry.
    public var subscriptionAtTarget: String?
    public var subscriptionAtViewer: String?
    /// What would become of a subscription request now; nil for the own account.
    public var request: String?
    /// As the viewer gets it.
    public var status: AdminComposedStatus
    /// As it is.
    public var actual: AdminComposedStatus
    public var manual: AdminManualStatus?
    public var clients: [AdminClientPresence]
    /// What is known of the target beside XMPP clients.
    public var publications: [AdminSIPPublication]
    /// SIP subscriptions of the viewer to the target.
    public var subscriptions: [AdminSIPSubscription]

    public init(
        viewer: String, target: String, isVisible: Bool, lines: [Line], subscriptionAtTarget: String?,
        subscriptionAtViewer: String?, request: String?, status: AdminComposedStatus, actual: AdminComposedStatus,
        manual: AdminManualStatus?, clients: [AdminClientPresence], publications: [AdminSIPPublication] = [],
        subscriptions: [AdminSIPSubscription] = []
    ) {
        self.viewer = viewer
        self.target = target
        self.isVisible = isVisible
        self.lines = lines
        self.subscriptionAtTarget = subscriptionAtTarget
        self.subscriptionAtViewer = subscriptionAtViewer
        self.request = request
        self.status = status
        self.actual = actual
        self.manual = manual
        self.clients = clients
        self.publications = publications
        self.subscriptions = subscriptions
    }
}

/// A change of a user's status.
public struct AdminStatusChange: Codable, Sendable, Equatable {
    /// `available`, `away`, `busy`, `dnd`, `offline` (invisible), `text`.
    public var state: String
    public var note: String?
    /// An instant (ISO 8601); nil until it is changed.
    public var until: String?

    public init(state: String, note: String? = nil, until: String? = nil) {
        self.state = state
        self.note = note
        self.until = until
    }
}
