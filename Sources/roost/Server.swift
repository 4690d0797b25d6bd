import AdminServer
import Foundation
import Ground
import IMCore
import Logging
import NIOCore
import NIOPosix
import SIPServer
import ServiceLifecycle
import Settings
import Storage
import StorageSQLite
import Transport
import XMPPServer
import XMPPWire

/// The running server: what is composed at the start and taken apart at the end.
final class Server: Service {
    let live: LiveConfig
    let settings: LiveSettings
    let metrics: LiveMetrics
    let listeners: Listeners
    private let group: MultiThreadedEventLoopGroup
    private let adminGroup: MultiThreadedEventLoopGroup
    private let core: NIOLoopBound<C2SServer>
    private let sip: NIOLoopBound<SIPServer>
    let database: any Database
    let admin: AdminServer
    private let ticker: RepeatedTask
    private let logger: Logger

    private init(
        settings: LiveSettings, metrics: LiveMetrics, listeners: Listeners, group: MultiThreadedEventLoopGroup,
        adminGroup: MultiThreadedEventLoopGroup, core: NIOLoopBound<C2SServer>, sip: NIOLoopBound<SIPServer>,
        database: any Database, admin: AdminServer, ticker: RepeatedTask, logger: Logger
    ) {
        live = settings.live
        self.settings = settings
        self.metrics = metrics
        self.listeners = listeners
        self.group = group
        self.adminGroup = adminGroup
        self.core = core
        self.sip = sip
        self.database = database
        self.admin = admin
        self.ticker = ticker
        self.logger = logger
    }

    /// Opens the store, reads settings and certificates, binds every listener. Throws with one line that says what is
    /// wrong.
    ///
    /// - Parameters:
    ///   - file: what the file alone says.
    ///   - path: the file, which is looked at again and again.
    static func start(_ file: ServerConfig, path: String, logger: Logger) async throws -> Server {
        let descriptors = DescriptorLimit.raise()
        let database = try SQLiteDatabase(
            path: file.database, synchronous: .init(file.durability), logger: logger)
        try await Migrator.apply(AccountSchema.migrations + AdminSchema.migrations + SIPSchema.migrations, to: database)
        var stored = try await database.read { try StoredSettings(in: $0) }
        let layered = try readSettings(path, &stored, logger)
        let config = layered.config
        ServerLog.shared.configure(config)
        database.setSynchronous(.init(config.durability))
        let identity = try await database.write { try Identity(in: $0) }
        // One loop for everything on the message path (docs/decisions/0003); the admin interface has its own.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let adminGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let time = SystemTime()
        let policies = stored.policies(config, old: PolicyTable(), touched: nil)
        let core = try await loop.submit {
            let server = try compose(
                config, database: database, identity: identity, descriptors: descriptors, loop: loop, time: time,
                logger: logger)
            server.router.policiesChanged(policies)
            return NIOLoopBound(server, eventLoop: loop)
        }.get()
        let front = try await loop.submit {
            NIOLoopBound(HTTPFront(config, server: core.value, time: time, logger: logger), eventLoop: loop)
        }.get()
        let sip = try await loop.submit {
            let server = try composeSIP(config, core: core.value, time: time, logger: logger)
            front.value.add(XCAPMount(server))
            return NIOLoopBound(server, eventLoop: loop)
        }.get()
        let ticker = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            core.value.tick()
            sip.value.tick()
            front.value.tick()
        }
        let relay = try await Self.relay(config, on: adminGroup.next(), time: time)
        let listeners = Listeners(logger: logger)
        let administration = try await Administration(config, on: adminGroup.next(), logger: logger)
        let target = SettingsTarget(
            core: core, sip: sip, front: front, relay: relay, administration: administration, listeners: listeners,
            group: group, adminGroup: adminGroup, database: database, descriptors: descriptors)
        try await loop.submit { target.arrange(config) }.get()
        let settings = LiveSettings(
            path: path, stored: stored, layered: layered, policies: policies, live: LiveConfig(config),
            database: database, target: target, time: time, logger: logger)
        try await loop.submit {
            core.value.userSettings = settings
            core.value.router.whenAccountRemoved.append { jid in
                Task { await settings.forget(user: jid.bare.description) }
            }
        }.get()
        let face = LiveSIP(sip: sip, live: settings.live, database: database, time: time)
        let backend = AdminBackendLive(
            live: settings.live, listeners: listeners, database: database, core: core, sip: face, time: time)
        let metrics = LiveMetrics(core: core, sip: sip, live: settings.live, database: database, time: time)
        let services = LiveServices(core: core, settings: settings, listeners: listeners)
        var parts = AdminParts()
        parts.settings = settings
        parts.metrics = metrics
        parts.services = services
        parts.logs = ServerLog.shared
        parts.certificates = LiveCertificates(settings: settings, time: time)
        parts.sip = face
        parts.doctor = Doctor(
            settings: settings, listeners: listeners, database: database, core: core, metrics: metrics,
            services: services,
            sip: SIPExamination(sip: face, listeners: listeners, database: database, group: adminGroup), time: time)
        let interface = AdminInterface(
            backend: backend, parts: parts, database: database, settings: AccessSettings(config),
            jobsFolder: URL(fileURLWithPath: config.database).deletingLastPathComponent().path + "/jobs", time: time,
            logger: logger)
        let languages = URL(fileURLWithPath: path).deletingLastPathComponent().appendingPathComponent("languages")
        let admin = AdminServer(
            interface, path: config.adminSocket, pages: [MetricsPages(), Console(textsFolder: languages.path)],
            group: adminGroup)
        administration.open(admin, config)
        try await admin.start()
        try await interface.jobs.start()
        // Last of all: whoever can connect finds everything there.
        await listeners.keep(try await listeners.move(to: target.plans(config)))
        return Server(
            settings: settings, metrics: metrics, listeners: listeners, group: group, adminGroup: adminGroup,
            core: core, sip: sip, database: database, admin: admin, ticker: ticker, logger: logger)
    }

    /// What the installation keeps over restarts, and ids go on after.
    private struct Identity: Sendable {
        var lastID: MessageID
        var names: [UInt8]
        var secret: [UInt8]

        init(in transaction: any Transaction) throws {
            // What an import left behind that did not come to its end.
            try PortableStore.clear(nil, in: transaction)
            func random() -> [UInt8] { (0..<32).map { _ in UInt8.random(in: .min ... .max) } }
            lastID = try JournalStore.lastID(in: transaction)
            names = try AccountStore.installationValue("message-ids", in: transaction) { random() }
            secret = try AccountStore.installationValue("scram-decoy", in: transaction) { random() }
        }
    }

    /// File and stored values. A stored value that is in order no more, such as a certificate that was removed, must not
    /// keep the server from starting: the file's or the default counts, and the log says so.
    private static func readSettings(
        _ path: String, _ stored: inout StoredSettings, _ logger: Logger
    ) throws -> LayeredConfig {
        while true {
            do {
                return try ConfigLoader.load(path: path, stored: stored.deployment)
            } catch let problems {
                let broken = problems.problems.filter { problem in
                    problem.key.map { key in stored.deployment.keys.contains { key.hasPrefix($0) } } ?? false
                }
                guard !broken.isEmpty else { throw problems }
                for problem in broken {
                    logger.error(
                        "a stored setting is not in order and is left out",
                        metadata: ["key": "\(problem.key ?? "")", "problem": "\(problem.text)"])
                    for key in stored.deployment.keys where problem.key?.hasPrefix(key) ?? false {
                        stored.deployment[key] = nil
                    }
                }
            }
        }
    }

    /// The sockets of the bytestreams proxy live beside the admin interface: files must not hold up messages.
    private static func relay(
        _ config: ServerConfig, on loop: any EventLoop, time: SystemTime
    ) async throws -> NIOLoopBound<BytestreamRelay> {
        let settings = ServicesConfig(config).bytestreams
        let relay = try await loop.submit {
            NIOLoopBound(BytestreamRelay(config: settings, time: time), eventLoop: loop)
        }.get()
        loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in relay.value.tick() }
        return relay
    }

    private static func compose(
        _ config: ServerConfig, database: any Database, identity: Identity, descriptors: Int, loop: any EventLoop,
        time: SystemTime, logger: Logger
    ) throws -> C2SServer {
        let isolated = loop.assumeIsolated()
        let journal = Journal(
            database: database, lastID: identity.lastID, names: OpaqueIDs(key: identity.names),
            durability: Durability(config.durability),
            gatherWindow: .milliseconds(Int64(config.gatherMilliseconds)), loop: isolated, time: time, logger: logger)
        let router = Router(
            database: database, journal: journal, domains: config.domains.map(\.name), config: CoreConfig(config),
            loop: isolated, time: time, logger: logger)
        var c2s = C2SConfig(config, descriptors: descriptors)
        if !config.clientAuthorities.isEmpty {
            c2s.clientAuthorities = try ClientAuthorities(path: config.clientAuthorities)
        }
        let tls = try TLSContexts(
            config.domains.map { TLSContexts.Source($0) },
            asksForCertificates: c2s.clientAuthorities != nil || c2s.allowsEnrolment, logger: logger)
        let authentication = AuthenticationService(
            database: database, decoySecret: identity.secret, config: c2s, loop: isolated, time: time)
        let server = C2SServer(
            router: router, tls: tls, authentication: authentication, config: c2s, version: RoostVersion.current,
            loop: isolated, time: time, logger: logger)
        try server.serveComponents(config.components.map { try ComponentAccount($0) })
        try server.serveFiles(config)
        return server
    }

    /// The SIP face, on the loop of the core.
    private static func composeSIP(
        _ config: ServerConfig, core: C2SServer, time: SystemTime, logger: Logger
    ) throws -> SIPServer {
        var sip = SIPConfig(config)
        sip.clientAuthorities = core.config.clientAuthorities ?? Self.publicAuthorities(sip)
        let tls = try TLSContexts(
            config.domains.map { TLSContexts.Source($0) }, asksForCertificates: sip.asksForCertificates, logger: logger)
        let server = SIPServer(
            router: core.router, config: sip, loop: core.router.loop, time: time, logger: logger, tls: tls)
        server.ports = (config.sipTCP.map { UInt16($0.port) }, config.sipTLS.map { UInt16($0.port) })
        server.sessions?.port = config.msrp.map { UInt16($0.port) }
        return server
    }

    /// For certificates of trunks, where no authorities of our own are named: those that the system believes.
    static func publicAuthorities(_ config: SIPConfig) -> ClientAuthorities? {
        guard config.asksForCertificates else { return nil }
        return try? ClientAuthorities(path: "/etc/ssl/certs/ca-certificates.crt")
    }

    /// Serves until a graceful shutdown, then drains.
    func run() async throws {
        let settings = settings
        let watch = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .seconds(1))
                await settings.lookAtFile()
            }
        }
        let metrics = metrics
        let sampling = Task { try await metrics.run() }
        try? await gracefulShutdown()
        watch.cancel()
        sampling.cancel()
        await drain()
    }

    /// No new work; what is accepted is stored; streams are closed properly.
    private func drain() async {
        await admin.admin.jobs.stop()
        await listeners.close()
        let (core, sip) = (core, sip)
        let loop = group.next()
        let stored = loop.makePromise(of: Void.self)
        loop.execute {
            sip.value.drain { core.value.drain { stored.succeed(()) } }
            // A disk that fails must not keep the process alive; what was acknowledged is stored already.
            loop.scheduleTask(in: .seconds(20)) { stored.succeed(()) }
        }
        try? await stored.futureResult.get()
        await listeners.closeDatagrams()
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
