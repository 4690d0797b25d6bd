import AdminServer
import Settings
import Foundation
import Ground
import IMCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
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

extension ComponentAccount {
    init(_ component: ServerConfig.Component) throws {
        let domain = try JIDPreparation.domainpart(component.domain)
        self.init(
            domain: domain, secret: component.secret, title: component.title ?? domain,
            conflict: component.conflict == .replace ? .replace : .refuse)
    }
}

extension CoreConfig {
    init(_ config: ServerConfig) {
        self.init()
        offlineMessages = config.messaging.offlineMessages
        forkSilence = Int64(config.messaging.forkLockSeconds) * 1_000
        stripsXHTML = config.messaging.stripXHTML
        rosterItems = config.limits.rosterItems
        blockedItems = config.limits.blockedItems
        archive.isEnabled = config.archive.isEnabled
        archive.preferences = ArchivePreferences(.init(rawValue: config.archive.default.rawValue) ?? .always)
        archive.retention = Int64(config.archive.retentionDays) * 86_400_000
        sessionsPerUser = config.limits.sessionsPerUser
        pubsub.nodes = config.limits.pubsubNodes
        pubsub.items = config.limits.pubsubItems
        pubsub.itemBytes = config.limits.pubsubItemBytes
        pubsub.totalBytes = config.limits.pubsubBytes
        pubsub.subscriptions = config.limits.pubsubSubscriptions
        quietMode = config.mobile.quietMode
        activeTime = Int64(config.mobile.activeSeconds) * 1_000
        push.services = config.mobile.pushServices
        push.interval = Int64(config.mobile.pushSeconds) * 1_000
        push.namesSender = config.mobile.pushSender
        push.carriesBody = config.mobile.pushBody
    }
}

extension C2SConfig {
    init(_ config: ServerConfig, descriptors: Int) {
        self.init()
        let limits = config.limits
        requiresTLS = config.tls == .required
        stanzaBytes = limits.stanzaBytes
        unauthenticatedStanzaBytes = limits.unauthenticatedStanzaBytes
        stanzaDepth = limits.stanzaDepth
        bytesPerSecond = limits.bytesPerSecond
        stanzasPerSecond = limits.stanzasPerSecond
        loginSeconds = limits.loginSeconds
        failedLoginsPerAddress = limits.failedLoginsPerAddress
        failedLoginsPerAccount = limits.failedLoginsPerAccount
        connectionsPerAddress = limits.connectionsPerAddress
        // Less than a few stanzas would end a stream for what it may receive.
        outboundBytes = max(limits.outboundBytes, 4 * limits.stanzaBytes)
        vcardBytes = limits.vcardBytes
        privateStorageBytes = limits.privateStorageBytes
        resumeSeconds = config.streamManagement.resumeSeconds
        ackSeconds = config.streamManagement.ackSeconds
        unacknowledgedStanzas = config.streamManagement.queue
        scramIterations = config.scramIterations
        allowsEnrolment = config.certificateEnrolment == .on
        if !allowsEnrolment, config.clientAuthorities.isEmpty { switchedOff.insert("client-certificates") }
        offersSHA256 = config.scramHashes == .all
        offersChannelBinding = config.channelBinding == .offered
        tokenSeconds = config.tokenDays * 86_400
        pingSeconds = limits.pingSeconds
        registration.isOpen = config.registration.enabled == .on
        registration.allowsPasswordChange = config.registration.passwordChange == .on
        registration.allowsRemoval = config.registration.removal == .on
        registration.accountsPerHour = config.registration.accountsPerHour
        registration.passwordLength = config.registration.passwordLength
        registration.instructions = config.registration.instructions
        registration.reserved = Set(config.registration.reserved.map { $0.lowercased() })
        let contact = config.contact
        contacts = [
            "abuse": contact.abuse, "admin": contact.admin, "feedback": contact.feedback, "sales": contact.sales,
            "security": contact.security, "support": contact.support,
        ]
        externalServices = config.externalServices.services.compactMap { ExternalServiceAddress($0) }.map {
            ExternalService(type: $0.type, host: $0.host, port: $0.port, transport: $0.transport)
        }
        relaySecret = config.externalServices.secret
        relaySeconds = config.externalServices.credentialSeconds
        heldStanzas = config.mobile.heldStanzas
        // The store, the listeners and the admin socket need descriptors too.
        connections = max(16, descriptors - 128)
        if config.broadcast.access == .off { switchedOff.insert("broadcast") }
        if !config.archive.isEnabled { switchedOff.insert("archive") }
    }
}

extension ServicesConfig {
    init(_ config: ServerConfig) {
        self.init()
        search.access = ServiceAccess(rawValue: config.search.access.rawValue) ?? .off
        search.coversAllDomains = config.search.domains == .all
        search.results = config.search.results
        broadcast.access = ServiceAccess(rawValue: config.broadcast.access.rawValue) ?? .off
        broadcast.addresses = config.broadcast.addresses
        broadcast.recipients = config.broadcast.recipients
        broadcast.recipientsPerMinute = config.broadcast.perMinute
        bytestreams.host = config.proxy65.host
        bytestreams.port = config.proxy65Listener?.port ?? bytestreams.port
        bytestreams.streams = config.proxy65.streams
        bytestreams.streamsPerUser = config.proxy65.streamsPerUser
        bytestreams.bytesPerSecond = config.proxy65.bytesPerSecond
        bytestreams.streamBytes = config.proxy65.streamBytes
        bytestreams.activationSeconds = config.proxy65.activationSeconds
        bytestreams.idleSeconds = config.proxy65.idleSeconds
        rooms.isEnabled = config.rooms.isEnabled
        rooms.subdomain = config.rooms.subdomain
        rooms.create = ServiceAccess(rawValue: config.rooms.create.rawValue) ?? .off
        rooms.limits.occupants = config.rooms.occupants
        rooms.limits.history = config.rooms.history
        rooms.rooms = config.rooms.rooms
        rooms.persistentRooms = config.rooms.persistentRooms
    }
}
