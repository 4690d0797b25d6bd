import Ground
import SIPServer
import SIPWire
import Settings
import Transport
import XMPPWire

extension SIPConfig {
    /// From the settings to what the SIP face works with.
    init(_ config: ServerConfig) {
        self.init()
        let sip = config.sip
        domains = config.domains.map(\.name)
        for alias in sip.domainAliases {
            let parts = alias.split(separator: "=", maxSplits: 1).map { $0.lowercased() }
            if parts.count == 2 { domainAliases[parts[0]] = parts[1] }
        }
        offersMD5 = sip.isMD5On
        offersSHA256 = sip.isSHA256On || !sip.isMD5On
        acceptsForeign = sip.acceptsFromOutside
        let authenticated = Set(sip.authenticatedMethods.map { SIPMethod(SIPBytes($0)) })
        // Only what the administrator took off the list is open. Methods that never stand there (INFO, NOTIFY, OPTIONS …) pass
        // inside of dialogs; outside of them they would let anybody speak in a user's name, and send through us.
        let standard = Set(ServerConfig.SIP().authenticatedMethods.map { SIPMethod(SIPBytes($0)) })
        openMethods = (authenticated.isEmpty ? Set(SIPMethod.all) : standard).subtracting(authenticated)
        // Where Roost's own people are concerned, what is not asked for cannot be proven; nobody is let in by that.
        openMethods.subtract([.register])
        registrationAgents = Set(
            sip.registrationAgents.compactMap { (try? JID(parsing: $0))?.bare.description })
        messageBytes = sip.messageBytes
        contentBytes = sip.contentBytes
        datagramBytes = sip.datagramBytes
        messagesPerSecond = sip.messagesPerSecond
        messageSessions = sip.messageSessions
        messageSessionsPerUser = sip.messageSessionsPerUser
        messageSessionIdle = sip.messageSessionIdle
        opensMessageSessions = sip.opensMessageSessions
        firstMessageTimeout = sip.firstMessageSeconds
        maxForwards = sip.maxForwards
        connections = sip.connections
        transactions = sip.transactions
        connectionsPerAddress = config.limits.connectionsPerAddress
        failuresPerAddress = config.limits.failedLoginsPerAddress
        failuresPerAccount = config.limits.failedLoginsPerAccount
        asksForCertificates = sip.clientCertificates != .off || sip.trunks.contains { !$0.certificates.isEmpty }
        requiresCertificates = sip.clientCertificates == .required
        serverAuthorities = sip.serverAuthorities.isEmpty ? nil : sip.serverAuthorities
        nameServers = sip.dnsServers
        advertisedHost =
            sip.advertisedHost.isEmpty
            ? nil : sip.advertisedHost.contains(":") ? "[\(sip.advertisedHost)]" : sip.advertisedHost
        idleTimeout = sip.idleSeconds
        flowTimer = sip.flowTimerSeconds
        headers = sip.headerFields
        outputBytes = sip.outputBytes
        answeredBytes = sip.answeredBytes
        nonceLifetime = sip.nonceSeconds
        requestsPerSecond = sip.requestsPerSecond
        scanners = sip.scanners
        maxBreadth = sip.maxBreadth
        timers.t1 = Int64(sip.t1Milliseconds)
        timers.t2 = Int64(max(sip.t1Milliseconds, sip.t2Milliseconds))
        serialSeconds = sip.serialSeconds
        ringSeconds = sip.ringSeconds
        sessionSeconds = sip.sessionSeconds
        sessionMinSeconds = sip.sessionMinSeconds
        callSeconds = sip.callSeconds
        callsArePresence = sip.callsArePresence
        isXCAPOn = sip.isEnabled && sip.isXCAPOn
        registerExpires = Expiry(sip.register)
        subscribe = Expiry(sip.subscribe)
        publish = Expiry(sip.publish)
        notifySeconds = sip.notifySeconds
        subscriptionsPerUser = sip.subscriptionsPerUser
        subscriptions = sip.subscriptions
        foreignWatchesPerUser = sip.foreignSubscriptionsPerUser
        foreignWatches = sip.foreignSubscriptions
        trackedCalls = sip.trackedCalls
        listMembers = sip.listMembers
        xcapBytes = sip.xcapBytes
        let port = config.https?.port ?? 443
        let host = "https://\(config.domains.first?.name ?? "localhost")" + (port == 443 ? "" : ":\(port)")
        xcapRoot = (config.web.publicURL.isEmpty ? host : config.web.publicURL) + XCAPMount.location + "/"
        contacts = sip.contacts
        trunks = sip.trunks.map { TrunkSettings($0) }
        routes = sip.routes.map { RouteSettings(domain: $0.domain, prefix: $0.prefix, trunk: $0.trunk) }
    }
}

extension SIPConfig.Expiry {
    /// The usual time lies within the bounds, whatever the settings say.
    init(_ expiry: ServerConfig.SIP.Expiry) {
        self.init(
            least: expiry.least, standard: min(max(expiry.standard, expiry.least), expiry.most), most: expiry.most)
    }
}

extension TrunkSettings {
    init(_ trunk: ServerConfig.SIPTrunk) {
        self.init(name: trunk.name, destinations: trunk.destinations)
        addresses = trunk.addresses.compactMap { AddressRange($0) }
        certificates = trunk.certificates.map { $0.lowercased() }
        publishesLineState = trunk.publishesLineState
        isPresenceGateway = trunk.isPresenceGateway
        domains = trunk.domains
        prefix = trunk.prefix
        keepAliveSeconds = trunk.keepAliveSeconds
    }
}
