/// Registrations, subscriptions, publications, trunks and routes of the SIP face.
///
/// Lists are in an order of their own that stays from page to page; `after` is the key of the last entry of the page
/// before, and a page has `limit` entries and one more when there are more.
public protocol AdminSIP: Sendable {
    func sipRegistrations(_ query: AdminSIPQuery) async throws -> AdminSIPList<AdminSIPRegistration>
    /// Ends one contact of a user, or all of them. Returns how many there were.
    func endSIPRegistrations(of user: String, contact: String?) async throws -> Int
    func sipSubscriptions(_ query: AdminSIPSubscriptionQuery) async throws -> AdminSIPList<AdminSIPSubscription>
    func sipPublications(_ query: AdminSIPQuery) async throws -> AdminSIPList<AdminSIPPublication>
    func sipTrunks() async throws -> [AdminSIPTrunk]
    /// Where a request to `uri` would go now, and why; nothing is sent but questions to name servers.
    func resolveSIP(_ uri: String, from sender: String?) async throws -> AdminSIPResolution
    /// Accounts that have no password in the form that digest needs: theirs was set before this server spoke SIP, or was
    /// imported as a hash.
    func usersWithoutSIPCredentials(after: String?, limit: Int) async throws -> AdminSIPList<AdminSIPUser>
}

/// What a list is asked for.
public struct AdminSIPQuery: Sendable, Equatable {
    /// Bare address; nil for everybody.
    public var user: String?
    /// Part of a user, a contact, an address or a client, in any case; nil for all.
    public var text: String?
    /// `key` of the last entry of the page before.
    public var after: String?
    public var limit: Int

    public init(user: String? = nil, text: String? = nil, after: String? = nil, limit: Int = 100) {
        self.user = user
        self.text = text
        self.after = after
        self.limit = limit
    }
}

/// A part of a list, from the server.
public struct AdminSIPList<Item: Sendable>: Sendable {
    /// With the key that a next page begins after.
    public var items: [(key: String, item: Item)]
    /// Of all pages; nil where counting would cost too much.
    public var total: Int?

    public init(items: [(key: String, item: Item)], total: Int?) {
        self.items = items
        self.total = total
    }
}

/// A contact of a user (RFC 3261 §10).
public struct AdminSIPRegistration: Codable, Sendable, Equatable {
    /// Bare address of the user.
    public var user: String
    /// URI that requests go to.
    public var contact: String
    /// `udp`, `tcp`, `tls`; empty while no flow is known.
    public var transport: String
    /// Where it registered from; empty when that is not known.
    public var address: String
    /// ISO 8601.
    public var expires: String
    /// Preference, 0 … 1.
    public var q: Double
    public var client: String
    /// `+sip.instance` (RFC 5626), empty for none.
    public var instance: String
    /// Public GRUU (RFC 5627), empty for none.
    public var gruu: String
    /// Proxies that lie before it (RFC 3327).
    public var path: [String]

    public init(
        user: String, contact: String, transport: String, address: String, expires: String, q: Double, client: String,
        instance: String, gruu: String, path: [String]
    ) {
        self.user = user
        self.contact = contact
        self.transport = transport
        self.address = address
        self.expires = expires
        self.q = q
        self.client = client
        self.instance = instance
        self.gruu = gruu
        self.path = path
    }
}

public struct AdminSIPSubscriptionQuery: Sendable, Equatable {
    public var watcher: String?
    public var presentity: String?
    /// `presence`, `presence.winfo`, `dialog`, `reg`, `message-summary`.
    public var package: String?
    /// `active`, `pending`, `waiting`, `terminated`.
    public var state: String?
    public var after: String?
    public var limit: Int

    public init(
        watcher: String? = nil, presentity: String? = nil, package: String? = nil, state: String? = nil,
        after: String? = nil, limit: Int = 100
    ) {
        self.watcher = watcher
        self.presentity = presentity
        self.package = package
        self.state = state
        self.after = after
        self.limit = limit
    }
}

/// A subscription (RFC 6665) that SIP watchers hold here, or that Roost holds at a presence gateway.
public struct AdminSIPSubscription: Codable, Sendable, Equatable {
    public enum Direction: String, Codable, Sendable, CaseIterable { case inbound, outbound }

    public var watcher: String
    public var presentity: String
    /// The event package.
    public var package: String
    public var state: String
    public var direction: Direction
    /// ISO 8601.
    public var expires: String
    /// Where its notifications go; empty when that is not known.
    public var contact: String
    /// The watcher's contact list as a whole (RFC 4662).
    public var isList: Bool

    public init(
        watcher: String, presentity: String, package: String, state: String, direction: Direction, expires: String,
        contact: String, isList: Bool
    ) {
        self.watcher = watcher
        self.presentity = presentity
        self.package = package
        self.state = state
        self.direction = direction
        self.expires = expires
        self.contact = contact
        self.isList = isList
    }
}

/// Presence of a user that came in another way than XMPP.
public struct AdminSIPPublication: Codable, Sendable, Equatable {
    public var user: String
    /// `sip`, `line`, `calendar`, as docs/presence-status.md names kinds of sources.
    public var source: String
    /// What tells it from others of its kind: the entity tag, the trunk and the line.
    public var id: String
    /// As the composer reads it: `available`, `on-the-phone`.
    public var state: String
    public var note: String
    /// ISO 8601.
    public var since: String
    public var expires: String?

    public init(
        user: String, source: String, id: String, state: String, note: String, since: String, expires: String?
    ) {
        self.user = user
        self.source = source
        self.id = id
        self.state = state
        self.note = note
        self.since = since
        self.expires = expires
    }
}

public struct AdminSIPTrunk: Codable, Sendable, Equatable {
    public enum State: String, Codable, Sendable, CaseIterable { case up, down, unknown }

    public struct Destination: Codable, Sendable, Equatable {
        /// As the settings say it.
        public var address: String
        public var state: State
        /// What went wrong the last time; empty for nothing.
        public var problem: String

        public init(address: String, state: State, problem: String) {
            self.address = address
            self.state = state
            self.problem = problem
        }
    }

    public var name: String
    /// Up when a destination answers; unknown until one was asked, and for trunks that are never asked.
    public var state: State
    public var destinations: [Destination]
    /// Networks and names of certificates that it is known by.
    public var trusted: [String]
    public var domains: [String]
    public var prefix: String
    public var publishesLineState: Bool
    public var isPresenceGateway: Bool
    /// Routes that lead to it.
    public var routes: Int
    /// Requests since the start.
    public var received: Int
    public var sent: Int
    public var failed: Int
    /// When the state was found, ISO 8601; nil until then.
    public var checked: String?

    public init(
        name: String, state: State, destinations: [Destination], trusted: [String], domains: [String], prefix: String,
        publishesLineState: Bool, isPresenceGateway: Bool, routes: Int, received: Int, sent: Int, failed: Int,
        checked: String?
    ) {
        self.name = name
        self.state = state
        self.destinations = destinations
        self.trusted = trusted
        self.domains = domains
        self.prefix = prefix
        self.publishesLineState = publishesLineState
        self.isPresenceGateway = isPresenceGateway
        self.routes = routes
        self.received = received
        self.sent = sent
        self.failed = failed
        self.checked = checked
    }
}

/// Where a request would go, and why.
public struct AdminSIPResolution: Codable, Sendable, Equatable {
    public enum Verdict: String, Codable, Sendable, CaseIterable {
        /// To contacts of a user of ours.
        case contacts
        /// To the user's other clients, or into the store: no contact is registered.
        case user
        case trunk
        /// To where DNS says that the domain is.
        case dns
        case refused
    }

    public struct Step: Codable, Sendable, Equatable {
        /// `uri`, `domain`, `account`, `contacts`, `route`, `trunk`, `outside`, `dns`.
        public var question: String
        public var answer: String

        public init(_ question: String, _ answer: String) {
            self.question = question
            self.answer = answer
        }
    }

    public var uri: String
    public var verdict: Verdict
    /// One sentence.
    public var text: String
    /// Where the request would be sent, in the order of trying; empty when nowhere.
    public var targets: [String]
    /// The questions in their order.
    public var steps: [Step]

    public init(uri: String, verdict: Verdict, text: String, targets: [String], steps: [Step]) {
        self.uri = uri
        self.verdict = verdict
        self.text = text
        self.targets = targets
        self.steps = steps
    }
}

/// An account in a list.
public struct AdminSIPUser: Codable, Sendable, Equatable {
    public var jid: String

    public init(jid: String) {
        self.jid = jid
    }
}
