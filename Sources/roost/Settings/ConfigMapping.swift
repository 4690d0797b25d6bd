import IMCore
import Logging
import Settings
import XMPPServer
import XMPPWire

// From the settings to what each part of the server works with.

extension ServerLog {
    func configure(_ config: ServerConfig) {
        configure(level: Logger.Level(rawValue: config.logLevel) ?? .info, isJSON: config.logFormat == "json")
    }
}

extension UserPolicy.Values {
    /// The settings that may differ by domain and user, from a configuration with their values in it.
    init(_ config: ServerConfig) {
        self.init()
        presence.sharing = config.presence.sharing
        presence.autoAuthorizes = config.presence.autoAuthorize
        presence.insideRequests = .init(rawValue: config.presence.insideWatchers.rawValue) ?? .prompt
        presence.outsideRequests = .init(rawValue: config.presence.outsideWatchers.rawValue) ?? .prompt
        presence.contacts = config.presence.contactsMax
        presence.watchers = config.presence.watchersMax
        presence.adHoc = config.presence.adhoc
        presence.adHocWatches = config.presence.adhocMax
        presence.adHocSeconds = config.presence.adhocSeconds
        messaging.isEnabled = config.messaging.isEnabled
        messaging.suppressesOffline = config.messaging.suppressOffline
        messaging.allowsHistory = config.messaging.allowHistory
        messaging.allowsCutPaste = config.messaging.allowCutPaste
        messaging.locksForks = config.messaging.forkLock
        messaging.copiesToDevices = config.messaging.multipleDevices
        messaging.sessionsPerUser = config.limits.sessionsPerUser
        messaging.broadcasting = .init(rawValue: config.broadcast.access.rawValue) ?? .off
        messaging.eviction = .init(rawValue: config.limits.sessionEviction.rawValue) ?? .oldest
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
        publicationsPerUser = config.sip.publicationsPerUser
        presence.changesPerSecond = config.presence.changeThrottle
        presence.coalesce = Int64(config.presence.coalesceMilliseconds)
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
        banner = config.bannerToClients ? config.banner : ""
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
