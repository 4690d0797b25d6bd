import AdminServer
import Foundation
import Ground
import IMCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Settings
import Storage
import StorageSQLite
import Transport
import XMPPServer
import XMPPWire

/// The running server: what is composed at the start and taken apart at the end.
final class Server: Service {
    let config: ServerConfig
    let listeners: [String]
    private let group: MultiThreadedEventLoopGroup
    private let adminGroup: MultiThreadedEventLoopGroup
    private let core: NIOLoopBound<C2SServer>
    private let channels: [any Channel]
    let database: any Database
    private let admin: AdminServer
    private let ticker: RepeatedTask
    private let logger: Logger

    private init(
        config: ServerConfig, listeners: [String], group: MultiThreadedEventLoopGroup,
        adminGroup: MultiThreadedEventLoopGroup, core: NIOLoopBound<C2SServer>, channels: [any Channel],
        database: any Database, admin: AdminServer, ticker: RepeatedTask, logger: Logger
    ) {
        self.config = config
        self.listeners = listeners
        self.group = group
        self.adminGroup = adminGroup
        self.core = core
        self.channels = channels
        self.database = database
        self.admin = admin
        self.ticker = ticker
        self.logger = logger
    }

    /// Opens the store, reads certificates, binds every listener. Throws with one line that says what is wrong.
    static func start(_ config: ServerConfig, logger: Logger) async throws -> Server {
        let descriptors = DescriptorLimit.raise()
        let durability = Durability(rawValue: config.durability.rawValue) ?? .power
        let synchronous: SQLiteDatabase.Synchronous =
            switch durability {
            case .power: .full
            case .process: .normal
            case .memory: .off
            }
        let database = try SQLiteDatabase(path: config.database, synchronous: synchronous, logger: logger)
        try await Migrator.apply(AccountSchema.migrations, to: database)
        let (lastID, names, secret) = try await database.write { transaction in
            // What an import left behind that did not come to its end.
            try PortableStore.clear(nil, in: transaction)
            return (
                try JournalStore.lastID(in: transaction),
                try AccountStore.installationValue("message-ids", in: transaction) {
                    (0..<32).map { _ in UInt8.random(in: .min ... .max) }
                },
                try AccountStore.installationValue("scram-decoy", in: transaction) {
                    (0..<32).map { _ in UInt8.random(in: .min ... .max) }
                }
            )
        }
        // One loop for everything on the message path (docs/decisions/0003); the admin socket has its own.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let adminGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let time = SystemTime()
        let core = try await loop.submit {
            NIOLoopBound(
                try compose(
                    config, database: database, lastID: lastID, names: OpaqueIDs(key: names), secret: secret,
                    durability: durability,
                    descriptors: descriptors, loop: loop, time: time, logger: logger), eventLoop: loop)
        }.get()
        let front = try await loop.submit {
            NIOLoopBound(HTTPFront(config, server: core.value, time: time, logger: logger), eventLoop: loop)
        }.get()
        let ticker = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            core.value.tick()
            front.value.tick()
        }
        var channels: [any Channel] = []
        var listeners: [String] = []
        let plan: [(String, ServerConfig.Listener?, @Sendable (any Channel) throws -> Void)] = [
            ("c2s", config.c2s, { try core.value.accept($0, directTLS: false) }),
            ("c2s-tls", config.c2sTLS, { try core.value.accept($0, directTLS: true) }),
            ("https", config.https, { try front.value.accept($0, usesTLS: true) }),
            ("http", config.http, { try front.value.accept($0, usesTLS: false) }),
        ]
        for (name, listener, accept) in plan {
            guard let listener else { continue }
            channels.append(
                try await Listener.bind(
                    address: listener.address, port: listener.port, group: group, accept: accept))
            let host = listener.address.contains(":") ? "[\(listener.address)]" : listener.address
            listeners.append("\(name) \(host):\(listener.port)")
        }
        if let listener = config.component {
            channels.append(
                try await Listener.bind(address: listener.address, port: listener.port, group: group) { channel in
                    try core.value.components?.accept(channel)
                })
            listeners.append(
                "component \(listener.address.contains(":") ? "[\(listener.address)]" : listener.address):\(listener.port)"
            )
        }
        if let listener = config.proxy65Listener {
            channels.append(try await serveProxy65(config, listener, core: core, group: adminGroup, time: time))
            let host = listener.address.contains(":") ? "[\(listener.address)]" : listener.address
            listeners.append("proxy65 \(host):\(listener.port)")
        }
        let backend = AdminOperations(
            config: config, listeners: listeners, database: database, core: core, time: time)
        let admin = AdminServer(
            path: config.adminSocket, backend: backend, eventLoopGroup: adminGroup, logger: logger)
        try await admin.start()
        return Server(
            config: config, listeners: listeners, group: group, adminGroup: adminGroup, core: core, channels: channels,
            database: database, admin: admin, ticker: ticker, logger: logger)
    }

    /// The sockets of the proxy live beside the admin socket: files must not hold up messages.
    private static func serveProxy65(
        _ config: ServerConfig, _ listener: ServerConfig.Listener, core: NIOLoopBound<C2SServer>,
        group: MultiThreadedEventLoopGroup, time: SystemTime
    ) async throws -> any Channel {
        let settings = ServicesConfig(config).bytestreams
        let loop = group.next()
        let relay = try await loop.submit {
            NIOLoopBound(BytestreamRelay(config: settings, time: time), eventLoop: loop)
        }.get()
        loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in relay.value.tick() }
        try await core.eventLoop.submit { core.value.addBytestreams(settings, relay: relay) }.get()
        return try await Listener.bind(address: listener.address, port: listener.port, group: group) { channel in
            try relay.value.accept(channel)
        }
    }

    private static func compose(
        _ config: ServerConfig, database: any Database, lastID: MessageID, names: OpaqueIDs, secret: [UInt8],
        durability: Durability, descriptors: Int, loop: any EventLoop, time: SystemTime, logger: Logger
    ) throws -> C2SServer {
        let isolated = loop.assumeIsolated()
        let journal = Journal(
            database: database, lastID: lastID, names: names, durability: durability,
            gatherWindow: .milliseconds(Int64(config.gatherMilliseconds)), loop: isolated, time: time, logger: logger)
        let router = Router(
            database: database, journal: journal, domains: config.domains.map(\.name), config: CoreConfig(config),
            loop: isolated,
            time: time, logger: logger)
        var c2s = C2SConfig(config, descriptors: descriptors)
        if !config.clientAuthorities.isEmpty {
            c2s.clientAuthorities = try ClientAuthorities(path: config.clientAuthorities)
        }
        let tls = try TLSContexts(
            config.domains.map { .init(domain: $0.name, certificate: $0.certificate, key: $0.key) },
            asksForCertificates: c2s.clientAuthorities != nil || c2s.allowsEnrolment, logger: logger)
        let authentication = AuthenticationService(
            database: database, decoySecret: secret, config: c2s, loop: isolated, time: time)
        let server = C2SServer(
            router: router, tls: tls, authentication: authentication, config: c2s, version: RoostVersion.current,
            loop: isolated, time: time, logger: logger)
        if config.component != nil { try server.serveComponents(config.components.map { try ComponentAccount($0) }) }
        server.addServices(ServicesConfig(config))
        try server.serveFiles(config)
        return server
    }

    /// Serves until a graceful shutdown, then drains.
    func run() async throws {
        try? await gracefulShutdown()
        await drain()
    }

    /// No new work; what is accepted is stored; streams are closed properly.
    private func drain() async {
        for channel in channels { try? await channel.close().get() }
        let core = core
        let loop = group.next()
        let stored = loop.makePromise(of: Void.self)
        loop.execute {
            core.value.drain { stored.succeed(()) }
            // A disk that fails must not keep the process alive; what was acknowledged is stored already.
            loop.scheduleTask(in: .seconds(20)) { stored.succeed(()) }
        }
        try? await stored.futureResult.get()
        ticker.cancel()
        await admin.stop()
        if let folder = try? await loop.submit({ core.value.files?.folder }).get() { await folder.close() }
        // Closing tags are on their way; the loop ends when the connections are closed.
        try? await group.shutdownGracefully()
        try? await adminGroup.shutdownGracefully()
        do { try database.close() } catch {
            logger.error("closing the database failed", metadata: ["error": "\(error)"])
        }
    }
}
