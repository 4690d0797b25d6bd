import Ground
import Logging
import NIOCore
import Storage
import XMPPWire

/// Settings of the core, all changeable while it runs.
public struct CoreConfig: Sendable {
    /// Stored messages of one user before the next sender gets an error.
    public var offlineMessages = 1_000
    /// Silence after which a conversation forks again, milliseconds.
    public var forkSilence: Int64 = 1_800_000
    /// Formatted text (XEP-0071) is taken out of messages of users.
    public var stripsXHTML = false
    public var rosterItems = 5_000
    public var blockedItems = 1_000
    public var archive = ArchiveConfig()
    public var pubsub = PubSubLimits()
    /// Messages to an inactive client wait while another one of the user is active.
    public var quietMode = false
    /// How long a client counts as active after presence or a message, milliseconds.
    public var activeTime: Int64 = 300_000
    public var push = PushConfig()
    /// Publications of one user, of both events together.
    public var publicationsPerUser = 32
    public var presence = PresenceConfig()

    public init() {}
}

/// Where stanzas go: the only thing that changes the homes' live state. Confined to one event loop.
///
/// The work is in extensions, one folder each: `Messaging/MessageRouting`, `Offline/OfflineReplay`,
/// `Presence/PresenceRouting`, `Roster/RosterService`, `Privacy/BlockingService`.
public final class Router {
    public let homes: HomeRegistry
    public let journal: Journal
    public let database: any Database
    public var config: CoreConfig {
        didSet { homes.forkSilence = config.forkSilence }
    }
    /// Policies of everybody; `policiesChanged` exchanges them.
    public internal(set) var policies = PolicyTable()
    public let loop: NIOIsolatedEventLoop
    let time: any TimeSource
    let logger: Logger
    /// Hosted domains, prepared, as bytes and as text.
    private var domains = ByteTable<String>()
    public private(set) var domainNames: [String] = []
    /// Services by their domain.
    var services: [String: any DomainService] = [:]
    /// Answers domains that are neither served nor a service's: those that another protocol leads to. Nil where there are none.
    public var outside: ((_ domain: String) -> (any DomainService)?)?
    /// Push services with something to tell that waits.
    var waitingPushes: [(PushRegistration, UserHome)] = []
    /// Changes of presence that wait for their turn.
    var pacing = PresencePacing()
    var publications = PublicationBook()
    /// Homes whose status set by hand ends at a time, while they have clients.
    var endingStatuses: [ObjectIdentifier: UserHome] = [:]
    /// Called when something else is decided for a user whose home is in memory.
    public var whenPolicyChanged: ((UserHome) -> Void)?
    /// Called when a status set by hand has changed.
    public var whenManualPresenceChanged: ((UserHome) -> Void)?
    /// Requests of ours that services have not answered.
    public let inquiries = ServiceInquiries()
    /// Answers IQs of services to hosted domains and to accounts; set by the face that knows how.
    public var answerIQ: ((RoutedStanza) -> Void)?

    /// Who watches whom without a subscription.
    var adHoc = AdHocWatches()
    private(set) lazy var availabilitySwitch = AvailabilitySwitch(router: self)
    /// Called with users who ceased or began to share availability, once everybody who is subscribed has been told.
    public var whenSharingSwitched: [(Set<JID>) -> Void] = []

    /// Called with every home that comes into memory, before whoever waits for it: what other faces know of the user
    /// (registered contacts, watchers, publications) is put into it.
    public var whenHomeLoaded: [(UserHome) -> Void] {
        get { homes.whenLoaded }
        set { homes.whenLoaded = newValue }
    }
    /// Called when what others may see of a user changes, for homes with `isWatchedOutside`; often enough for one change.
    public var whenPresenceChanged: ((UserHome) -> Void)?
    /// Called when a subscription or a request between a user and a contact has changed in the user's roster (stored by
    /// then), and when the contact, or an address that covers it, came onto the user's block or allow list or left it.
    public var whenSubscriptionChanged: [(_ home: UserHome, _ contact: JID) -> Void] = []

    /// Called before an account is removed, and again once it is.
    public var whenAccountRemoved: [(JID) -> Void] = []
    /// Called once another password of an account is stored; `passwordChanged` does it.
    public var whenPasswordChanged: [(JID) -> Void] = []

    /// Messages routed since the start.
    public internal(set) var messagesRouted = 0
    public internal(set) var counters = CoreCounters()

    public init(
        database: any Database, journal: Journal, domains: [String], config: CoreConfig, loop: NIOIsolatedEventLoop,
        time: any TimeSource, logger: Logger
    ) {
        self.database = database
        self.journal = journal
        self.config = config
        self.loop = loop
        self.time = time
        self.logger = logger
        homes = HomeRegistry(
            database: database, journal: journal, loop: loop, time: time, logger: logger,
            forkSilence: config.forkSilence)
        host(domains)
        homes.whenLoaded.append { [weak self] home in
            if !home.publications.isEmpty { self?.restorePublications(home) }
        }
    }

    /// Other domains are hosted from now on. Whoever calls ends the clients of one that is gone.
    public func host(_ domains: [String]) {
        for domain in domainNames { self.domains[Array(domain.utf8)] = nil }
        for domain in domains { self.domains[Array(domain.utf8)] = domain }
        domainNames = domains
    }

    public func serves(_ domain: UnsafeRawBufferPointer) -> Bool { domains[domain] != nil }

    public func serves(_ domain: String) -> Bool { domainNames.contains(domain) }

    /// Once a second.
    public func tick() {
        let uptime = time.uptime
        inquiries.tick(uptime)
        if !waitingPushes.isEmpty { sendWaitingPushes() }
        if !adHoc.isEmpty { expireWatches() }
        if !pacing.isEmpty { sendWaitingPresence() }
        if !endingStatuses.isEmpty { endStatuses() }
        tickPublications()
        if uptime - lastEviction > 10_000 {
            lastEviction = uptime
            homes.evictIdle(uptime: uptime)
            journal.indexSoon()
        }
        sweepArchives(uptime)
    }

    private var lastEviction: Int64 = 0
    /// Monotonic milliseconds; nil while a sweep is under way.
    var nextSweep: Int64? = 0

    // MARK: Clients come and go

    /// Adds a bound client. One with the same resource, and the oldest ones past the limit, are ended
    /// (RFC 6120 §7.7.2.2, `conflict`).
    public func bind(_ endpoint: any Endpoint, to home: UserHome) {
        if let old = home.endpoint(resource: endpoint.resource) {
            old.end(StreamError(.conflict, "replaced by a new session with the same resource"))
        }
        while endpoint.isClient, home.sessionCount >= max(1, home.policy.values.messaging.sessionsPerUser),
            let oldest = home.endpoints.first(where: \.isClient)
        {
            oldest.end(StreamError(.conflict, "too many sessions: the oldest was ended"))
            home.endpoints.removeAll { $0 === oldest }
        }
        home.endpoints.append(endpoint)
        clientIsBack(endpoint, home)
        home.lastUse = time.uptime
    }

    /// Removes a client that ended; what it had not acknowledged goes to the others or into the store.
    public func unbind(_ endpoint: any Endpoint, from home: UserHome, returning entries: [JournalEntry]) {
        guard let index = home.endpoints.firstIndex(where: { $0 === endpoint }) else {
            giveBack(entries, from: endpoint, home)
            return
        }
        // First of all: nothing may be handed to a client that has ended.
        home.endpoints.remove(at: index)
        if !home.retrievers.isEmpty { home.retrievers.remove(endpoint.resource) }
        defer { home.privacy?.active[ObjectIdentifier(endpoint)] = nil }
        home.lastUse = time.uptime
        if !home.pushes.isEmpty { notifyAbsent(endpoint.resource, of: entries, home) }
        replayEnded(for: endpoint, home) { giveBack(entries, from: endpoint, home) }
        becomeUnavailable(endpoint, home, stanza: nil)
        guard endpoint.isClient, !home.endpoints.contains(where: \.isClient) else { return }
        if !home.isRemoved, home.manual?.state != .offline { saveLastSeen(home) }
    }

    /// The link of a client is gone; it may come back (XEP-0198 §5). Meanwhile others take over.
    public func hibernated(_ endpoint: any Endpoint, of home: UserHome) {
        home.forking.presenceChanged(endpoint.resource)
        if !home.pushes.isEmpty { notifyAbsent(endpoint.resource, of: endpoint.inFlight, home) }
        replayEnded(for: endpoint, home) { shareInFlight(of: endpoint, home) }
    }

    /// The link of a client is back: it goes on catching up where the lost link broke off.
    public func resumed(_ endpoint: any Endpoint, of home: UserHome) {
        clientIsBack(endpoint, home)
        guard home.storedMessages > 0, endpoint.isReachable else { return }
        startReplay(for: endpoint, home)
    }

    /// What others may see of the user is different from now on.
    @inline(__always)
    public func presenceChanged(_ home: UserHome) {
        if home.isWatchedOutside { whenPresenceChanged?(home) }
    }

    /// The user's roster or lists say something else about the contact.
    @inline(__always)
    func subscriptionChanged(_ home: UserHome, _ contact: JID) {
        for told in whenSubscriptionChanged { told(home, contact) }
    }

    /// Block or allow list, or a privacy list, say something else about these addresses.
    func rulesChanged(_ home: UserHome, _ addresses: some Sequence<JID>) {
        presenceChanged(home)
        guard !whenSubscriptionChanged.isEmpty else { return }
        for address in addresses { subscriptionChanged(home, address) }
    }

    func saveLastSeen(_ home: UserHome) {
        let (id, now, status) = (home.id, time.now, home.lastStatus)
        home.lastSeenAt = now
        persist(home) { try AccountStore.setLastSeen(id, at: now, status: status, in: $0) }
    }

    /// Runs a durable change of a home; the home stays in memory until it is done.
    func persist(
        _ home: UserHome, _ body: @escaping @Sendable (any Transaction) throws -> Void,
        then: @escaping ((any Error)?) -> Void = { _ in }
    ) {
        home.pendingWrites += 1
        journal.perform(body) { [logger] error in
            home.pendingWrites -= 1
            if let error { logger.error("a change was not stored", metadata: ["error": "\(error)"]) }
            then(error)
        }
    }

    /// To be called by whoever has stored another password, after the commit.
    public func passwordChanged(_ jid: JID) {
        for watcher in whenPasswordChanged { watcher(jid) }
    }

    /// Ends every client of an account that is being removed and forgets its home.
    ///
    /// To be called before the removal and once it is committed: in between the account can still be read, and a home
    /// made of it would take messages that nobody stores.
    public func accountRemoved(_ jid: JID) {
        homes.readAgain(jid)
        for watcher in whenAccountRemoved { watcher(jid) }
        guard let home = homes.loaded(jid) else { return }
        homes.remove(home)
        for endpoint in home.endpoints {
            endpoint.end(StreamError(.notAuthorized, "the account was removed"))
        }
    }
}
