import Synchronization

/// An administrator who is signed in to the console.
public struct ConsoleSession: Sendable, Equatable {
    /// Names the session in lists and logs; opens nothing.
    public let id: String
    public let name: String
    public let role: AdminRole
    /// What every form of the session carries as `csrf`, and every request of a script as `X-CSRF-Token`.
    public let csrf: String
    /// Milliseconds since 1970.
    public let since: Int64
    public let address: String

    public var principal: AdminPrincipal { AdminPrincipal(name: name, role: role, origin: .console(id)) }

    /// Whether a form belongs to the session; takes the same time for any that does not.
    public func matches(csrf token: String) -> Bool {
        SecretBytes.same(Array(csrf.utf8), Array(token.utf8))
    }
}

/// Console sessions, in memory: a restart ends them. The secret of a cookie is kept as a hash.
final class ConsoleSessions: Sendable {
    static let limit = 1_000

    private struct Entry {
        var session: ConsoleSession
        var began: Int64
        var lastUsed: Int64
    }

    private let entries = Mutex<[[UInt8]: Entry]>([:])

    /// - Parameter uptime: milliseconds.
    /// - Returns: the session, and the secret of its cookie.
    func begin(
        name: String, role: AdminRole, address: String, now: Int64, uptime: Int64
    ) -> (session: ConsoleSession, secret: String) {
        let secret = SecretBytes.text(SecretBytes.make(32))
        let session = ConsoleSession(
            id: SecretBytes.hex(SecretBytes.make(6)), name: name, role: role,
            csrf: SecretBytes.text(SecretBytes.make(32)), since: now, address: address)
        entries.withLock { entries in
            if entries.count >= Self.limit, let oldest = entries.min(by: { $0.value.lastUsed < $1.value.lastUsed }) {
                entries[oldest.key] = nil
            }
            entries[SecretBytes.hash(secret)] = Entry(session: session, began: uptime, lastUsed: uptime)
        }
        return (session, secret)
    }

    /// The session of a cookie, which counts as used now; nil when it is over.
    func session(secret: String, uptime: Int64, settings: AccessSettings) -> ConsoleSession? {
        guard secret.utf8.count <= 128 else { return nil }
        let hash = SecretBytes.hash(secret)
        return entries.withLock { entries in
            guard let entry = entries[hash] else { return nil }
            guard uptime - entry.lastUsed < Int64(settings.idleMinutes) * 60_000,
                uptime - entry.began < Int64(settings.sessionHours) * 3_600_000
            else {
                entries[hash] = nil
                return nil
            }
            entries[hash]?.lastUsed = uptime
            return entry.session
        }
    }

    func end(_ id: String) {
        entries.withLock { entries in entries = entries.filter { $0.value.session.id != id } }
    }

    /// - Parameter kept: id of a session that stays.
    func endAll(of name: String, but kept: String? = nil) {
        entries.withLock { entries in
            entries = entries.filter { $0.value.session.name != name || $0.value.session.id == kept }
        }
    }

    var count: Int { entries.withLock { $0.count } }
}
