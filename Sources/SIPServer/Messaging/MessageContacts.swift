import IMCore
import SIPWire
import Storage
import XMPPWire

/// Keeps the endpoints of homes in step with the registered contacts: one for each client (a client with several flows,
/// RFC 5626, is one). A home that is not in memory has none; they are made when it is read.
final class MessageContacts {
    private unowned let handler: MessageHandler
    /// Contacts that could not be reached, by the address of their endpoint.
    private var down: [[UInt8]: Retry] = [:]
    /// Users with new contacts whose homes are not in memory: messages may wait for them.
    private var unchecked: [JID] = []
    private var hasLookedAtStore = false
    private var isEnding = false

    private struct Retry {
        weak var endpoint: SIPEndpoint?
        /// Uptime, milliseconds.
        var due: Int64
        var pause: Int64
    }

    /// Milliseconds until a contact that did not answer is tried again, doubled each time.
    private static let firstPause: Int64 = 30_000
    private static let longestPause: Int64 = 600_000
    /// Accounts that are looked through for stored messages after a start.
    private static let recipients = 100_000

    private var server: SIPServer { handler.server }
    private var router: Router { handler.router }

    init(handler: MessageHandler) { self.handler = handler }

    func begin() {
        router.whenHomeLoaded.append { [weak self] home in self?.arrange(home) }
        server.location.whenChanged.append { [weak self] user in self?.changed(user) }
        server.location.whenBindingChanged.append { [weak self] user, _, event in
            guard let self, !down.isEmpty, event == .refreshed else { return }
            refreshed(user.address)
        }
        server.whenTicked.append { [weak self] uptime in self?.tick(uptime) }
        server.whenDraining.append { [weak self] in self?.end() }
    }

    private func end() {
        isEnding = true
        router.homes.forEach { home in
            for endpoint in home.endpoints where !endpoint.isClient { (endpoint as? SIPEndpoint)?.endWithServer() }
        }
    }

    // MARK: Endpoints

    /// Makes what is missing, ends what is gone.
    private func arrange(_ home: UserHome) {
        guard !isEnding else { return }
        let bindings = server.location.bindings(of: home.address)
        var known = home.endpoints.compactMap { $0 as? SIPEndpoint }
        guard !bindings.isEmpty || !known.isEmpty else { return }
        var groups: [(resource: String, bindings: [Binding])] = []
        for binding in bindings {
            let resource = SIPEndpoint.resource(of: binding)
            if let index = groups.firstIndex(where: { $0.resource == resource }) {
                groups[index].bindings.append(binding)
            } else {
                groups.append((resource, [binding]))
            }
        }
        for group in groups {
            if let index = known.firstIndex(where: { $0.resource == group.resource }) {
                known.remove(at: index).take(group.bindings)
                continue
            }
            // A client of XMPP may have taken the name; it stays.
            guard home.endpoint(resource: group.resource) == nil else { continue }
            let endpoint = SIPEndpoint(group.bindings, resource: group.resource, of: home, handler)
            router.bind(endpoint, to: home)
            router.becameReachable(endpoint, home)
        }
        for endpoint in known { endpoint.leave() }
    }

    private func changed(_ user: JID) {
        if let home = router.homes.loaded(user) { return arrange(home) }
        if unchecked.isEmpty {
            server.loop.scheduleTask(in: .milliseconds(50)) { [weak self] in self?.lookForStored() }
        }
        unchecked.append(user)
    }

    /// The home is read where messages wait: then the contact gets them.
    private func lookForStored() {
        let users = unchecked
        unchecked = []
        readHomes { try JournalStore.recipients(among: users, in: $0) }
    }

    private func readHomes(_ query: @escaping @Sendable (any Transaction) throws -> [JID]) {
        router.journal.perform(query) { [weak self] (result: Result<[JID], any Error>) in
            guard let self, case .success(let waiting) = result else { return }
            for jid in waiting where !server.location.bindings(of: jid).isEmpty { router.homes.withHome(jid) { _ in } }
        }
    }

    /// The registered contact of a user that a request came from.
    func endpoint(of home: UserHome, on flow: SIPFlow) -> SIPEndpoint? {
        for endpoint in home.endpoints where !endpoint.isClient {
            if let contact = endpoint as? SIPEndpoint, contact.uses(flow) { return contact }
        }
        return nil
    }

    /// By full address.
    func endpoint(_ address: [UInt8]) -> SIPEndpoint? {
        guard let slash = address.firstIndex(of: 0x2F) else { return nil }
        let home = address[..<slash].withUnsafeBytes { router.homes.loaded($0) }
        for endpoint in home?.endpoints ?? [] where endpoint.address == address { return endpoint as? SIPEndpoint }
        return nil
    }

    // MARK: Contacts that do not answer

    func isDown(_ endpoint: SIPEndpoint) {
        let pause = min((down[endpoint.address]?.pause).map { $0 * 2 } ?? Self.firstPause, Self.longestPause)
        down[endpoint.address] = Retry(endpoint: endpoint, due: server.uptime + pause, pause: pause)
    }

    func isUp(_ endpoint: SIPEndpoint) { if !down.isEmpty { down[endpoint.address] = nil } }

    private func refreshed(_ user: [UInt8]) {
        guard let home = user.withUnsafeBytes({ router.homes.loaded($0) }) else { return }
        for endpoint in home.endpoints where !endpoint.isClient { (endpoint as? SIPEndpoint)?.isHeard() }
    }

    private func tick(_ uptime: Int64) {
        if !hasLookedAtStore, server.location.count > 0 {
            hasLookedAtStore = true
            let limit = Self.recipients
            readHomes { try JournalStore.recipients(limit: limit, in: $0) }
        }
        guard !down.isEmpty else { return }
        for (address, retry) in down where retry.due <= uptime {
            guard let endpoint = retry.endpoint else {
                down[address] = nil
                continue
            }
            // It stays among them until it answers, so that the pauses grow.
            down[address]?.due = uptime + retry.pause
            endpoint.tryAgain()
        }
    }
}
