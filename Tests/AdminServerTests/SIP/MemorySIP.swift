import AdminServer

/// A SIP face without a server.
actor MemorySIP: AdminSIP {
    private(set) var contacts: [AdminSIPRegistration] = []

    init(contacts count: Int = 3) {
        contacts = (0..<count).map { number in
            AdminSIPRegistration(
                user: "user\(number)@example.com", contact: "sip:user\(number)@192.0.2.\(number):5060",
                transport: "udp",
                address: "192.0.2.\(number):5060", expires: "2026-01-01T01:00:00Z", q: 0.5, client: "<phone> \(number)",
                instance: "", gruu: "", path: [])
        }
    }

    private func list<Item: Sendable>(
        _ items: [Item], _ after: String?, _ limit: Int, _ key: (Item) -> String
    ) -> AdminSIPList<Item> {
        let rest = items.map { (key: key($0), item: $0) }.filter { item in after.map { item.key > $0 } ?? true }
        return AdminSIPList(items: Array(rest.prefix(limit + 1)), total: items.count)
    }

    func sipRegistrations(_ query: AdminSIPQuery) -> AdminSIPList<AdminSIPRegistration> {
        let found = contacts.filter { one in
            (query.user.map { one.user == $0 } ?? true) && (query.text.map { one.client.contains($0) } ?? true)
        }
        return list(found, query.after, query.limit) { "\($0.user) \($0.contact)" }
    }

    func endSIPRegistrations(of user: String, contact: String?) -> Int {
        let before = contacts.count
        contacts.removeAll { $0.user == user && (contact == nil || $0.contact == contact) }
        return before - contacts.count
    }

    func sipSubscriptions(_ query: AdminSIPSubscriptionQuery) -> AdminSIPList<AdminSIPSubscription> {
        let all = [
            AdminSIPSubscription(
                watcher: "user1@example.com", presentity: "user2@example.com", package: "presence", state: "pending",
                direction: .inbound, expires: "2026-01-01T01:00:00Z", contact: "sip:user1@192.0.2.1", isList: false),
            AdminSIPSubscription(
                watcher: "example.com", presentity: "line@phones.example.com", package: "presence", state: "active",
                direction: .outbound, expires: "2026-01-01T01:00:00Z", contact: "", isList: false),
        ]
        let found = all.filter { one in
            (query.watcher.map { one.watcher == $0 } ?? true) && (query.presentity.map { one.presentity == $0 } ?? true)
                && (query.package.map { one.package == $0 } ?? true) && (query.state.map { one.state == $0 } ?? true)
        }
        return list(found, query.after, query.limit) { "\($0.watcher) \($0.presentity)" }
    }

    func sipPublications(_ query: AdminSIPQuery) -> AdminSIPList<AdminSIPPublication> {
        let all = [
            AdminSIPPublication(
                user: "user1@example.com", source: "line", id: "cucm", state: "on-the-phone", note: "",
                since: "2026-01-01T00:00:00Z", expires: nil)
        ]
        return list(all, query.after, query.limit) { $0.user }
    }

    func sipTrunks() -> [AdminSIPTrunk] {
        [
            AdminSIPTrunk(
                name: "cucm", state: .down,
                destinations: [.init(address: "cucm.example.com:5060", state: .down, problem: "no answer")],
                trusted: ["10.1.2.0/24"], domains: ["phones.example.com"], prefix: "", publishesLineState: true,
                isPresenceGateway: true, routes: 2, received: 1_234, sent: 5, failed: 6,
                checked: "2026-01-01T00:00:00Z")
        ]
    }

    func resolveSIP(_ uri: String, from sender: String?) throws -> AdminSIPResolution {
        guard uri.hasPrefix("sip:") else { throw AdminError(.invalid, "\(uri) is not a SIP URI") }
        return AdminSIPResolution(
            uri: uri, verdict: .trunk, text: "Route 1 leads to cucm.", targets: ["cucm.example.com:5060"],
            steps: [.init("domain", "example.net is not a domain of ours"), .init("route", "the first matches")])
    }

    func usersWithoutSIPCredentials(after: String?, limit: Int) -> AdminSIPList<AdminSIPUser> {
        list([AdminSIPUser(jid: "old@example.com")], after, limit) { $0.jid }
    }
}
