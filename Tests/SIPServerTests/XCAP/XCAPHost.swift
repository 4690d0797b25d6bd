import Foundation
import Ground
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Storage
import StorageSQLite
import Testing
import Transport
import XMPPWire

@testable import IMCore
@testable import SIPServer

/// A core with accounts at example.org, and XCAP over it. Passwords are `pencil`.
final class XCAPHost: Sendable {
    struct Parts {
        let router: Router
        let mount: XCAPMount
    }

    struct Answer: Sendable {
        var status: UInt
        var headers: HTTPHeaders
        var body: String

        var tag: String { headers.first(name: "etag") ?? "" }
        func has(_ text: String) -> Bool { body.contains(text) }
    }

    let parts: NIOLoopBound<Parts>
    private let group: MultiThreadedEventLoopGroup
    private let loop: any EventLoop
    private let database: SQLiteDatabase
    private let path: String

    init(
        _ names: [String], policies: PolicyTable = PolicyTable(), config: SIPConfig = SIPConfig()
    ) async throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("xcap-\(UUID()).db").path
        database = try SQLiteDatabase(path: path, synchronous: .off)
        try await Migrator.apply(AccountSchema.migrations + [XCAPSchema.migration], to: database)
        let anybody = JID(preparedLocal: "anybody", domain: "example.org", resource: nil)
        let standard = Credentials(preparedPassword: "pencil", of: anybody, iterations: 4_096, salt: [1])
        try await database.write { transaction in
            for name in names {
                let jid = XCAPHost.jid(name)
                var credentials = standard
                credentials.digests = PasswordDigests(preparedPassword: "pencil", of: jid)
                _ = try AccountStore.add(
                    jid, name: nil, isAdmin: false, credentials: credentials, now: 0, in: transaction)
            }
        }
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        loop = group.next()
        let (loop, database) = (loop, database)
        parts = try await loop.submit {
            var logger = Logger(label: "core")
            logger.logLevel = .critical
            let (isolated, time) = (loop.assumeIsolated(), SystemTime())
            let journal = Journal(
                database: database, lastID: MessageID(0), durability: .memory, gatherWindow: .milliseconds(1),
                loop: isolated, time: time, logger: logger)
            let router = Router(
                database: database, journal: journal, domains: ["example.org"], config: CoreConfig(), loop: isolated,
                time: time, logger: logger)
            router.policiesChanged(policies)
            let mount = XCAPMount(
                router: router, credentials: .init(router: router), config: config, time: time, loop: isolated)
            return NIOLoopBound(Parts(router: router, mount: mount), eventLoop: loop)
        }.get()
    }

    func close() async throws {
        try await group.shutdownGracefully()
        try database.close()
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    static func jid(_ name: String) -> JID {
        JID(preparedLocal: name, domain: "example.org", resource: nil)
    }

    /// Runs on the loop until it gives a value.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (Parts, @escaping (Value) -> Void) -> Void
    ) async throws -> Value {
        let promise = loop.makePromise(of: Value.self)
        loop.execute { [parts] in body(parts.value) { promise.succeed($0) } }
        return try await promise.futureResult.get()
    }

    /// The same with the home of a user.
    func withHome<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable (Router, UserHome, @escaping (Value) -> Void) -> Void
    ) async throws -> Value {
        let value: Value? = try await perform { parts, done in
            parts.router.homes.withHome(Self.jid(name)) { home in
                guard let home else { return done(nil) }
                body(parts.router, home) { done($0) }
            }
        }
        return try #require(value)
    }

    func ask(
        _ method: HTTPMethod, _ path: String, as user: String? = "anna", password: String = "pencil",
        body: String = "", type: String? = nil, headers: HTTPHeaders = [:], isSecure: Bool = true
    ) async throws -> Answer {
        var headers = headers
        if let user {
            headers.add(
                name: "authorization", value: "Basic " + Data("\(user):\(password)".utf8).base64EncodedString())
        }
        if let type { headers.add(name: "content-type", value: type) }
        return try await send(method, path, headers, body, isSecure: isSecure)
    }

    func send(
        _ method: HTTPMethod, _ path: String, _ headers: HTTPHeaders, _ body: String = "", isSecure: Bool = true
    ) async throws -> Answer {
        let split = path.split(separator: "?", maxSplits: 1).map(String.init)
        let (headers, query) = (headers, split.count > 1 ? split[1] : nil)
        return try await perform { parts, done in
            let request = HTTPRequest(
                method: method, path: "/xcap-root" + split[0], query: query, headers: headers,
                body: ByteBuffer(string: body), address: "192.0.2.7", isSecure: isSecure, usesTLS: isSecure)
            parts.mount.answer(request) {
                done(Answer(status: $0.status.code, headers: $0.headers, body: String(buffer: $0.body)))
            }
        }
    }

    // MARK: What the core does meanwhile

    /// One user asks to see the other, who is asked, or is approved for.
    func subscribe(_ name: String, to other: String) async throws {
        let _: Bool = try await withHome(name) { router, home, done in
            let target = Self.jid(other)
            let stanza = PresenceStanza(type: "subscribe", from: home.address)
                .addressed(to: Array(target.description.utf8))
            router.sendSubscription(.subscribe, to: target, from: home, stanza: stanza) { done($0 == nil) }
        }
    }

    func approve(_ name: String, for other: String) async throws {
        let _: Bool = try await withHome(name) { router, home, done in
            let target = Self.jid(other)
            let stanza = PresenceStanza(type: "subscribed", from: home.address)
                .addressed(to: Array(target.description.utf8))
            router.sendSubscription(.subscribed, to: target, from: home, stanza: stanza) { done($0 == nil) }
        }
    }

    func subscription(_ name: String, of other: String) async throws -> String {
        try await withHome(name) { _, home, done in
            done(home.roster[Self.jid(other)]?.subscription.attribute ?? "gone")
        }
    }

    /// Contacts with names and groups, sorted.
    func roster(_ name: String) async throws -> [String] {
        try await withHome(name) { router, home, done in
            done(
                router.rosterItems(home)
                    .map { "\($0.contact) '\($0.name)' \($0.groups.sorted().joined(separator: ","))" }.sorted())
        }
    }

    func blocked(_ name: String) async throws -> [String] {
        try await withHome(name) { _, home, done in done(home.blocked.map(\.description).sorted()) }
    }

    func allowed(_ name: String) async throws -> [String] {
        try await withHome(name) { _, home, done in done(home.allowed.map(\.description).sorted()) }
    }
}

/// Runs `body` with a host that is closed afterwards.
func withXCAP(
    _ names: [String], policies: PolicyTable = PolicyTable(), config: SIPConfig = SIPConfig(),
    _ body: (XCAPHost) async throws -> Void
) async throws {
    let host = try await XCAPHost(names, policies: policies, config: config)
    do {
        try await body(host)
    } catch {
        try await host.close()
        throw error
    }
    try await host.close()
}
