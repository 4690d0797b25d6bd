/// How the server is.
public protocol AdminStatusReport: Sendable {
    func status() async throws -> AdminStatus
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
