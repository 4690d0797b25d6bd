import Foundation
import Ground
import IMCore
import Logging
import NIOCore
import NIOPosix
import SIPWire
import Storage
import StorageSQLite
import XMPPWire

@testable import SIPServer

/// A SIP server on a loop of its own, with sockets on loopback and accounts in a database on the disk.
final class SIPBench: @unchecked Sendable {
    // Safe: the server is touched on its loop only; the rest is set before others see it.
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("sip-\(UUID()).db").path
    private(set) var database: SQLiteDatabase
    var loop: any EventLoop { group.next() }
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private var server: NIOLoopBound<SIPServer>?
    private var channels: [any Channel] = []
    private(set) var udp: UInt16 = 0
    private(set) var tcp: UInt16 = 0
    private(set) var msrp: UInt16 = 0
    private let configure: @Sendable (inout SIPConfig) -> Void
    private let time: any TimeSource
    private let durability: Durability

    static func jid(_ name: String) -> JID { JID(preparedLocal: name, domain: "example.com", resource: nil) }

    /// - Parameter users: accounts at example.com, each with the password `secret`.
    init(
        _ users: [String], time: any TimeSource = SystemTime(), durability: Durability = .memory,
        configure: @escaping @Sendable (inout SIPConfig) -> Void = { _ in }
    ) async throws {
        self.configure = configure
        self.durability = durability
        self.time = time
        database = try SQLiteDatabase(path: path, synchronous: .off)
        try await Migrator.apply(AccountSchema.migrations + SIPSchema.migrations, to: database)
        try await database.write { transaction in
            for name in users {
                let jid = Self.jid(name)
                _ = try AccountStore.add(
                    jid, name: nil, isAdmin: false,
                    credentials: Credentials(preparedPassword: "secret", of: jid, iterations: 1, salt: [1]), now: 0,
                    in: transaction)
            }
        }
        try await start()
    }

    private func start() async throws {
        let loop = group.next()
        let database = database
        let configure = configure
        let time = time
        let durability = durability
        let made = try await loop.submit { () -> NIOLoopBound<SIPServer> in
            var logger = Logger(label: "sip")
            logger.logLevel = .critical
            let isolated = loop.assumeIsolated()
            let journal = Journal(
                database: database, lastID: MessageID(0), durability: durability, gatherWindow: .milliseconds(1),
                loop: isolated, time: time, logger: logger)
            let router = Router(
                database: database, journal: journal, domains: ["example.com"], config: CoreConfig(), loop: isolated,
                time: time, logger: logger)
            var config = SIPConfig()
            config.domains = ["example.com"]
            config.trustsEverybody = true
            // Nothing is repeated while a test has not come to its answer yet; tests of repetitions set their own.
            config.timers.t1 = 4_000
            configure(&config)
            return NIOLoopBound(
                SIPServer(router: router, config: config, loop: isolated, time: time, logger: logger), eventLoop: loop)
        }.get()
        server = made
        let datagrams = try await DatagramBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {}
            }
            .bind(host: "127.0.0.1", port: Int(udp)).get()
        try await loop.submit { try made.value.serve(datagrams: datagrams) }.get()
        let streams = try await ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try made.value.accept(channel, usesTLS: false) }
            }
            .bind(host: "127.0.0.1", port: Int(tcp)).get()
        let sessions = try await ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { _ = try made.value.sessions?.accept(channel) }
            }
            .bind(host: "127.0.0.1", port: Int(msrp)).get()
        channels = [datagrams, streams, sessions]
        msrp = UInt16(sessions.localAddress?.port ?? 0)
        udp = UInt16(datagrams.localAddress?.port ?? 0)
        tcp = UInt16(streams.localAddress?.port ?? 0)
        let (port, sessionPort) = (tcp, msrp)
        try await loop.submit {
            made.value.ports = (tcp: port, tls: nil)
            made.value.sessions?.port = sessionPort
        }.get()
    }

    /// Runs on the server's loop.
    func on<Value: Sendable>(_ body: @escaping @Sendable (SIPServer) throws -> Value) async throws -> Value {
        let server = server!
        return try await server.eventLoop.submit { try body(server.value) }.get()
    }

    /// The same for what calls back.
    func until(_ body: @escaping @Sendable (SIPServer, @escaping () -> Void) -> Void) async throws {
        let server = server!
        let promise = server.eventLoop.makePromise(of: Void.self)
        server.eventLoop.execute { body(server.value) { promise.succeed(()) } }
        try await promise.futureResult.get()
    }

    /// One second of the server's clockwork.
    func tick() async throws { try await on { $0.tick() } }

    /// Waits until what was given to the journal is in the store.
    func settle() async throws {
        let server = server!
        let promise = server.eventLoop.makePromise(of: Void.self)
        server.eventLoop.execute {
            server.value.router.journal.whenIdle { promise.succeed(()) }
        }
        try await promise.futureResult.get()
    }

    /// The UDP socket goes by itself, as the server sees it.
    func loseDatagrams() async throws { try await channels[0].close().get() }

    /// And comes back on its port.
    func bindDatagrams() async throws {
        let server = server!
        let datagrams = try await DatagramBootstrap(group: group.next())
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture {} }
            .bind(host: "127.0.0.1", port: Int(udp)).get()
        try await server.eventLoop.submit { try server.value.serve(datagrams: datagrams) }.get()
        channels[0] = datagrams
    }

    private func stop() async throws {
        let server = server!
        let promise = server.eventLoop.makePromise(of: Void.self)
        server.eventLoop.execute { server.value.drain { promise.succeed(()) } }
        try await promise.futureResult.get()
        try await settle()
        for channel in channels { try? await channel.close().get() }
        channels = []
        self.server = nil
    }

    /// The server goes and comes back on the same ports, with the same database.
    func restart() async throws {
        try await stop()
        try await start()
    }

    func close() async throws {
        try await stop()
        try await group.shutdownGracefully()
        try database.close()
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }
}

/// Runs `body` against a server of its own.
func withServer(
    _ users: [String], time: any TimeSource = SystemTime(), durability: Durability = .memory,
    configure: @escaping @Sendable (inout SIPConfig) -> Void = { _ in },
    _ body: (SIPBench) async throws -> Void
) async throws {
    let bench = try await SIPBench(users, time: time, durability: durability, configure: configure)
    do {
        try await body(bench)
    } catch {
        try? await bench.close()
        throw error
    }
    try await bench.close()
}
