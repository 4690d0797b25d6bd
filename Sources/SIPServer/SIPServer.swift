import Ground
import IMCore
import Logging
import NIOCore
import NIOSSL
import Resolving
import SIPWire
import Transport
import XMPPWire

/// The SIP face: what all its parts share. Confined to one event loop, the same as the homes'.
///
/// `Transport` has the sockets, `Transactions` what repeats and waits, `Dispatch` decides who serves a request,
/// `Authentication` who sent it.
public final class SIPServer {
    public let router: Router
    public let time: any TimeSource
    public let logger: Logger
    public let loop: NIOIsolatedEventLoop
    public internal(set) var config: SIPConfig
    /// Certificates of the TLS listener; nil when there is none.
    public var tls: TLSContexts?
    /// Who is registered where.
    public let location: LocationTable
    /// Serves REGISTER.
    public internal(set) var registrar: Registrar! = nil
    /// Neighbours that need no digest, and what goes to them.
    public internal(set) var trunks: TrunkTable! = nil
    public private(set) var transactions: TransactionLayer! = nil
    /// Who serves which method; slices of the face add themselves in `SIPHandlers`.
    public var registry = SIPRegistry()
    /// Passes on what is not for us; without it such requests get 404.
    public var proxy: (any SIPForwarding)?
    public var dialogs = DialogTable()
    /// Message sessions that the server is an end of.
    public internal(set) var sessions: SessionTable?
    /// Where digests come from; without it nobody can log in.
    public var credentials: IMCore.DigestCredentials?
    /// Whether a user may write that address as From, beside the own one. Accounts have no aliases yet: when `IMCore/Users`
    /// gets them, the composition answers this out of memory (`roost/Server`, `composeSIP`), and `addressOfRecord` maps them.
    public var isAlias: ((SIPURI, JID) -> Bool)?
    /// Which trunk a request comes from: by address, or by the certificate of its connection.
    public var trunkOf: ((IncomingRequest) -> SIPTrunk?)?
    /// Subscriptions to event packages.
    var events: EventEngine?
    /// Calls of users that the proxy passes on.
    private(set) var calls: CallTable! = nil
    /// Called once a second with the uptime, milliseconds.
    public var whenTicked: [(Int64) -> Void] = []
    /// Called when a connection is gone, or the socket of a UDP listener: flows over it are of no use any more.
    public var whenLinkClosed: [(SIPLink) -> Void] = []
    /// Called when other settings are in force.
    public var whenReconfigured: [() -> Void] = []
    /// Called when the server goes down, before connections are closed.
    public var whenDraining: [() -> Void] = []
    public internal(set) var counters = SIPCounters()
    public let allocator = ByteBufferAllocator()
    /// Monotonic milliseconds, as of what is being handled.
    public internal(set) var uptime: Int64
    public internal(set) var isDraining = false

    private(set) var authentication: SIPAuthentication! = nil
    var scanners: ScannerWatch
    var output: SIPOutput
    var localAddresses = LocalAddresses()
    var limits = SIPLimits()
    var streamLimits = SIPLimits()
    var connections: ConnectionTable
    var connecting = Connecting()
    /// Servers that have said, or shown, that they are better left alone for a while.
    var resting = RestingServers()
    var notices = PacedLog()
    var rates = RequestRates()
    /// Made when a name is to be looked up for the first time.
    var locator: ServerLocator?
    var dns: DNSClient?
    /// For connections that we make; nil until one is wanted.
    var outboundContext: NIOSSLContext?
    var udpLinks: [UDPLink] = []
    /// Where the executable listens for connections.
    public var ports: (tcp: UInt16?, tls: UInt16?) = (nil, nil) {
        didSet { portsChanged() }
    }
    var listeningPorts: Set<UInt16> = []
    var names: OwnNames
    var scannerNames: [SIPBytes] = []

    public init(
        router: Router, config: SIPConfig, loop: NIOIsolatedEventLoop, time: any TimeSource, logger: Logger,
        tls: TLSContexts? = nil
    ) {
        self.router = router
        self.config = config
        self.loop = loop
        self.time = time
        self.logger = logger
        self.tls = tls
        uptime = time.uptime
        location = LocationTable(time: time)
        output = SIPOutput(loop: loop, time: time)
        connections = ConnectionTable()
        scanners = ScannerWatch(logger: logger)
        names = OwnNames(config)
        transactions = TransactionLayer(server: self, uptime: uptime)
        authentication = SIPAuthentication(server: self)
        credentials = IMCore.DigestCredentials(router: router)
        applyLimits()
        calls = CallTable(server: self)
        SIPHandlers.install(on: self)
    }

    private func applyLimits() {
        scannerNames = config.scanners.map { SIPBytes($0.lowercased()) }
        limits.fields = config.headers
        limits.messageBytes = 65_536
        streamLimits = limits
        streamLimits.messageBytes = config.messageBytes
        streamLimits.bodyBytes = config.messageBytes
    }

    /// Other settings are in force: transactions and connections that are open go on under them.
    public func reconfigure(_ new: SIPConfig) {
        if config.nameServers != new.nameServers { forgetServers() }
        if config.requestsPerSecond != new.requestsPerSecond { rates.forget() }
        config = new
        outboundContext = nil
        names = OwnNames(new)
        names.forget()
        localAddresses.forget()
        for link in udpLinks { link.prefix = nil }
        connections.forEach { $0.prefix = nil }
        authentication.reconfigured()
        applyLimits()
        for watcher in whenReconfigured { watcher() }
    }

    /// Once a second: connections that are silent, counts that are out of date.
    public func tick() {
        uptime = time.uptime
        transactions.tick(uptime)
        authentication.tick(uptime)
        scanners.tick(uptime, &counters)
        // What we show others is one of them.
        if tls?.reloadIfChanged() == true { outboundContext = nil }
        connections.tick(uptime)
        for watcher in whenTicked { watcher(uptime) }
    }

    // MARK: Sending

    /// Sends a request of ours and tells what became of it.
    ///
    /// - Parameters:
    ///   - provisional: what comes before the final response.
    ///   - completion: called once; of an INVITE once for each 2xx. Never called before this returns.
    @discardableResult
    public func send(
        _ request: OutgoingRequest, to target: SIPTarget, provisional: ((SIPMessage) -> Void)? = nil,
        completion: @escaping (SIPOutcome) -> Void
    ) -> ClientTransaction {
        let client = ClientTransaction(
            request, layer: transactions, provisional: provisional, completion: completion)
        uptime = time.uptime
        guard transactions.clients.count < config.transactions else {
            transactions.refused += 1
            loop.execute { completion(.unreachable) }
            return client
        }
        // Nearly always the way is open, and nothing needs to be kept for later.
        if let flow = target.openFlow {
            if flow.transport == .udp, isLarge(request) {
                sendLarge(client, request, target, flow)
            } else {
                transactions.start(client, on: flow)
            }
            return client
        }
        find(target, request) { [self] flow, hops in
            client.alternatives = hops
            if let flow { transactions.start(client, on: flow) } else { transactions.unreachable(client) }
        }
        return client
    }

    /// Sends what gets no answer: ACK for a 2xx (RFC 3261 §13.2.2.4).
    public func sendAlone(_ request: OutgoingRequest, to target: SIPTarget) {
        find(target, request) { [self] flow, hops in
            if let flow { return transactions.sendAlone(request, on: flow) }
            guard let hop = hops.first else { return }
            connect(hop) { [self] flow in
                if let flow { transactions.sendAlone(request, on: flow) }
            }
        }
    }

    // MARK: One flush per tick

    func flush() {
        var isFirst = true
        while true {
            let links = output.take()
            guard !links.isEmpty || isFirst else { break }
            isFirst = false
            for link in links {
                link.isDirty = false
                link.flush()
            }
            if links.isEmpty { break }
        }
        let rest = output.rest(uptime: time.uptime)
        if rest > 0 { SystemTime.rest(microseconds: rest) }
    }

    // MARK: End

    /// Takes nothing new, gives what is under way two seconds to be answered, then ends every connection.
    public func drain(_ done: @escaping () -> Void) {
        isDraining = true
        for watcher in whenDraining { watcher() }
        awaitTransactions(until: .now() + .seconds(2), done)
    }

    private func awaitTransactions(until deadline: NIODeadline, _ done: @escaping () -> Void) {
        let waits = transactions.active.values.contains { !$0.isAnswered } || !transactions.clients.isEmpty
        guard waits, .now() < deadline else {
            connections.forEach { $0.close() }
            forgetServers()
            return done()
        }
        loop.scheduleTask(in: .milliseconds(20)) { [self] in awaitTransactions(until: deadline, done) }
    }
}
