import AdminServer
import Foundation
import Ground
import IMCore
import NIOCore
import Settings
import Storage
import XMPPServer
import XMPPWire

/// What the administration interface asks, done on the loop or in the store that owns it.
struct AdminBackendLive: AdminBackend {
    let live: LiveConfig
    let listeners: Listeners
    let database: any Database
    let core: NIOLoopBound<C2SServer>
    let sip: LiveSIP
    let time: SystemTime
    let traces = TraceBook()

    var config: ServerConfig { live.value }

    func onLoop<Value: Sendable>(_ body: @escaping @Sendable (C2SServer) -> Value) async throws -> Value {
        let core = core
        return try await core.eventLoop.submit { body(core.value) }.get()
    }

    // MARK: Accounts

    func prepared(_ text: String) throws -> JID {
        guard let jid = try? JID(parsing: text), jid.local != nil, jid.isBare else {
            throw AdminError(.invalid, "\(text) is not an address of the form user@domain")
        }
        guard config.domains.contains(where: { $0.name == jid.domain }) else {
            throw AdminError(
                .invalid,
                "\(jid.domain) is not served here (domains: \(config.domains.map(\.name).joined(separator: ", ")))")
        }
        return jid
    }

    func credentials(_ password: String, of jid: JID) throws -> Credentials {
        guard let prepared = try? JIDPreparation.password(password), !prepared.isEmpty else {
            throw AdminError(.invalid, "the password is empty or has characters that are not allowed")
        }
        return Credentials(
            preparedPassword: prepared, of: jid, iterations: config.scramIterations,
            salt: (0..<16).map { _ in UInt8.random(in: .min ... .max) })
    }

    func addUser(_ request: AdminUserRequest) async throws {
        if let failure = try await addUsers([request]).first {
            throw AdminError(failure.reason.contains("exists") ? .conflict : .invalid, failure.reason)
        }
    }

    func addUsers(_ requests: [AdminUserRequest]) async throws -> [AdminRowFailure] {
        let hashed = await hash(requests)
        let now = time.now
        let stored = try await database.write { transaction in
            var failures: [AdminRowFailure] = []
            for row in hashed {
                switch row.result {
                case .failure(let error): failures.append(AdminRowFailure(index: row.index, reason: error.text))
                case .success(let account):
                    let id = try AccountStore.add(
                        account.jid, name: account.name, isAdmin: account.isAdmin, credentials: account.credentials,
                        now: now, in: transaction)
                    if id == nil {
                        failures.append(
                            AdminRowFailure(index: row.index, reason: "the account \(account.jid) exists already"))
                    }
                }
            }
            return failures
        }
        return stored.sorted { $0.index < $1.index }
    }

    private struct HashedRow: Sendable {
        var index: Int
        var result: Result<HashedAccount, AdminError>
    }

    private struct HashedAccount: Sendable {
        var jid: JID
        var name: String?
        var isAdmin: Bool
        var credentials: Credentials
    }

    /// PBKDF2 on every core.
    private func hash(_ requests: [AdminUserRequest]) async -> [HashedRow] {
        let workers = max(1, min(ProcessInfo.processInfo.activeProcessorCount, requests.count))
        return await withTaskGroup(of: [HashedRow].self) { group in
            for worker in 0..<workers {
                group.addTask {
                    stride(from: worker, to: requests.count, by: workers).map { index in
                        let request = requests[index]
                        do {
                            let jid = try prepared(request.jid)
                            let account = HashedAccount(
                                jid: jid, name: request.name, isAdmin: request.isAdmin,
                                credentials: try credentials(request.password, of: jid))
                            return HashedRow(index: index, result: .success(account))
                        } catch let error as AdminError {
                            return HashedRow(index: index, result: .failure(error))
                        } catch {
                            return HashedRow(index: index, result: .failure(AdminError(.invalid, "\(error)")))
                        }
                    }
                }
            }
            var rows: [HashedRow] = []
            for await part in group { rows += part }
            return rows.sorted { $0.index < $1.index }
        }
    }

    func removeUser(_ text: String) async throws {
        let jid = try prepared(text)
        // The sessions end first; the row goes in the journal's order, after everything they left behind.
        let promise = core.eventLoop.makePromise(of: Bool.self)
        let core = core
        core.eventLoop.execute {
            let router = core.value.router
            router.homes.withHome(jid) { home in
                if let home { router.endSubscriptions(home) }
                router.accountRemoved(jid)
                router.journal.perform({ try AccountStore.remove(jid, in: $0) }) { (result: Result<Bool, any Error>) in
                    // Once more: until now the account could still be read.
                    router.accountRemoved(jid)
                    promise.completeWith(result)
                }
            }
        }
        guard try await promise.futureResult.get() else { throw AdminError(.notFound, "there is no account \(jid)") }
    }

    func setPassword(_ password: String, of text: String) async throws {
        let jid = try prepared(text)
        let credentials = try credentials(password, of: jid)
        let isKnown = try await database.write { try AccountStore.setCredentials(credentials, of: jid, in: $0) }
        guard isKnown else { throw AdminError(.notFound, "there is no account \(jid)") }
        let core = core
        try await core.eventLoop.submit { core.value.router.passwordChanged(jid) }.get()
    }

    func updateUser(_ text: String, _ change: AdminUserChange) async throws {
        let jid = try prepared(text)
        let isKnown = try await database.write { transaction in
            guard let account = try AccountStore.account(jid, in: transaction) else { return false }
            let name = change.name.map { $0.isEmpty ? nil : $0 } ?? account.name
            try AccountStore.describe(
                account.id, name: name, isAdmin: change.isAdmin ?? account.isAdmin, in: transaction)
            return true
        }
        guard isKnown else { throw AdminError(.notFound, "there is no account \(jid)") }
    }

    func listUsers(_ query: AdminUserQuery) async throws -> AdminPage<AdminUser> {
        var after: AccountStore.Place?
        if let cursor = query.cursor {
            guard let jid = try? JID(parsing: cursor), let local = jid.local, jid.isBare else {
                throw AdminError(.badRequest, "the cursor is not one of this list")
            }
            after = .init(domain: jid.domain, localpart: local)
        }
        let wanted = AccountStore.Query(
            text: query.text, domain: query.domain, isAdmin: query.isAdmin, after: after, limit: query.limit)
        let (found, total) = try await database.read { transaction in
            (try AccountStore.page(wanted, in: transaction), try AccountStore.count(wanted, in: transaction))
        }
        let page = Array(found.prefix(query.limit))
        let jids = page.map(\.jid)
        let counts = try await onLoop { server in
            jids.map { server.router.homes.loaded($0)?.sessionCount ?? 0 }
        }
        return AdminPage(
            items: zip(page, counts).map { account, count in
                AdminUser(
                    jid: account.jid.description, name: account.name, isAdmin: account.isAdmin, sessions: count)
            },
            next: found.count > page.count ? page.last?.jid.description : nil, total: total)
    }

    func showUser(_ text: String) async throws -> AdminUserDetail {
        let jid = try prepared(text)
        let found = try await database.read { transaction -> (Account, AccountStore.Holdings)? in
            guard let account = try AccountStore.account(jid, in: transaction) else { return nil }
            return (account, try AccountStore.holdings(account.id, in: transaction))
        }
        guard let (account, holdings) = found else { throw AdminError(.notFound, "there is no account \(jid)") }
        let sessions = try await listSessions(of: jid.description)
        return AdminUserDetail(
            jid: jid.description, name: account.name, isAdmin: account.isAdmin,
            created: Timestamp.format(account.createdAt), lastSeen: account.lastSeenAt.map { Timestamp.format($0) },
            scramIterations: account.scramIterations, rosterItems: holdings.rosterItems,
            blockedItems: holdings.blockedItems, storedMessages: holdings.storedMessages, sessions: sessions)
    }

    // MARK: Sessions

    func listSessions(of address: String?) async throws -> [AdminSession] {
        try await onLoop { server in
            server.sessionReports.filter { report in
                address.map { report.jid == $0 || report.jid.hasPrefix($0 + "/") } ?? true
            }.map { report in
                AdminSession(
                    jid: report.jid, address: report.address, tls: report.tls, mechanism: report.mechanism,
                    state: report.isHibernating ? "resumable" : "connected", presence: report.presence,
                    priority: report.priority, streamManagement: report.streamManagement, carbons: report.carbons,
                    unacknowledged: report.unacknowledged, since: Timestamp.format(report.boundAt),
                    client: report.client)
            }.sorted { $0.jid < $1.jid }
        }
    }

    func endSessions(_ text: String) async throws -> Int {
        guard let jid = try? JID(parsing: text), jid.local != nil else {
            throw AdminError(.invalid, "\(text) is not an address")
        }
        let ended = try await onLoop { server -> Int in
            guard let home = server.router.homes.loaded(jid) else { return 0 }
            let chosen = home.sessions.filter { jid.resource == nil || $0.resource == jid.resource }
            for endpoint in chosen { endpoint.end(StreamError(.policyViolation, "ended by an administrator")) }
            return chosen.count
        }
        guard ended > 0 else { throw AdminError(.notFound, "there is no session of \(jid)") }
        return ended
    }

    func status() async throws -> AdminStatus {
        let (users, stored) = try await database.read {
            (try AccountStore.count(in: $0), try JournalStore.countAll(in: $0))
        }
        let (config, listeners) = (config, await listeners.descriptions)
        return try await onLoop { server in
            let sessions = server.sessionCounts
            return AdminStatus(
                version: RoostVersion.current, pid: Int(ProcessInfo.processInfo.processIdentifier),
                uptimeSeconds: server.uptimeSeconds, domains: config.domains.map(\.name), listeners: listeners,
                durability: config.durability.rawValue, users: users, connections: server.connections,
                sessions: sessions.bound, resumableSessions: sessions.resumable, storedMessages: stored,
                messagesRouted: server.router.messagesRouted, journalCommits: server.router.journal.commits,
                residentBytes: ProcessMemory.residentBytes)
        }
    }
}

/// Reads the process's own memory use.
enum ProcessMemory {
    /// Bytes of physical memory, zero when the system does not say.
    static var residentBytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}
