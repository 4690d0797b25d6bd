import Foundation
import Ground
import IMCore
import Logging
import NIOCore
import NIOPosix
import Storage
import StorageSQLite
import Transport
import XMPPServer
import XMPPWire

/// The whole server in this process, composed as `roost serve` does it: own loop, SQLite file, loopback port, and a
/// clock that only the scene moves.
final class SceneServer {
    let port: Int
    /// Where external components connect; 0 when there are none.
    let componentPort: Int
    private let group: MultiThreadedEventLoopGroup
    private let loop: any EventLoop
    private let core: NIOLoopBound<C2SServer>
    private let channels: [any Channel]
    private let database: SQLiteDatabase
    private let users: SceneUserSettings

    /// Opens the database and binds a port of the system's choice. Call from a thread that may wait.
    init(path: String, settings: SceneSettings, time: ManualTime) throws {
        var logger = Logger(label: "scene")
        logger.logLevel = .critical
        let quiet = logger
        let database = try SQLiteDatabase(path: path, synchronous: .normal, logger: quiet)
        let (lastID, secret) = try Waiting.result {
            try await database.write { transaction in
                let secret = try AccountStore.installationValue("scram-decoy", in: transaction) {
                    Array(repeating: 7, count: 32)
                }
                return (try JournalStore.lastID(in: transaction), secret)
            }
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let core = try loop.submit {
            let core = try Self.compose(database, lastID, secret, settings, loop, time, quiet)
            if let limits = settings.files {
                let folder = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent("files")
                core.serveFiles(
                    FileService(folder: try FileFolder(path: folder.path), limits: limits, router: core.router)
                ) { "https://\($0):5443" }
            }
            return NIOLoopBound(core, eventLoop: loop)
        }.wait()
        let users = SceneUserSettings(settings.policies) { table in
            try? await core.eventLoop.submit { core.value.router.policiesChanged(table) }.get()
        }
        try loop.submit { core.value.userSettings = users }.wait()
        self.users = users
        let clients = try Waiting.result {
            try await Listener.bind(address: "127.0.0.1", port: 0, group: group) { channel in
                try core.value.accept(channel, directTLS: false)
            }
        }
        let components =
            try settings.components.isEmpty
            ? nil
            : Waiting.result {
                try await Listener.bind(address: "127.0.0.1", port: 0, group: group) { channel in
                    try core.value.components?.accept(channel)
                }
            }
        let files = try settings.proxy65 ? Self.serveBytestreams(settings, core, group, time) : nil
        channels = [clients] + (components.map { [$0] } ?? []) + (files.map { [$0] } ?? [])
        port = clients.localAddress?.port ?? 0
        componentPort = components?.localAddress?.port ?? 0
        self.group = group
        self.loop = loop
        self.core = core
        self.database = database
    }

    private static func serveBytestreams(
        _ settings: SceneSettings, _ core: NIOLoopBound<C2SServer>, _ group: MultiThreadedEventLoopGroup,
        _ time: ManualTime
    ) throws -> any Channel {
        let config = settings.services.bytestreams
        let relay = try core.eventLoop.submit {
            let relay = NIOLoopBound(BytestreamRelay(config: config, time: time), eventLoop: core.eventLoop)
            core.value.arrange(settings.services, relay: relay)
            return relay
        }.wait()
        return try Waiting.result {
            try await Listener.bind(address: "127.0.0.1", port: 0, group: group) { try relay.value.accept($0) }
        }
    }

    private static func compose(
        _ database: SQLiteDatabase, _ lastID: MessageID, _ secret: [UInt8], _ settings: SceneSettings,
        _ loop: any EventLoop, _ time: ManualTime, _ logger: Logger
    ) throws -> C2SServer {
        let isolated = loop.assumeIsolated()
        let journal = Journal(
            database: database, lastID: lastID, durability: .process,
            gatherWindow: .milliseconds(Int64(settings.gatherMilliseconds)), loop: isolated, time: time,
            logger: logger)
        let router = Router(
            database: database, journal: journal, domains: SceneAccounts.domains, config: settings.core,
            loop: isolated, time: time, logger: logger)
        router.policiesChanged(settings.policies.table)
        let authentication = AuthenticationService(
            database: database, decoySecret: secret, config: settings.c2s, loop: isolated, time: time)
        let server = C2SServer(
            router: router, tls: try TLSContexts(SceneAccounts.certificates(), logger: logger),
            authentication: authentication, config: settings.c2s, version: "1.0", loop: isolated, time: time,
            logger: logger)
        if !settings.components.isEmpty { server.serveComponents(settings.components) }
        server.arrange(settings.services, relay: nil)
        return server
    }

    /// Runs on the server's loop and waits for the value.
    func onLoop<Value: Sendable>(_ body: @escaping @Sendable (C2SServer) throws -> Value) throws -> Value {
        let core = core
        return try loop.submit { try body(core.value) }.wait()
    }

    /// The administrator has decided something else; it is in force when this returns.
    func decide(_ policies: ScenePolicies) throws {
        let users = users
        try Waiting.result { await users.decided(policies) }
        let table = policies.table
        try onLoop { $0.router.policiesChanged(table) }
    }

    /// Returns once everything accepted is committed and homes that were being read are there.
    func settle() throws {
        for _ in 0..<2 {
            let idle = loop.makePromise(of: Void.self)
            let core = core
            loop.execute { core.value.router.journal.whenIdle { idle.succeed(()) } }
            try idle.futureResult.wait()
            let database = database
            try Waiting.result { try await database.read { _ = try $0.query("SELECT 1", []) } }
            try onLoop { _ in }
        }
    }

    /// Waits until the server has seen as many connections end as `count` says are left.
    func awaitConnections(_ count: Int) throws {
        let deadline = ContinuousClock.now + .seconds(5)
        while try onLoop({ $0.connections }) > count {
            guard ContinuousClock.now < deadline else { throw SceneFailure("the server does not notice the lost link") }
        }
    }

    /// Waits until the server has seen the component of that domain go.
    func awaitComponentGone(_ domain: String) throws {
        let deadline = ContinuousClock.now + .seconds(5)
        while try onLoop({ $0.components?.connected.contains(domain) ?? false }) {
            guard ContinuousClock.now < deadline else { throw SceneFailure("the server does not notice the lost link") }
        }
    }

    // MARK: End

    /// Ends every stream and stores what is left, as a graceful shutdown does.
    func stop() throws {
        for channel in channels { try channel.close().wait() }
        let drained = loop.makePromise(of: Void.self)
        let core = core
        loop.execute { core.value.drain { drained.succeed(()) } }
        try drained.futureResult.wait()
        try endFiles()
        try group.syncShutdownGracefully()
        try database.close()
    }

    /// Copies the database as a sudden death of the process would leave it, then ends without storing anything there.
    func kill(leaving path: String, from old: String) throws {
        let database = database
        try Waiting.result {
            // On the writer's thread, between two commits.
            try await database.write { _ in
                try FileManager.default.copyItem(atPath: old, toPath: path)
                if FileManager.default.fileExists(atPath: old + "-wal") {
                    try FileManager.default.copyItem(atPath: old + "-wal", toPath: path + "-wal")
                }
            }
        }
        for channel in channels { try channel.close().wait() }
        try endFiles()
        try group.syncShutdownGracefully()
        try database.close()
    }

    private func endFiles() throws {
        guard let folder = try onLoop({ $0.files?.folder }) else { return }
        try Waiting.result { await folder.close() }
    }
}

/// Waits on a thread of its own for asynchronous work.
enum Waiting {
    private final class Box<Value>: @unchecked Sendable {
        // Safe: written before the semaphore is signalled, read after it was waited for.
        var result: Result<Value, any Error>?
    }

    static func result<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        let box = Box<Value>()
        let done = DispatchSemaphore(value: 0)
        Task {
            do { box.result = .success(try await body()) } catch { box.result = .failure(error) }
            done.signal()
        }
        done.wait()
        guard let result = box.result else { throw SceneFailure("no result") }
        return try result.get()
    }

    /// Runs `body`, which may block, on a thread of its own.
    static func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }
}
