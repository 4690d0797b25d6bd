/// Every user subscribes to its contacts of the ring and approves whoever asks (RFC 6121 §3.1).
///
/// Contacts that a roster already has are left alone, so that the scenario may be run again.
final class SubscriptionTraffic: TrafficPattern {
    private struct User {
        var wanted: [Int] = []
        var open = 0
        var mutual = 0
        var hasRoster = false
    }

    /// Requests of one user that wait for an answer.
    private static let limit = 4

    private unowned let fleet: ClientFleet
    private let ring: ContactRing
    private var users: [User]
    private var numbers: [String: Int] = [:]
    private(set) var requested = 0
    private(set) var approved = 0
    private(set) var rosters = 0

    init(_ fleet: ClientFleet) {
        self.fleet = fleet
        let options = fleet.options
        ring = ContactRing(users: options.count, contacts: options.contacts)
        users = Array(repeating: User(), count: options.count)
        for user in 0..<options.count {
            users[user].wanted = ring.contacts(of: user)
            numbers[options.bareJID(user).lowercased()] = user
        }
    }

    /// Requests that are still to be made or answered.
    var remaining: Int { users.reduce(0) { $0 + $1.wanted.count + $1.open } }

    /// Users whose rosters have all contacts with a subscription in both directions.
    var complete: Int { users.reduce(0) { $0 + ($1.mutual >= ring.contacts ? 1 : 0) } }

    var mutual: Int { users.reduce(0) { $0 + $1.mutual } }

    func start() {
        for session in fleet.sessions {
            if let session { request(session) }
        }
    }

    /// Reads all rosters again, to see what the server has kept.
    func readRosters() {
        rosters = 0
        for session in fleet.sessions {
            session?.sendStanza("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
        }
    }

    private func request(_ session: ClientSession) {
        while users[session.index].open < Self.limit, let contact = users[session.index].wanted.popLast() {
            users[session.index].open += 1
            requested += 1
            session.sendStanza("<presence to='\(fleet.options.bareJID(contact))' type='subscribe'/>")
        }
    }

    func subscriptionArrived(_ type: String, from: String, at session: ClientSession) {
        let bare = String(from.prefix { $0 != "/" }).lowercased()
        guard let other = numbers[bare], ring.slot(of: other, at: session.index) != nil else { return }
        switch type {
        case "subscribe":
            session.sendStanza("<presence to='\(fleet.options.bareJID(other))' type='subscribed'/>")
        case "subscribed":
            guard users[session.index].open > 0 else { return }
            users[session.index].open -= 1
            approved += 1
            request(session)
        default: fleet.note("subscription ended", type, session: session)
        }
    }

    func rosterArrived(_ element: Element, at session: ClientSession) {
        rosters += 1
        var mutual = 0
        var cursor = element.tagEnd
        while let start = element.bytes.offset(of: "<item", from: cursor),
            let end = element.bytes.offset(of: UInt8(ascii: ">"), from: start)
        {
            cursor = end + 1
            let tag = element.bytes.part(start, end + 1)
            guard let jid = Element.attribute("jid", in: tag)?.text().lowercased(), let other = numbers[jid],
                let subscription = Element.attribute("subscription", in: tag)?.text(),
                let slot = ring.slot(of: other, at: session.index), slot < ring.contacts
            else { continue }
            if subscription == "both" { mutual += 1 }
            if subscription == "both" || subscription == "to", !users[session.index].hasRoster {
                users[session.index].wanted.removeAll { $0 == other }
            }
        }
        users[session.index].hasRoster = true
        users[session.index].mutual = mutual
    }
}
