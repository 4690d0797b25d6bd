/// What the admin interface can ask of the running server. Implemented once, by the composition in `roost`.
///
/// Every function may be called from any task; implementations hop to the loop or thread that owns the state.
public protocol AdminBackend: Sendable {
    /// - Throws: `AdminError` (`conflict` when the account exists, `invalid` for a bad address or password).
    func addUser(_ request: AdminUserRequest) async throws
    /// Adds many accounts; the rows that fail do not stop the others. Hashing uses every core.
    /// - Returns: one entry for each row that failed: its index in `requests` and the reason.
    func addUsers(_ requests: [AdminUserRequest]) async throws -> [AdminRowFailure]
    /// Removes the account with everything it owns and ends its sessions.
    func removeUser(_ jid: String) async throws
    func setPassword(_ request: AdminUserRequest) async throws
    func listUsers() async throws -> [AdminUser]
    func showUser(_ jid: String) async throws -> AdminUserDetail
    func listSessions() async throws -> [AdminSession]
    /// Ends the session of a full JID, or every session of a bare JID. Returns how many were ended.
    func endSessions(_ jid: String) async throws -> Int
    func status() async throws -> AdminStatus
    /// A part of an account in the portable format, from where the last one ended.
    func exportUser(_ request: AdminExportRequest) async throws -> AdminExportPage
    /// Takes accounts of a portable file; each goes in as a whole or not at all.
    func importUsers(_ batch: AdminPortableBatch) async throws -> AdminPortableReport
}

public struct AdminUserRequest: Codable, Sendable, Equatable {
    public var jid: String
    public var password: String
    public var name: String?
    /// Whether the account may administer the server.
    public var isAdmin: Bool

    public init(jid: String, password: String, name: String? = nil, isAdmin: Bool = false) {
        self.jid = jid
        self.password = password
        self.name = name
        self.isAdmin = isAdmin
    }
}

public struct AdminRowFailure: Codable, Sendable, Equatable {
    public var index: Int
    public var reason: String

    public init(index: Int, reason: String) {
        self.index = index
        self.reason = reason
    }
}

public struct AdminUser: Codable, Sendable, Equatable {
    public var jid: String
    public var name: String?
    public var isAdmin: Bool
    public var sessions: Int

    public init(jid: String, name: String?, isAdmin: Bool, sessions: Int) {
        self.jid = jid
        self.name = name
        self.isAdmin = isAdmin
        self.sessions = sessions
    }
}

public struct AdminUserDetail: Codable, Sendable, Equatable {
    public var jid: String
    public var name: String?
    public var isAdmin: Bool
    /// ISO 8601 instant of creation.
    public var created: String
    /// ISO 8601 instant of the last sign-out, nil when never signed in.
    public var lastSeen: String?
    public var scramIterations: Int
    public var rosterItems: Int
    public var blockedItems: Int
    public var storedMessages: Int
    public var sessions: [AdminSession]

    public init(
        jid: String, name: String?, isAdmin: Bool, created: String, lastSeen: String?, scramIterations: Int,
        rosterItems: Int, blockedItems: Int, storedMessages: Int, sessions: [AdminSession]
    ) {
        self.jid = jid
        self.name = name
        self.isAdmin = isAdmin
        self.created = created
        self.lastSeen = lastSeen
        self.scramIterations = scramIterations
        self.rosterItems = rosterItems
        self.blockedItems = blockedItems
        self.storedMessages = storedMessages
        self.sessions = sessions
    }
}

public struct AdminSession: Codable, Sendable, Equatable {
    /// Full JID.
    public var jid: String
    public var address: String
    /// `TLSv1.3`, `TLSv1.2` or `none`.
    public var tls: String
    public var mechanism: String
    /// `connected`, or `resumable` while the link is gone and XEP-0198 resumption is possible.
    public var state: String
    /// `available`, `away`, `chat`, `dnd`, `xa`, or `unavailable`.
    public var presence: String
    public var priority: Int
    public var streamManagement: Bool
    public var carbons: Bool
    /// Stanzas sent and not yet acknowledged.
    public var unacknowledged: Int
    /// ISO 8601 instant of binding.
    public var since: String
    /// Software and device as the client named them (XEP-0388); empty when it did not.
    public var client: String

    public init(
        jid: String, address: String, tls: String, mechanism: String, state: String, presence: String, priority: Int,
        streamManagement: Bool, carbons: Bool, unacknowledged: Int, since: String, client: String = ""
    ) {
        self.jid = jid
        self.address = address
        self.tls = tls
        self.mechanism = mechanism
        self.state = state
        self.presence = presence
        self.priority = priority
        self.streamManagement = streamManagement
        self.carbons = carbons
        self.unacknowledged = unacknowledged
        self.since = since
        self.client = client
    }
}

public struct AdminStatus: Codable, Sendable, Equatable {
    public var version: String
    public var pid: Int
    public var uptimeSeconds: Int
    public var domains: [String]
    /// `service address:port`, for example `c2s [::]:5222`.
    public var listeners: [String]
    public var durability: String
    public var users: Int
    public var connections: Int
    public var sessions: Int
    public var resumableSessions: Int
    public var storedMessages: Int
    public var messagesRouted: Int
    public var journalCommits: Int
    public var residentBytes: Int

    public init(
        version: String, pid: Int, uptimeSeconds: Int, domains: [String], listeners: [String], durability: String,
        users: Int, connections: Int, sessions: Int, resumableSessions: Int, storedMessages: Int, messagesRouted: Int,
        journalCommits: Int, residentBytes: Int
    ) {
        self.version = version
        self.pid = pid
        self.uptimeSeconds = uptimeSeconds
        self.domains = domains
        self.listeners = listeners
        self.durability = durability
        self.users = users
        self.connections = connections
        self.sessions = sessions
        self.resumableSessions = resumableSessions
        self.storedMessages = storedMessages
        self.messagesRouted = messagesRouted
        self.journalCommits = journalCommits
        self.residentBytes = residentBytes
    }
}

/// A refusal with a text for the administrator.
public struct AdminError: Error, Codable, Sendable, Equatable {
    public enum Condition: String, Codable, Sendable {
        case notFound, conflict, invalid, unavailable, internalError
    }
    public var condition: Condition
    public var text: String

    public init(_ condition: Condition, _ text: String) {
        self.condition = condition
        self.text = text
    }
}
