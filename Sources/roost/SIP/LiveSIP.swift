import AdminServer
import Foundation
import Ground
import IMCore
import NIOCore
import SIPServer
import SIPWire
import Settings
import Storage
import XMPPWire

/// What administrators see of the SIP face, read on its loop.
struct LiveSIP: AdminSIP {
    let sip: NIOLoopBound<SIPServer>
    let live: LiveConfig
    let database: any Database
    let time: SystemTime

    func onLoop<Value: Sendable>(_ body: @escaping @Sendable (SIPServer) -> Value) async throws -> Value {
        let sip = sip
        return try await sip.eventLoop.submit { body(sip.value) }.get()
    }

    func prepared(_ text: String) throws -> JID {
        guard let jid = try? JID(parsing: text), jid.local != nil else {
            throw AdminError(.invalid, "\(text) is not an address of the form user@domain")
        }
        return jid.bare
    }

    // MARK: Registrations

    func sipRegistrations(_ query: AdminSIPQuery) async throws -> AdminSIPList<AdminSIPRegistration> {
        let user = try query.user.map { try prepared($0) }
        let text = FoldedText(query.text)
        return try await onLoop { server in
            var page = SortedPage<AdminSIPRegistration>(after: query.after, limit: query.limit)
            let now = (uptime: server.time.uptime, wall: server.time.now)
            func offer(_ address: [UInt8], _ bindings: [Binding]) {
                for binding in bindings where text.map({ Self.matches(binding, address, $0) }) ?? true {
                    // No address has a space.
                    page.offer(
                        address + [0x20] + binding.contact.array,
                        AdminSIPRegistration(
                            binding, of: address, gruu: server.registrar.gruu(of: binding, address), now))
                }
            }
            if let user {
                offer(Array(user.description.utf8), server.location.bindings(of: user))
            } else {
                server.location.forEach { offer($0.address, $0.bindings) }
            }
            return page.list
        }
    }

    private static func matches(_ binding: Binding, _ user: [UInt8], _ text: FoldedText) -> Bool {
        user.withUnsafeBytes { text.isIn($0) } || binding.contact.withBytes { text.isIn($0) }
            || binding.userAgent.withBytes { text.isIn($0) }
            || binding.flow.map { text.isIn("\($0.remote)") } ?? false
    }

    func endSIPRegistrations(of user: String, contact: String?) async throws -> Int {
        let address = Array(try prepared(user).description.utf8)
        return try await onLoop { server in
            guard let contact else { return server.location.remove(address) }
            let wanted = Array(contact.utf8)
            return server.location.bindings(of: address).filter { $0.contact.array == wanted }.reduce(0) {
                $0 + server.location.remove(address, id: $1.id)
            }
        }
    }

    func usersWithoutSIPCredentials(after: String?, limit: Int) async throws -> AdminSIPList<AdminSIPUser> {
        var place: JID?
        if let after {
            guard let jid = try? JID(parsing: after), jid.local != nil else {
                throw AdminError(.badRequest, "the cursor is not one of this list")
            }
            place = jid
        }
        let (count, found) = try await database.read { [place] in
            try DigestCredentialStore.missing(after: place, limit: limit + 1, in: $0)
        }
        return AdminSIPList(
            items: found.map { ($0.description, AdminSIPUser(jid: $0.description)) }, total: count)
    }

    // MARK: Subscriptions

    /// First those of watchers, in the order of whom they are to, then those of the server.
    func sipSubscriptions(_ query: AdminSIPSubscriptionQuery) async throws -> AdminSIPList<AdminSIPSubscription> {
        let watcher = try query.watcher.map { try prepared($0) }
        let presentity = try query.presentity.map { try prepared($0) }
        let isWhole = watcher == nil && presentity == nil && query.package == nil && query.state == nil
        return try await onLoop { server in
            var items: [(key: String, item: AdminSIPSubscription)] = []
            let isBehind = query.after?.hasPrefix(Self.ownMark) ?? false
            if !isBehind {
                items = server.subscriptions(
                    watcher: watcher, target: presentity, package: query.package, state: query.state,
                    after: query.after, limit: query.limit + 1
                ).map { ($0.key, AdminSIPSubscription($0)) }
            }
            if items.count <= query.limit, query.package.map({ $0 == "presence" }) ?? true {
                let own = Self.ownSubscriptions(server, watcher: watcher, presentity: presentity)
                    .filter { one in
                        (query.state.map { $0 == one.item.state } ?? true)
                            && (isBehind ? query.after.map { one.key > $0 } ?? true : true)
                    }
                    .sorted { $0.key < $1.key }
                items += own.prefix(query.limit + 1 - items.count)
            }
            let count = server.subscriptionCount + server.gatewayWatchCount + server.foreignWatchCount
            return AdminSIPList(items: items, total: isWhole ? count : nil)
        }
    }

    /// Lines at presence gateways, and people of other domains that users watch.
    private static func ownSubscriptions(
        _ server: SIPServer, watcher: JID?, presentity: JID?
    ) -> [(key: String, item: AdminSIPSubscription)] {
        let lines = watcher == nil ? server.gatewayWatches : []
        return lines.filter { presentity == nil || $0.user == presentity }.map { watch in
            (
                key: "\(ownMark)\(watch.user) \(watch.trunk)",
                item: AdminSIPSubscription(
                    watcher: watch.user.domain, presentity: watch.user.description, package: "presence",
                    state: watch.isEstablished ? "active" : "pending", direction: .outbound,
                    expires: Timestamp.format(watch.expires), contact: watch.trunk, isList: false)
            )
        }
            + server.foreignWatches.filter {
                (watcher == nil || $0.watcher == watcher) && (presentity == nil || $0.target == presentity)
            }.map { watch in
                (
                    key: "\(ownMark)\(watch.target) \(watch.watcher)",
                    item: AdminSIPSubscription(
                        watcher: watch.watcher.description, presentity: watch.target.description, package: "presence",
                        state: watch.isApproved && watch.isEstablished ? "active" : "pending", direction: .outbound,
                        expires: Timestamp.format(watch.expires),
                        contact: server.trunks.trunk(toDomain: watch.target.domain)?.name ?? "", isList: false)
                )
            }
    }

    /// Begins keys of subscriptions of the server: behind every address.
    private static let ownMark = "~ "

    // MARK: Publications

    func sipPublications(_ query: AdminSIPQuery) async throws -> AdminSIPList<AdminSIPPublication> {
        let user = try query.user.map { try prepared($0) }
        let text = FoldedText(query.text)
        return try await onLoop { server in
            var page = SortedPage<AdminSIPPublication>(after: query.after, limit: query.limit)
            func offer(_ home: UserHome) {
                for publication in home.publications {
                    let shown = { AdminSIPPublication(publication, of: home) }
                    if let text {
                        let row = shown()
                        guard [row.user, row.source, row.id, row.note].contains(where: { text.isIn($0) }) else {
                            continue
                        }
                    }
                    page.offer(
                        home.address
                            + Array(" \(publication.source.description) \(publication.event.rawValue)".utf8), shown())
                }
            }
            if let user {
                if let home = server.router.homes.loaded(user) { offer(home) }
            } else {
                // Whoever has published something is in memory.
                server.router.homes.forEach { if !$0.publications.isEmpty { offer($0) } }
            }
            return page.list
        }
    }

    // MARK: Trunks

    func sipTrunks() async throws -> [AdminSIPTrunk] {
        let config = live.value.sip
        return try await onLoop { server in
            server.trunks.trunks.map { trunk in
                AdminSIPTrunk(
                    trunk, config.trunks.first { $0.name == trunk.name } ?? .init(name: trunk.name),
                    routes: config.routes.count { $0.trunk == trunk.name })
            }
        }
    }

    func resolveSIP(_ text: String, from sender: String?) async throws -> AdminSIPResolution {
        let scheme = ["sip:", "sips:", "tel:"].contains { text.lowercased().hasPrefix($0) }
        guard let uri = SIPURI(scheme ? text : "sip:" + text) else {
            throw AdminError(.invalid, "\(text) is not a SIP URI such as sip:anna@example.org")
        }
        let from = try sender.map { try prepared($0) }
        let promise = sip.eventLoop.makePromise(of: RouteExplanation.self)
        let sip = sip
        sip.eventLoop.execute { sip.value.explainRoute(of: uri, from: from) { promise.succeed($0) } }
        let found = try await promise.futureResult.get()
        return AdminSIPResolution(
            uri: uri.text.string, verdict: .init(found.verdict), text: found.text, targets: found.targets,
            steps: found.steps.map { .init($0.question, $0.answer) })
    }
}

extension SortedPage where Item: Sendable {
    var list: AdminSIPList<Item> {
        AdminSIPList(items: items.map { (String(decoding: $0.key, as: UTF8.self), $0.item) }, total: total)
    }
}

extension AdminSIPRegistration {
    init(_ binding: Binding, of user: [UInt8], gruu: String?, _ now: (uptime: Int64, wall: Int64)) {
        self.init(
            user: String(decoding: user, as: UTF8.self), contact: binding.contact.string,
            transport: binding.flow.map { "\($0.transport.parameter)" } ?? "",
            address: binding.flow.map { "\($0.remote)" } ?? "",
            expires: Timestamp.format(now.wall + binding.expires - now.uptime), q: Double(binding.q) / 1_000,
            client: binding.userAgent.string, instance: binding.instance.string, gruu: gruu ?? "",
            path: binding.path.map(\.text.string))
    }
}

extension AdminSIPSubscription {
    init(_ entry: SIPSubscriptionEntry) {
        self.init(
            watcher: entry.watcher.description, presentity: entry.target.description, package: entry.package,
            state: entry.state, direction: .inbound, expires: Timestamp.format(entry.expires), contact: entry.contact,
            isList: entry.isList)
    }
}

extension AdminSIPPublication {
    init(_ publication: Publication, of home: UserHome) {
        let source = publication.source.description
        let parts = source.split(separator: "/", maxSplits: 1).map(String.init)
        let composed = PresenceComposer().compose(publication.inputs, now: publication.expires - 1)
        self.init(
            user: home.jid.bare.description, source: parts.first ?? source, id: parts.count > 1 ? parts[1] : "",
            state: composed.state.rawValue, note: composed.note,
            since: Timestamp.format(publication.inputs.map(\.since).min() ?? 0),
            expires: Timestamp.format(publication.expires))
    }
}

extension AdminSIPTrunk {
    init(_ trunk: SIPTrunk, _ settings: ServerConfig.SIPTrunk, routes: Int) {
        let destinations = trunk.destinations.map { one in
            Destination(
                address: one.uri.text.string, state: one.isUp.map { $0 ? .up : .down } ?? .unknown,
                problem: one.lastError)
        }
        let states = Set(destinations.map(\.state))
        let checked = trunk.destinations.map(\.since).max() ?? 0
        self.init(
            name: trunk.name, state: states.contains(.up) ? .up : states == [.down] ? .down : .unknown,
            destinations: destinations, trusted: settings.addresses + settings.certificates,
            domains: settings.domains, prefix: settings.prefix, publishesLineState: settings.publishesLineState,
            isPresenceGateway: settings.isPresenceGateway, routes: routes, received: trunk.requestsIn,
            sent: trunk.requestsOut, failed: trunk.failures, checked: checked > 0 ? Timestamp.format(checked) : nil)
    }
}

extension AdminSIPResolution.Verdict {
    init(_ verdict: RouteExplanation.Verdict) {
        self =
            switch verdict {
            case .contacts: .contacts
            case .user: .user
            case .trunk: .trunk
            case .dns: .dns
            case .refused: .refused
            }
    }
}
