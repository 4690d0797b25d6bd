/// Sessions of clients.
public protocol AdminSessions: Sendable {
    /// - Parameter jid: a bare or a full address; nil for every session.
    func listSessions(of jid: String?) async throws -> [AdminSession]
    /// Ends the session of a full JID, or every session of a bare JID. Returns how many were ended.
    func endSessions(_ jid: String) async throws -> Int
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
