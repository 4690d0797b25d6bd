import Ground
import IMCore
import Logging
import NIOCore
import Storage
import Transport
import XMLWire
import XMPPWire

/// Client streams: what all of them share. Confined to one event loop, the same as the homes'.
public final class C2SServer {
    public let router: Router
    public let logger: Logger
    public let time: any TimeSource
    let loop: NIOIsolatedEventLoop
    public let tls: TLSContexts
    let authentication: AuthenticationService
    let fast: FastService
    /// Login by certificate; nil when nobody is asked for one.
    private(set) var external: ExternalAuthentication?
    /// Accounts created by address (XEP-0077).
    var registrations: FailureThrottle
    /// Nil while nobody traces.
    var tap: TraceTap?
    /// What users may choose; nil where nobody keeps it.
    public var userSettings: (any UserSettings)?
    var choiceRate = FailureThrottle(limit: C2SServer.choicesPerMinute)
    /// Reports by account (XEP-0377).
    var reports = FailureThrottle(limit: BlockingReport.perHour, window: 3_600_000)
    public internal(set) var config: C2SConfig
    private(set) var registry: XMPPRegistry
    let commands = CommandEngine(AdHocCommands.all)
    /// Stanzas for many.
    private(set) lazy var broadcast = Broadcast(server: self)
    let version: String
    /// Monotonic milliseconds.
    let startedAt: Int64

    /// One frame for every stream that is between elements (see `ElementFrame`).
    var sharedFrame = ElementFrame()
    /// Requests of ours that clients have not answered.
    let asked = AskedIQs()
    let importance = ImportanceReader()
    /// External components; nil when none is configured.
    public internal(set) var components: ComponentServer?
    /// Uploaded files; nil when they are not served.
    public internal(set) var files: FileService?
    /// Settings of the services, always those in force.
    public internal(set) var services = ServicesConfig.none
    public internal(set) var counters = StreamCounters()
    var arrangedServices: [String: ArrangedService] = [:]
    var bytestreams: NIOLoopBound<BytestreamRelay>?
    /// What stands before the paths of files of a domain.
    var fileBase: (String) -> String = { "https://" + $0 }
    /// Chat rooms, one service for each hosted domain.
    var rooms: [RoomsService] = []
    private(set) lazy var clientCapabilities = ClientCapabilities(server: self)
    /// For links that look at elements themselves; never in use when a session is.
    let linkFrame = ElementFrame()
    /// Streams that have output since the last flush.
    private var dirty: [C2SSession] = []
    private var isFlushScheduled = false
    private var pacing = WakePacing()
    /// Emptied output buffers, kept for the next tick.
    private var buffers: [ByteBuffer] = []

    /// Every session with a connection, and those that wait for one.
    public private(set) var sessions: [ObjectIdentifier: C2SSession] = [:]
    /// Sessions that may be resumed, by their XEP-0198 id.
    var resumable: [String: C2SSession] = [:]
    var endedSessions = EndedSessions()
    private var connectionsByAddress: [String: Int] = [:]
    public private(set) var connections = 0
    /// No new streams, no new work: the server is going down.
    public private(set) var isDraining = false

    public init(
        router: Router, tls: TLSContexts, authentication: AuthenticationService, config: C2SConfig, version: String,
        loop: NIOIsolatedEventLoop, time: any TimeSource, logger: Logger
    ) {
        self.router = router
        self.tls = tls
        self.authentication = authentication
        self.config = config
        self.version = version
        self.loop = loop
        self.time = time
        self.logger = logger
        startedAt = time.uptime
        registry = Self.registry(config)
        registrations = FailureThrottle(limit: config.registration.accountsPerHour, window: 3_600_000)
        external = ExternalAuthentication(config, database: router.database, loop: loop)
        fast = FastService(router: router, config: config, loop: loop, time: time)
        router.answerIQ = { [weak self] in self?.answer($0) }
        router.whenSharingSwitched.append { [weak self] users in
            for service in self?.rooms ?? [] { service.sharingSwitched(users) }
        }
        router.whenPolicyChanged = { [weak self] home in if let self { UserPolicies.push(home, self) } }
        router.whenManualPresenceChanged = { [unowned router] in ManualStatus.push($0, router) }
        arrangeServices()
    }

    private static func registry(_ config: C2SConfig) -> XMPPRegistry {
        XMPPRegistry(features: XMPPFeatures.all.filter { !config.switchedOff.contains($0.name) }, config: config)
    }

    /// Other settings are in force: streams that are open go on under them.
    public func reconfigure(_ new: C2SConfig) {
        let old = config
        config = new
        registry = Self.registry(new)
        authentication.reconfigure(new)
        fast.reconfigure(new)
        registrations.limit = new.registration.accountsPerHour
        external = ExternalAuthentication(new, database: router.database, loop: loop)
        arrangeServices()
        guard
            old.stanzaBytes != new.stanzaBytes || old.stanzaDepth != new.stanzaDepth
                || old.bytesPerSecond != new.bytesPerSecond || old.stanzasPerSecond != new.stanzasPerSecond
                || old.unauthenticatedStanzaBytes != new.unauthenticatedStanzaBytes
        else { return }
        for session in sessions.values { session.limitsChanged() }
    }

    /// Other domains are hosted: sessions of one that is gone end (`host-gone`), services follow.
    public func host(_ domains: [String]) {
        let gone = Set(router.domainNames).subtracting(domains)
        guard domains != router.domainNames else { return }
        router.host(domains)
        for session in Array(sessions.values) where session.home.map({ gone.contains($0.jid.domain) }) ?? false {
            session.end(StreamError(.hostGone))
        }
        arrangeServices()
    }

    /// A connection was accepted, on this loop.
    public func accept(_ channel: any Channel, directTLS: Bool) throws {
        let address = NetworkOrigin.plain(channel.remoteAddress?.ipAddress ?? "unknown")
        let session = open(address: address, isSecure: directTLS)
        let handler = C2SHandler(session: session, address: address)
        do {
            if directTLS { handler.encryption = try tls.install(on: channel, direct: true) }
            try channel.pipeline.syncOperations.addHandler(handler)
        } catch {
            // No link will ever tell that the connection is gone.
            session.finish()
            connectionClosed(address)
            throw error
        }
    }

    /// A new stream of a client at that address. It counts as a connection until `connectionClosed`; one too many is
    /// refused as soon as the client opens its stream.
    func open(address: String, isSecure: Bool) -> C2SSession {
        let session = C2SSession(server: self, address: address, isSecure: isSecure || config.trustsLinks)
        sessions[ObjectIdentifier(session)] = session
        connections += 1
        counters.connections += 1
        let origin = NetworkOrigin.key(address)
        connectionsByAddress[origin, default: 0] += 1
        if connections > config.connections {
            session.refusal = StreamError(.resourceConstraint, "the server is full")
        } else if connectionsByAddress[origin, default: 0] > config.connectionsPerAddress {
            session.refusal = StreamError(.policyViolation, "too many connections from this address")
        } else if isDraining {
            session.refusal = StreamError(.systemShutdown)
        }
        return session
    }

    func connectionClosed(_ address: String) {
        connections -= 1
        let origin = NetworkOrigin.key(address)
        let left = connectionsByAddress[origin, default: 1] - 1
        connectionsByAddress[origin] = left > 0 ? left : nil
    }

    func forget(_ session: C2SSession) { sessions[ObjectIdentifier(session)] = nil }

    // MARK: One flush per tick

    func takeBuffer() -> ByteBuffer {
        guard var buffer = buffers.popLast() else { return ByteBufferAllocator().buffer(capacity: 1_024) }
        buffer.clear()
        return buffer
    }

    func giveBack(_ buffer: ByteBuffer) {
        if buffers.count < 64, buffer.capacity <= 65_536 { buffers.append(buffer) }
    }

    func markDirty(_ session: C2SSession) {
        dirty.append(session)
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        loop.execute { [self] in flush() }
    }

    private func flush() {
        isFlushScheduled = false
        var handled = 0
        // What a flush causes (a settled message, an owed ack) goes out in the same pass.
        while !dirty.isEmpty {
            let batch = dirty
            dirty.removeAll(keepingCapacity: true)
            for session in batch { session.flush() }
            handled += batch.count
        }
        let rest = pacing.rest(after: handled, uptime: time.uptime)
        if rest > 0 { SystemTime.rest(microseconds: rest) }
    }

    // MARK: Time

    /// Once a second: logins that take too long, links that do not answer, resumptions that did not come.
    public func tick() {
        let uptime = time.uptime
        router.tick()
        commands.tick(uptime)
        asked.tick(uptime)
        for session in Array(sessions.values) { session.tick(uptime) }
        components?.tick(uptime)
        files?.tick(uptime)
        for service in rooms { service.tick(uptime) }
        tls.reloadIfChanged()
    }

    // MARK: End

    /// Takes nothing more, waits until what was taken is durable, then ends every stream with `system-shutdown`
    /// and a last ack. What clients had not acknowledged becomes stored messages; `done` runs when those are safe and
    /// the clients have closed their side, or had the time to.
    public func drain(_ done: @escaping () -> Void) {
        isDraining = true
        for session in sessions.values { session.pauseInput() }
        for service in rooms { service.shutDown() }
        router.journal.whenIdle { [self] in
            for session in Array(sessions.values) { session.end(StreamError(.systemShutdown)) }
            components?.drain()
            router.journal.whenIdle { [self] in awaitDisconnects(until: time.uptime + 2_500, done) }
        }
    }

    private func awaitDisconnects(until deadline: Int64, _ done: @escaping () -> Void) {
        guard connections > 0, time.uptime < deadline else { return done() }
        loop.scheduleTask(in: .milliseconds(20)) { [self] in awaitDisconnects(until: deadline, done) }
    }

    /// Ends our side of a connection and gives the client two seconds to end its own (RFC 6120 §4.4). Closing both
    /// at once while the client still sends makes the system reset the link and drop our last words.
    func closeGracefully(_ channel: any Channel) {
        channel.close(mode: .output, promise: nil)
        loop.scheduleTask(in: .seconds(2)) { channel.close(mode: .all, promise: nil) }
    }
}
