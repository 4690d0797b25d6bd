import Ground
import IMCore
import Interworking
import NIOCore
import SIPWire
import XMPPWire

/// The notifier: all subscriptions to all event packages (RFC 6665). Confined to the server's loop.
///
/// `SubscribeHandler` takes requests, `EventEngine+Notify` tells what changes, the packages say what.
final class EventEngine {
    unowned let server: SIPServer
    private(set) var packages: [any EventPackage] = []
    private var names: [(name: SIPBytes, type: SIPBytes)] = []
    /// Our Contact toward the last peer; mostly there is only one.
    private var contact: (local: TransportAddress, transport: SIPTransport, text: [UInt8])?
    let presence: PresencePackage
    let winfo: WatcherPackage
    let registrations: RegistrationPackage
    let summaries: SummaryPackage
    let calls: DialogPackage
    let documents: XCAPDiffPackage
    private(set) var allowEvents = SIPBytes("presence")
    /// By package, in the order of `packages`.
    var resources: [[JID: EventResource]] = []
    /// Subscriptions by their watcher, for the limit of each.
    var perWatcher: [JID: Int] = [:]
    private(set) var count = 0
    var wheel: SubscriptionWheel
    /// Resources with something to tell at the end of this tick.
    var queue: [EventResource] = []
    var isArmed = false
    /// By the monotonic second in which the pace allows them.
    var delayed: [Int64: [Subscription]] = [:]
    var storage = SubscriptionBook()
    private(set) lazy var subscribe = SubscribeHandler(self)
    let lines: LineWatcher
    let foreign: ForeignPresence
    private(set) lazy var publish = PublishHandler(server: server)
    /// What was there before the restart has been taken up.
    private var isRestored = false

    init(server: SIPServer) {
        self.server = server
        wheel = SubscriptionWheel(second: server.time.uptime / 1_000)
        presence = PresencePackage(server: server)
        winfo = WatcherPackage(server: server)
        registrations = RegistrationPackage(server: server)
        summaries = SummaryPackage(server: server)
        calls = DialogPackage(server: server)
        documents = XCAPDiffPackage(server: server)
        lines = LineWatcher(server: server)
        foreign = ForeignPresence(server: server)
        add(presence)
        add(winfo)
        add(registrations)
        add(summaries)
        add(calls)
        add(documents)
        winfo.engine = self
        calls.engine = self
        summaries.engine = self
        documents.engine = self
        hook()
    }

    static func install(on server: SIPServer) {
        let engine = EventEngine(server: server)
        server.events = engine
        server.registry.add(engine.subscribe)
        server.registry.add(engine.publish)
    }

    private func add(_ package: any EventPackage) {
        packages.append(package)
        names.append((SIPBytes(package.name), SIPBytes(package.mediaType)))
        resources.append([:])
        allowEvents = SIPBytes(packages.map(\.name).joined(separator: ", "))
    }

    var router: Router { server.router }
    var second: Int64 { server.time.uptime / 1_000 }

    func package(_ name: SIPBytes) -> (any EventPackage)? {
        for (index, known) in names.enumerated() where known.name == name { return packages[index] }
        return nil
    }

    /// What stands in Event and Accept for a package.
    func names(of package: any EventPackage) -> (name: SIPBytes, type: SIPBytes) { names[position(package)] }

    private func position(_ package: any EventPackage) -> Int { packages.firstIndex { $0 === package } ?? 0 }

    func resource(_ target: JID, _ package: any EventPackage) -> EventResource? {
        resources[position(package)][target]
    }

    /// The resource, made when it is the first time that somebody watches.
    func makeResource(_ target: JID, _ package: any EventPackage) -> EventResource {
        let position = position(package)
        if let known = resources[position][target] { return known }
        let resource = EventResource(target: target, package: package)
        resources[position][target] = resource
        router.homes.loaded(target)?.isWatchedOutside = true
        return resource
    }

    func dropIfIdle(_ resource: EventResource) {
        guard resource.isIdle else { return }
        resources[position(resource.package)][resource.target] = nil
    }

    // MARK: Subscriptions

    func insert(_ subscription: Subscription) {
        count += 1
        subscription.index = Int32(subscription.resource.subscriptions.count)
        subscription.resource.subscriptions.append(subscription)
        server.dialogs[subscription.key] = subscription
        perWatcher[subscription.watcher, default: 0] += 1
        wheel.insert(subscription)
    }

    /// Takes a subscription out of everything; what it still has to say has been said.
    func remove(_ subscription: Subscription) {
        guard server.dialogs[subscription.key] === subscription else { return }
        count -= 1
        subscription.state = .terminated
        server.dialogs[subscription.key] = nil
        wheel.remove(subscription)
        let resource = subscription.resource
        let index = Int(subscription.index)
        if let last = resource.subscriptions.popLast(), last !== subscription {
            resource.subscriptions[index] = last
            last.index = Int32(index)
        }
        if let left = perWatcher[subscription.watcher] {
            perWatcher[subscription.watcher] = left > 1 ? left - 1 : nil
        }
        if let list = subscription.list { leave(list) }
        dropIfIdle(resource)
        forget(subscription)
        if resource.package === presence, let own = self.resource(resource.target, winfo) { changed(own) }
    }

    // MARK: What the core tells

    private func hook() {
        router.whenHomeLoaded.append { [weak self] home in
            guard let self, count > 0 else { return }
            if resources.contains(where: { $0[home.jid] != nil }) { home.isWatchedOutside = true }
        }
        router.whenPresenceChanged = { [weak self] home in self?.presenceChanged(home) }
        router.whenSubscriptionChanged.append { [weak self] home, contact in
            self?.subscriptionChanged(home, contact)
        }
        router.whenSharingSwitched.append { [weak self] users in
            guard let self, count > 0 else { return }
            // Sharing is mutual: it is about those who watch as well.
            for table in resources {
                for subscription in table.values.flatMap(\.subscriptions)
                where users.contains(subscription.watcher) || users.contains(subscription.resource.target) {
                    judge(subscription)
                }
            }
        }
        router.whenAccountRemoved.append { [weak self] jid in self?.accountRemoved(jid) }
        server.location.whenChanged.append { [weak self] jid in
            guard let self, count > 0, let resource = resource(jid, registrations) else { return }
            changed(resource)
        }
        server.whenTicked.append { [weak self] uptime in self?.tick(uptime) }
        server.whenReconfigured.append { [weak self] in self?.contact = nil }
        server.whenDraining.append { [weak self] in
            self?.saveSubscriptions(isLast: true)
            self?.router.savePublications()
        }
    }

    /// `<sip:host:port;transport=…>`: where requests in our dialogs come to.
    func contact(of flow: SIPFlow) -> [UInt8] {
        let local = flow.local
        if let contact, contact.local == local, contact.transport == flow.transport { return contact.text }
        let host = server.config.advertisedHost ?? local.host
        let text = Array("<sip:\(host):\(local.port);transport=\(flow.transport.parameter)>".utf8)
        contact = (local, flow.transport, text)
        return text
    }

    private func presenceChanged(_ home: UserHome) {
        if let resource = resource(home.jid, presence) { changed(resource) }
        if let resource = resource(home.jid, calls) { changed(resource) }
    }

    /// Roster and lists are the same for both protocols: what changed there may change what a watcher sees.
    private func subscriptionChanged(_ home: UserHome, _ contact: JID) {
        guard count > 0 else { return }
        watchersChanged(home)
        documentsChanged(home.jid)
        if let own = resource(home.jid, presence) {
            for subscription in own.subscriptions where contact.covers(subscription.watcher) { judge(subscription) }
            for case let list? in own.subscriptions.map(\.list) { membersChanged(list) }
            for list in own.lists where contact.covers(list.owner) { membersChanged(list) }
        }
        // The watcher's own side of the same relation.
        if let other = resource(contact.bare, presence) {
            for subscription in other.subscriptions where subscription.watcher == home.jid { judge(subscription) }
        }
    }

    /// What the user's clients reach over XCAP may be different.
    func documentsChanged(_ user: JID) {
        if count > 0, let resource = resource(user, documents) { changed(resource) }
    }

    private func watchersChanged(_ home: UserHome) {
        if let resource = resource(home.jid, winfo) { changed(resource) }
    }

    private func accountRemoved(_ jid: JID) {
        guard count > 0 else { return }
        for table in resources {
            for subscription in table[jid]?.subscriptions ?? [] { end(subscription, reason: "noresource") }
        }
        guard perWatcher[jid] != nil else { return }
        let theirs = resources.flatMap { $0.values }.flatMap(\.subscriptions).filter { $0.watcher == jid }
        for subscription in theirs { end(subscription, reason: "rejected") }
    }

    /// What a watcher may see is decided anew.
    func judge(_ subscription: Subscription) {
        guard subscription.state != .terminated, subscription.list == nil else { return }
        let watcher = EventWatcher(jid: subscription.watcher, isLocal: subscription.isLocal)
        let package = subscription.resource.package
        package.admit(watcher, to: subscription.resource.target, mayAsk: false) { [weak self, weak subscription] in
            guard let self, let subscription, subscription.state != .terminated else { return }
            apply($0, to: subscription)
        }
    }

    private func apply(_ admission: Admission, to subscription: Subscription) {
        let before = (subscription.state, subscription.isHidden)
        switch admission {
        case .active:
            subscription.state = .active
            subscription.isHidden = false
        case .hidden:
            subscription.state = .active
            subscription.isHidden = true
        case .pending:
            // Taken back and asked again: the dialog goes on.
            subscription.state = .pending
            subscription.isHidden = true
        case .refused(let status):
            // Never asked, or ended by the user (RFC 8048 §5.2.2: `unsubscribed`).
            return end(subscription, reason: status == .notFound ? "noresource" : "rejected")
        }
        if before != (subscription.state, subscription.isHidden) { tell(subscription, forced: true) }
    }

    private func tick(_ uptime: Int64) {
        if !isRestored {
            isRestored = true
            router.loadPublishers { [weak self] in self?.restore() }
        }
        let second = uptime / 1_000
        for subscription in wheel.expired(second) {
            if subscription.expires > second {
                wheel.insert(subscription)
            } else {
                end(subscription, reason: "timeout")
            }
        }
        if !delayed.isEmpty {
            for due in delayed.keys.sorted() where due <= second {
                for subscription in delayed.removeValue(forKey: due) ?? [] {
                    subscription.isDelayed = false
                    if subscription.state != .terminated { tell(subscription) }
                }
            }
        }
        summaries.tick(second)
        documents.tick(second)
        lines.tick(second)
        foreign.tick(second)
        saveSubscriptions()
    }
}

extension JID {
    /// Whether an entry of a list is about somebody: a bare address, or a domain.
    fileprivate func covers(_ other: JID) -> Bool {
        guard let local else { return other.domain == domain || other.domain.hasSuffix("." + domain) }
        return other.domain == domain && other.local == local
    }
}
