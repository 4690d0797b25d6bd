extension ServerConfig {
    /// SIP clients, trunks and routes (docs/sip.md).
    public struct SIP: Sendable, Equatable {
        /// Whether a certificate is asked of those who connect to `listen.sip_tls`.
        public enum ClientCertificates: String, Sendable, CaseIterable { case off, optional, required }

        /// Off, the listeners close and nobody is registered.
        public var isEnabled = true
        /// `host=domain`: further hosts of SIP URIs that mean a domain of ours.
        public var domainAliases: [String] = []
        /// Bounds of `Expires` of REGISTER, in seconds: least (shorter is answered 423), for who asks for none, most.
        public var register = Expiry()
        /// The same of SUBSCRIBE.
        public var subscribe = Expiry()
        /// The same of PUBLISH.
        public var publish = Expiry()
        /// Contacts registered for one user, 1 … 100.
        public var contacts: Int = 10
        /// Addresses of users who may register contacts for others.
        public var registrationAgents: [String] = []
        /// Methods that need digest or a certificate when they come from our own people.
        public var authenticatedMethods = ["REGISTER", "PUBLISH", "SUBSCRIBE", "MESSAGE", "INVITE", "REFER"]
        /// Whether digest with MD5 is offered beside SHA-256 (RFC 8760).
        public var isMD5On = true
        /// Whether digest with SHA-256 is offered, before MD5; it is when neither is on.
        public var isSHA256On = true
        /// Requests of people of foreign domains that come over no trunk.
        public var acceptsFromOutside = false
        /// Least seconds between two NOTIFY of a subscription, 0 … 60 (RFC 3856 §6.10).
        public var notifySeconds: Int = 5
        /// Bytes of the largest message, 1,300 … 1,048,576.
        public var messageBytes: Int = 65_535
        /// Bytes of the body of a MESSAGE, or of a message in a session, 1,000 … 1,048,576.
        public var contentBytes: Int = 65_536
        /// Bytes beyond which a request leaves UDP, 500 … 65,000 (RFC 3261 §18.1.1).
        public var datagramBytes: Int = 1_300
        /// MESSAGE requests of one user a second, 1 … 100,000; 0 for no limit.
        public var messagesPerSecond: Int = 1_000
        /// Message sessions at a time, 1 … 1,000,000.
        public var messageSessions: Int = 10_000
        /// Of one user, 1 … 10,000.
        public var messageSessionsPerUser: Int = 50
        /// Seconds without a message after which a session ends, 60 … 86,400.
        public var messageSessionIdle: Int = 1_800
        /// Whether the server opens sessions to clients that say that they take them (RFC 7573).
        public var opensMessageSessions = true
        /// Seconds for the first message of a connection, 1 … 600.
        public var firstMessageSeconds: Int = 30
        /// `Max-Forwards` of requests that come without one, and of our own, 1 … 255.
        public var maxForwards: Int = 70
        public var clientCertificates = ClientCertificates.off
        /// PEM file of those who stand behind certificates of servers that are connected to; empty for the system's.
        public var serverAuthorities = ""
        /// Contact lists and presence rules over HTTP (RFC 4825).
        public var isXCAPOn = true
        /// Connections over TCP and TLS at a time, 16 … 1,000,000.
        public var connections: Int = 50_000
        /// Transactions at a time, 1,000 … 10,000,000.
        public var transactions: Int = 200_000
        /// Host that others are told for this server; empty for the address of the socket.
        public var advertisedHost = ""
        /// Seconds that a call may ring, 10 … 3,600.
        public var ringSeconds: Int = 190
        /// Seconds after which calls have to be refreshed that pass through, 90 … 86,400; 0 leaves it to the ends (RFC 4028).
        public var sessionSeconds: Int = 0
        /// Least seconds between refreshes that are agreed to, 90 … 3,600.
        public var sessionMinSeconds: Int = 90
        /// Seconds after which a call is over of which nothing is heard, 300 … 604,800.
        public var callSeconds: Int = 14_400
        /// Whoever is in a call that passes through this server is on the phone.
        public var callsArePresence = true
        /// Seconds of silence after which a connection ends that serves no registration, 30 … 86,400.
        public var idleSeconds: Int = 900
        /// Header fields of a message, 32 … 1,024.
        public var headerFields: Int = 256
        /// Seconds that a nonce may be used, 60 … 86,400.
        public var nonceSeconds: Int = 7_200
        /// Requests a second of one address, 1 … 100,000; 0 for no limit.
        public var requestsPerSecond: Int = 0
        /// Places that a request may be passed on to at once, 1 … 1,000.
        public var maxBreadth: Int = 60
        /// Seconds between keep-alives of clients over connections, 10 … 3,600; 0 asks for none.
        public var flowTimerSeconds: Int = 120
        /// How User-Agent of clients begins that get no answer.
        public var scanners = ["friendly-scanner", "sipvicious", "sipcli", "sundayddr", "sip-scan", "iwar", "sivus"]
        /// Bytes that may wait for a connection, 65,536 … 67,108,864.
        public var outputBytes: Int = 4_194_304
        /// Bytes of answers that are kept for requests that come again, 65,536 … 1,073,741,824.
        public var answeredBytes: Int = 4_194_304
        /// T1 and T2 of RFC 3261, milliseconds: 50 … 5,000 and 500 … 30,000.
        public var t1Milliseconds: Int = 500
        public var t2Milliseconds: Int = 4_000
        /// Seconds that contacts of a higher preference ring alone, 5 … 600.
        public var serialSeconds: Int = 20
        /// Subscriptions of one watcher, 1 … 100,000.
        public var subscriptionsPerUser: Int = 2_000
        /// Subscriptions of all, 100 … 10,000,000.
        public var subscriptions: Int = 260_000
        /// Subscriptions of ours to people of other domains, for one user, 1 … 100,000, and for all, 100 … 1,000,000.
        public var foreignSubscriptionsPerUser: Int = 1_000
        public var foreignSubscriptions: Int = 100_000
        /// Calls that watchers are told of, 0 … 1,000,000.
        public var trackedCalls: Int = 50_000
        /// Contacts that one subscription to a list shows, 10 … 10,000.
        public var listMembers: Int = 1_000
        /// Publications of one user, 1 … 1,000.
        public var publicationsPerUser: Int = 32
        /// Bytes of a document that is put over XCAP, 4,096 … 2,097,152.
        public var xcapBytes: Int = 2_097_152
        /// Name servers; none for those of the operating system.
        public var dnsServers: [String] = []
        public var trunks: [SIPTrunk] = []
        public var routes: [SIPRoute] = []

        public init() {}

        /// Seconds that something registered lasts.
        public struct Expiry: Sendable, Equatable {
            /// 1 … 3,600.
            public var least: Int = 60
            /// 60 … 86,400; taken into the bounds of the other two.
            public var standard: Int = 3_600
            /// 3,600 … 2,592,000.
            public var most: Int = 7_200

            public init() {}
        }
    }

    /// A server that is trusted by its address or certificate: a call manager, a session border controller, a proxy.
    public struct SIPTrunk: Sendable, Equatable {
        /// Letters, digits, `.`, `_` and `-`, up to 64.
        public var name: String = ""
        /// `host`, `host:port`, each perhaps with `;transport=udp`, `tcp` or `tls`; at most 16, tried in this order.
        public var destinations: [String] = []
        /// Addresses and networks that its requests come from.
        public var addresses: [String] = []
        /// Names in the certificate it shows; `*.example.com` covers one label.
        public var certificates: [String] = []
        /// What it publishes for our people is the state of their lines.
        public var publishesLineState = false
        /// Roost subscribes there to the presence of its people.
        public var isPresenceGateway = false
        /// Domains whose people are behind it.
        public var domains: [String] = []
        /// Put before a telephone number that goes there.
        public var prefix = ""
        /// Seconds between two OPTIONS that ask whether it is there, 5 … 3,600; 0 asks never.
        public var keepAliveSeconds: Int = 60

        public init(name: String = "", destinations: [String] = []) {
            self.name = name
            self.destinations = destinations
        }

        /// Most destinations of a trunk.
        public static let destinationsMax = 16
    }

    /// Requests for a domain or for numbers, and the trunk that they go to.
    public struct SIPRoute: Sendable, Equatable {
        /// The domain of the Request-URI; `*.example.com` covers all below it, `*` every foreign domain. Empty: any.
        public var domain = ""
        /// What its user part begins with, such as `+49` or `9`. Empty: any.
        public var prefix = ""
        /// Name of the trunk.
        public var trunk = ""

        public init(domain: String = "", prefix: String = "", trunk: String = "") {
            self.domain = domain
            self.prefix = prefix
            self.trunk = trunk
        }
    }
}

extension ServerConfig.SIPTrunk {
    var value: SettingValue {
        var fields: [String: SettingValue] = [
            "name": .text(name), "destinations": .list(destinations.map { .text($0) }),
        ]
        if !addresses.isEmpty { fields["addresses"] = .list(addresses.map { .text($0) }) }
        if !certificates.isEmpty { fields["certificates"] = .list(certificates.map { .text($0) }) }
        if publishesLineState { fields["publishes_line_state"] = .boolean(true) }
        if isPresenceGateway { fields["presence_gateway"] = .boolean(true) }
        if !domains.isEmpty { fields["domains"] = .list(domains.map { .text($0) }) }
        if !prefix.isEmpty { fields["prefix"] = .text(prefix) }
        if keepAliveSeconds != Self().keepAliveSeconds { fields["keep_alive_seconds"] = .integer(keepAliveSeconds) }
        return .group(fields)
    }
}

extension ServerConfig.SIPRoute {
    var value: SettingValue {
        var fields: [String: SettingValue] = ["trunk": .text(trunk)]
        if !domain.isEmpty { fields["domain"] = .text(domain) }
        if !prefix.isEmpty { fields["prefix"] = .text(prefix) }
        return .group(fields)
    }
}
