import Dispatch
import Foundation
import Ground
import Logging
import Storage
import Synchronization

/// Administrators, console sessions and API tokens: who may come in.
public final class AccessService: Sendable {
    private struct Guard {
        var byAddress: FailureThrottle
        var byName: FailureThrottle
        /// Passwords that are being checked or wait for it.
        var waiting = 0
    }

    /// Passwords that may wait to be checked; one more is turned away.
    static let waitingPasswords = 16

    let database: any Database
    let audit: AuditTrail
    let time: any TimeSource
    let logger: Logger
    let sessions = ConsoleSessions()
    private let current: Mutex<AccessSettings>
    private let throttle: Mutex<Guard>
    private let setup = Mutex<String?>(nil)
    /// Hashing takes a core for a while: one at a time, away from the event loops.
    private let hashing = DispatchQueue(label: "roost.passwords", qos: .utility)

    init(
        database: any Database, audit: AuditTrail, settings: AccessSettings, time: any TimeSource, logger: Logger
    ) {
        self.database = database
        self.audit = audit
        self.time = time
        self.logger = logger
        current = Mutex(settings)
        throttle = Mutex(
            Guard(
                byAddress: FailureThrottle(limit: settings.failuresPerAddress),
                byName: FailureThrottle(limit: settings.failuresPerName)))
    }

    /// In force at once, for sessions that are open too.
    public var settings: AccessSettings {
        get { current.withLock { $0 } }
        set {
            let old = current.withLock { current in
                defer { current = newValue }
                return current
            }
            guard
                old.failuresPerAddress != newValue.failuresPerAddress || old.failuresPerName != newValue.failuresPerName
            else { return }
            throttle.withLock {
                $0.byAddress = FailureThrottle(limit: newValue.failuresPerAddress)
                $0.byName = FailureThrottle(limit: newValue.failuresPerName)
            }
        }
    }

    // MARK: Console sessions

    /// Signs in to the console.
    ///
    /// - Returns: the session, and the secret for `ConsoleCookie.header`.
    /// - Throws: `unauthenticated` without saying whether the name exists, `tooManyRequests` after too many failures.
    public func signIn(
        name: String, password: String, address: String
    ) async throws -> (session: ConsoleSession, secret: String) {
        let name = String(name.prefix(Self.nameLength.upperBound + 1))
        try allow(address: address, name: name)
        let found = try await database.read { transaction in
            (
                try AdministratorStore.administrator(name, in: transaction),
                try AdministratorStore.hash(name, in: transaction).flatMap { PasswordHash(text: $0) }
            )
        }
        let cost = settings.cost
        // A name that does not exist takes as long as one that does.
        let isRight = try await hashed { [hash = found.1] in
            if let hash { return hash.matches(password) }
            _ = PasswordHash(password, cost: cost)
            return false
        }
        guard isRight, let administrator = found.0, !administrator.isDisabled else {
            failed(address: address, name: name)
            await audit.refused(
                AuditEntry(
                    at: time.now, who: name, role: "", address: address, operation: "console.sign-in", target: "",
                    summary: found.0?.isDisabled == true && isRight ? "disabled" : "name or password is wrong",
                    outcome: .refused))
            throw AdminError(.unauthenticated, "name or password is wrong")
        }
        throttle.withLock { $0.byName.succeeded(name) }
        let now = time.now
        let entry = AuditEntry(
            at: now, who: name, role: administrator.role.rawValue, address: address, operation: "console.sign-in",
            target: "", outcome: .done)
        try await database.write { [audit] transaction in
            try AdministratorStore.signedIn(name, now: now, in: transaction)
            try audit.write(entry, in: transaction)
        }
        return sessions.begin(
            name: name, role: administrator.role, address: address, now: now, uptime: time.uptime)
    }

    /// Whether somebody who is signed in knows the own password.
    ///
    /// - Throws: `invalid` when it is wrong, `tooManyRequests` after too many failures.
    func checkPassword(_ password: String, of name: String, address: String) async throws {
        try allow(address: address, name: name)
        let hash = try await database.read {
            try AdministratorStore.hash(name, in: $0).flatMap { PasswordHash(text: $0) }
        }
        guard try await hashed({ hash?.matches(password) ?? false }) else {
            failed(address: address, name: name)
            throw AdminError(
                .invalid, "the password so far is wrong", faults: [.init(pointer: "/old", detail: "is wrong")])
        }
    }

    public func signOut(_ session: ConsoleSession) async {
        sessions.end(session.id)
        try? await audit.write(
            AuditEntry(
                at: time.now, who: session.name, role: session.role.rawValue, address: session.address,
                operation: "console.sign-out", target: "", outcome: .done))
    }

    /// The session of a cookie, which counts as used now.
    public func session(secret: String) -> ConsoleSession? {
        sessions.session(secret: secret, uptime: time.uptime, settings: settings)
    }

    // MARK: Tokens

    static let tokenPrefix = "roost_"

    /// Whom a token stands for.
    /// - Throws: `unauthenticated` when it is unknown, revoked or expired.
    func principal(token: String, address: String) async throws -> AdminPrincipal {
        let now = time.now
        var found: (token: AdminToken, lastUsed: Int64)?
        if token.hasPrefix(Self.tokenPrefix), token.utf8.count < 128 {
            let hash = SecretBytes.hash(token)
            found = try await database.read { try TokenStore.token(hash: hash, now: now, in: $0) }
        }
        guard let (token, lastUsed) = found else {
            // Nobody guesses a token: the throttle keeps those from asking the store who try, not those who have one.
            try allow(address: address, name: nil)
            failed(address: address, name: nil)
            throw AdminError(.unauthenticated, "the token is unknown, revoked or expired")
        }
        if now - lastUsed > 60_000 {
            try await database.write { try TokenStore.used(token.id, now: now, in: $0) }
        }
        return AdminPrincipal(
            name: "token:\(token.name)", role: token.role, origin: .token(token.id), scopes: token.scopes,
            isReadOnly: token.isReadOnly)
    }

    // MARK: First run

    /// Whether there is no administrator yet.
    public func needsSetup() async throws -> Bool {
        try await database.read { try AdministratorStore.count(in: $0) } == 0
    }

    /// The code that makes the first superuser, the same until it is used or the server stops; nil once there is an
    /// administrator.
    public func setupCode() async throws -> String? {
        guard try await needsSetup() else { return nil }
        return setup.withLock { code in
            if let code { return code }
            let text = SecretBytes.hex(SecretBytes.make(16))
            // In groups, for those who copy it by hand.
            let made = stride(from: 0, to: 32, by: 8).map { offset in
                String(text.dropFirst(offset).prefix(8))
            }.joined(separator: "-")
            code = made
            return made
        }
    }

    /// Makes the first superuser and signs in.
    ///
    /// - Throws: `forbidden` for a wrong code, `conflict` once there is an administrator, `invalid` for a name or
    ///   password that is not allowed.
    public func completeSetup(
        code: String, name: String, password: String, address: String
    ) async throws -> (session: ConsoleSession, secret: String) {
        try allow(address: address, name: nil)
        guard let expected = try await setupCode() else {
            throw AdminError(.conflict, "there is an administrator already: sign in instead")
        }
        let given = code.filter { !$0.isWhitespace }.lowercased()
        guard SecretBytes.same(Array(expected.utf8), Array(given.utf8)) else {
            failed(address: address, name: nil)
            throw AdminError(
                .forbidden, "this is not the setup code", faults: [.init(pointer: "/code", detail: "is wrong")])
        }
        try checkName(name)
        try checkPassword(password)
        let cost = settings.cost
        let hash = try await hashed { PasswordHash(password, cost: cost) }
        let now = time.now
        let entry = AuditEntry(
            at: now, who: name, role: AdminRole.superuser.rawValue, address: address, operation: "setup.complete",
            target: name, summary: "first superuser", outcome: .done)
        let isFirst = try await database.write { [audit] transaction in
            guard try AdministratorStore.count(in: transaction) == 0 else { return false }
            try audit.write(entry, in: transaction)
            return try AdministratorStore.add(name, hash: hash, role: .superuser, now: now, in: transaction)
        }
        guard isFirst else { throw AdminError(.conflict, "there is an administrator already: sign in instead") }
        setup.withLock { $0 = nil }
        return sessions.begin(name: name, role: .superuser, address: address, now: now, uptime: time.uptime)
    }

    // MARK: Passwords

    static let nameLength = 1...64

    func checkName(_ name: String) throws {
        let allowed = name.unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || $0.properties.numericType != nil || ".-_@".unicodeScalars.contains($0)
        }
        guard allowed, Self.nameLength.contains(name.unicodeScalars.count) else {
            throw AdminError(
                .invalid, "the name is not allowed",
                faults: [.init(pointer: "/name", detail: "expected 1 to 64 letters, digits, or . - _ @")])
        }
    }

    func checkPassword(_ password: String) throws {
        let least = settings.passwordLength
        guard password.unicodeScalars.count >= least, password.utf8.count <= 1_023 else {
            throw AdminError(
                .invalid, "the password is not allowed",
                faults: [
                    .init(pointer: "/password", detail: "expected at least \(least) characters, at most 1023 bytes")
                ])
        }
    }

    /// Runs work of scrypt.
    func hashed<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async throws -> Value {
        let isWelcome = throttle.withLock { state in
            guard state.waiting < Self.waitingPasswords else { return false }
            state.waiting += 1
            return true
        }
        guard isWelcome else {
            throw AdminError(.tooManyRequests, "too many sign-ins at once: try again", retrySeconds: 5)
        }
        defer { throttle.withLock { $0.waiting -= 1 } }
        return await withCheckedContinuation { continuation in
            hashing.async { continuation.resume(returning: body()) }
        }
    }

    func hash(_ password: String) async throws -> PasswordHash {
        try checkPassword(password)
        let cost = settings.cost
        return try await hashed { PasswordHash(password, cost: cost) }
    }

    // MARK: Throttle

    private func allow(address: String, name: String?) throws {
        let uptime = time.uptime
        let isAllowed = throttle.withLock { state in
            state.byAddress.allows(address, uptime: uptime)
                && (name.map { state.byName.allows($0, uptime: uptime) } ?? true)
        }
        guard isAllowed else {
            throw AdminError(.tooManyRequests, "too many failed sign-ins: wait a minute", retrySeconds: 60)
        }
    }

    private func failed(address: String, name: String?) {
        let uptime = time.uptime
        throttle.withLock { state in
            state.byAddress.failed(address, uptime: uptime)
            if let name { state.byName.failed(name, uptime: uptime) }
        }
    }
}
