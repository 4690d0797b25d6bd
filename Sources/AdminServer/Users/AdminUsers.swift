/// Accounts, asked of the running server. Implemented once, by the composition in `roost`.
///
/// Every function of a topic may be called from any task; implementations hop to the loop or thread that owns the state.
public protocol AdminUsers: Sendable {
    /// - Throws: `AdminError` (`conflict` when the account exists, `invalid` for a bad address or password).
    func addUser(_ request: AdminUserRequest) async throws
    /// Adds many accounts; the rows that fail do not stop the others. Hashing uses every core.
    /// - Returns: one entry for each row that failed: its index in `requests` and the reason.
    func addUsers(_ requests: [AdminUserRequest]) async throws -> [AdminRowFailure]
    /// Removes the account with everything it owns and ends its sessions.
    func removeUser(_ jid: String) async throws
    func setPassword(_ password: String, of jid: String) async throws
    /// Changes what is said of the account; nil stays.
    func updateUser(_ jid: String, _ change: AdminUserChange) async throws
    /// A page of accounts in the order of domain and localpart.
    func listUsers(_ query: AdminUserQuery) async throws -> AdminPage<AdminUser>
    func showUser(_ jid: String) async throws -> AdminUserDetail
}

/// Which accounts, and where the page begins.
public struct AdminUserQuery: Sendable, Equatable {
    /// Part of the address or of the name, in any case; nil for all.
    public var text: String?
    public var domain: String?
    /// Only administrators, or only others.
    public var isAdmin: Bool?
    public var limit: Int
    /// `next` of the page before.
    public var cursor: String?

    public init(
        text: String? = nil, domain: String? = nil, isAdmin: Bool? = nil, limit: Int = 100, cursor: String? = nil
    ) {
        self.text = text
        self.domain = domain
        self.isAdmin = isAdmin
        self.limit = limit
        self.cursor = cursor
    }
}

/// What changes of an account; what is left out stays.
public struct AdminUserChange: Codable, Sendable, Equatable {
    /// Empty for none.
    public var name: String?
    public var isAdmin: Bool?

    public init(name: String? = nil, isAdmin: Bool? = nil) {
        self.name = name
        self.isAdmin = isAdmin
    }
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

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        jid = try container.decode(String.self, forKey: .jid)
        password = try container.decode(String.self, forKey: .password)
        name = try container.decodeIfPresent(String.self, forKey: .name)
        isAdmin = try container.decodeIfPresent(Bool.self, forKey: .isAdmin) ?? false
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

/// Accounts to add, many at a time.
public struct AdminUserBatch: Codable, Sendable, Equatable {
    public var users: [AdminUserRequest]

    public init(users: [AdminUserRequest]) {
        self.users = users
    }
}

/// What became of a batch.
public struct AdminUserBatchReport: Codable, Sendable, Equatable {
    public var added: Int
    public var failures: [AdminRowFailure]

    public init(added: Int, failures: [AdminRowFailure]) {
        self.added = added
        self.failures = failures
    }
}

/// A new password.
public struct AdminPassword: Codable, Sendable, Equatable {
    public var password: String

    public init(password: String) {
        self.password = password
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
