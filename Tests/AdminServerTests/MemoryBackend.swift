import AdminServer

/// A server without a server: accounts in a dictionary, sessions made up by the test.
actor MemoryBackend: AdminBackend {
    private(set) var users: [String: AdminUserRequest] = [:]
    var sessions: [AdminSession] = []
    /// Contact lists by user.
    var lists: [String: [AdminContactImport.Contact]] = [:]
    var plainLists: [String: [AdminPlainContact]] = [:]
    /// Imports wait here until the test lets them go on.
    var gate: Gate?

    struct Broken: Error {}

    init(sessions: [AdminSession] = []) {
        self.sessions = sessions
    }

    func addUser(_ request: AdminUserRequest) throws {
        if request.jid == "broken@example.com" { throw Broken() }
        guard request.jid.contains("@") else { throw AdminError(.invalid, "\(request.jid) is not an address") }
        guard users[request.jid] == nil else { throw AdminError(.conflict, "\(request.jid) exists") }
        users[request.jid] = request
    }

    func addUsers(_ requests: [AdminUserRequest]) -> [AdminRowFailure] {
        requests.enumerated().compactMap { index, request in
            do {
                try addUser(request)
                return nil
            } catch {
                return AdminRowFailure(index: index, reason: (error as? AdminError)?.text ?? "failed")
            }
        }
    }

    func removeUser(_ jid: String) throws {
        guard users.removeValue(forKey: jid) != nil else { throw AdminError(.notFound, "there is no account \(jid)") }
    }

    func setPassword(_ password: String, of jid: String) throws {
        guard users[jid] != nil else { throw AdminError(.notFound, "there is no account \(jid)") }
        users[jid]?.password = password
    }

    func updateUser(_ jid: String, _ change: AdminUserChange) throws {
        guard users[jid] != nil else { throw AdminError(.notFound, "there is no account \(jid)") }
        if let name = change.name { users[jid]?.name = name.isEmpty ? nil : name }
        if let isAdmin = change.isAdmin { users[jid]?.isAdmin = isAdmin }
    }

    func listUsers(_ query: AdminUserQuery) -> AdminPage<AdminUser> {
        let found = users.values.sorted { $0.jid < $1.jid }.filter { user in
            (query.cursor.map { user.jid > $0 } ?? true) && (query.text.map { user.jid.contains($0) } ?? true)
        }
        let page = found.prefix(query.limit).map {
            AdminUser(jid: $0.jid, name: $0.name, isAdmin: $0.isAdmin, sessions: 0)
        }
        return AdminPage(items: page, next: page.count < found.count ? page.last?.jid : nil, total: users.count)
    }

    func showUser(_ jid: String) throws -> AdminUserDetail {
        guard let user = users[jid] else { throw AdminError(.notFound, "there is no account \(jid)") }
        return AdminUserDetail(
            jid: jid, name: user.name, isAdmin: user.isAdmin, created: "2026-01-01T00:00:00Z", lastSeen: nil,
            scramIterations: 10_000, rosterItems: 1, blockedItems: 2, storedMessages: 3, sessions: sessions)
    }

    func listSessions(of jid: String?) -> [AdminSession] {
        sessions.filter { session in jid.map { session.jid.hasPrefix($0) } ?? true }
    }

    func endSessions(_ jid: String) throws -> Int {
        guard sessions.contains(where: { $0.jid.hasPrefix(jid) }) else {
            throw AdminError(.notFound, "there is no session of \(jid)")
        }
        let before = sessions.count
        sessions.removeAll { $0.jid.hasPrefix(jid) }
        return before - sessions.count
    }

    func exportUser(_ request: AdminExportRequest) throws -> AdminExportPage {
        guard users[request.jid] != nil else { throw AdminError(.notFound, "there is no account \(request.jid)") }
        return AdminExportPage(xml: "<user/>", cursor: request.cursor == nil ? "more" : nil)
    }

    func importUsers(_ batch: AdminPortableBatch) -> AdminPortableReport {
        AdminPortableReport(
            imported: batch.users.count { !$0.continues },
            problems: [.init(line: 1, jid: batch.name, reason: "\(batch.isDryRun)", isFatal: false)])
    }

    func status() -> AdminStatus {
        AdminStatus(
            version: "1", pid: 2, uptimeSeconds: 3, domains: ["example.com"], listeners: ["c2s [::]:5222"],
            durability: "power", users: users.count, connections: 4, sessions: sessions.count, resumableSessions: 0,
            storedMessages: 0, messagesRouted: 5, journalCommits: 6, residentBytes: 7)
    }
}

let deskSession = AdminSession(
    jid: "anna@example.com/desk", address: "[::1]:40000", tls: "TLSv1.3", mechanism: "SCRAM-SHA-256-PLUS",
    state: "connected", presence: "available", priority: 5, streamManagement: true, carbons: true, unacknowledged: 0,
    since: "2026-01-01T00:00:00Z")
