import SIPWire
import Transport

/// Settings of the SIP face, all changeable while it runs. The defaults are those of the settings group `sip`.
///
/// Whoever adds a field gives it a default here; the mapping from the settings is in the executable (`roost/SIP`).
public struct SIPConfig: Sendable {
    /// Domains that are ours, prepared; the first stands where one is needed and none is named.
    public var domains: [String] = []
    /// Host for Via, Record-Route and Contact when ours cannot be told from the socket (behind address translation).
    public var advertisedHost: String?
    /// Further host names that are this server: `sip.example.org`.
    public var hostNames: [String] = []
    /// Other names of domains, to the domain that they mean.
    public var domainAliases: [String: String] = [:]

    // Authentication
    /// Requests of users need no digest: everybody is believed. For tests and closed networks.
    public var trustsEverybody = false
    /// Requests of people of other domains are taken without a trunk that vouches for them.
    public var acceptsForeign = false
    public var offersMD5 = true
    public var offersSHA256 = true
    /// Seconds that a nonce may be used.
    public var nonceLifetime = 7_200
    /// Methods that users need not authenticate for; responses, ACK and CANCEL never need it.
    public var openMethods: Set<SIPMethod> = []
    /// Failed logins a minute, of one address and of one account.
    public var failuresPerAddress = 30
    public var failuresPerAccount = 10
    /// User agents that get no answer, in lower case, by their beginning.
    public var scanners = ["friendly-scanner", "sipvicious", "sipcli", "sundayddr", "sip-scan", "iwar", "sivus"]

    // Registrar and proxy
    /// Seconds that a registration lasts.
    public var registerExpires = Expiry(least: 60, standard: 3_600, most: 7_200)
    /// Contacts of one user; one more is refused.
    public var contacts = 10
    /// Users who may register contacts for others (third-party registration, RFC 3261 §10.2): prepared bare addresses.
    public var registrationAgents: Set<String> = []
    /// Value of Service-Route (RFC 3608) in answers to REGISTER: `<sip:host;lr>`; nil for none.
    public var serviceRoute: String?
    /// Neighbours that need no digest.
    public var trunks: [TrunkSettings] = []
    /// What goes to which trunk; the first that matches counts.
    public var routes: [RouteSettings] = []
    /// Seconds that a call may ring (timer C, RFC 3261 §16.6 step 11).
    public var ringSeconds = 190
    /// Seconds after which calls have to be refreshed that pass through us, or end (RFC 4028 §8); 0 leaves it to the ends.
    public var sessionSeconds = 0
    /// Least seconds between refreshes that are agreed to, 90 or more (RFC 4028 §5).
    public var sessionMinSeconds = 90
    /// Seconds that contacts of a higher preference ring before those of a lower one.
    public var serialSeconds = 20
    /// Calls that pass through are told to watchers, so many at most.
    public var trackedCalls = 50_000
    /// Seconds after which a call is over of which nothing is heard.
    public var callSeconds = 14_400
    /// Whoever is in such a call is on the phone.
    public var callsArePresence = true

    // Bounds
    /// Bytes of a message over TCP or TLS; one over UDP is a datagram.
    public var messageBytes = 131_072
    public var headers = 256
    public var connections = 20_000
    public var connectionsPerAddress = 1_000
    /// Seconds of silence after which a connection ends that serves no registration.
    public var idleTimeout = 900
    /// Seconds for the first whole message of a connection.
    public var firstMessageTimeout = 30
    /// Transactions under way; one more is answered 503.
    public var transactions = 100_000
    /// Bytes of answers that are kept for requests that come again.
    public var answeredBytes = 4 * 1_048_576
    /// Largest request over UDP when the path is not known (RFC 3261 §18.1.1).
    public var datagramBytes = 1_300
    /// Bytes that wait for a connection that does not take them; beyond, it ends.
    public var outputBytes = 4 * 1_048_576
    public var maxForwards = 70
    /// Branches that one request may have at once (RFC 5393 §5.3).
    public var maxBreadth = 60
    /// Requests a second of one address that is no trunk's; 0 for no limit.
    public var requestsPerSecond = 0

    // Transport
    /// Seconds between keep-alives that clients over connections are asked for (RFC 5626 §4.4.1, `Flow-Timer`); 0 for none.
    public var flowTimer = 120
    /// Clients of SIP over TLS are asked for a certificate.
    public var asksForCertificates = false
    /// And one without is refused.
    public var requiresCertificates = false
    /// Authorities behind the certificates of trunks and foreign servers.
    public var clientAuthorities: ClientAuthorities?
    /// PEM file of authorities for servers that we connect to; the system's when nil.
    public var serverAuthorities: String?
    /// Name servers, `address` or `address:port`; the system's when empty.
    public var nameServers: [String] = []
    public var timers = SIPTimers()

    // Messages
    /// Bytes of the body of a MESSAGE that is taken in (513 beyond, RFC 3428 §7); one that goes out over UDP must fit into
    /// `datagramBytes`.
    public var contentBytes = 65_536
    /// MESSAGE requests a second of one user, bursts of twice as many; 0 for no limit.
    public var messagesPerSecond = 1_000

    /// Contact lists and presence rules over HTTP (RFC 4825).
    public var isXCAPOn = true
    /// Where that is, with a slash at the end.
    public var xcapRoot = "https://localhost/xcap-root/"
    /// Bytes of a document that is put; no more than `XCAPDocument.limits`.
    public var xcapBytes = 2 << 20

    // Message sessions
    /// Sessions at once, of all and of one user; one more is answered 486.
    public var messageSessions = 10_000
    public var messageSessionsPerUser = 50
    /// Seconds without a message after which a session ends.
    public var messageSessionIdle = 1_800
    /// Contacts that say that they take message sessions get the messages of chats in one, opened by us (RFC 7573 §4).
    public var opensMessageSessions = true

    // Event packages
    /// Seconds of a subscription: least (shorter is answered 423), for who asks for none, most.
    public var subscribe = Expiry(least: 60, standard: 3_600, most: 7_200)
    /// The same of a publication.
    public var publish = Expiry(least: 60, standard: 3_600, most: 7_200)
    /// Least seconds between two NOTIFY of one subscription, unless it is the first, the last or its state changes; 0 for
    /// no pace (RFC 3856 §6.10).
    public var notifySeconds = 5
    /// Subscriptions of one watcher, and of all.
    public var subscriptionsPerUser = 2_000
    public var subscriptions = 1_000_000
    /// Contacts that one list shows.
    public var listMembers = 1_000
    /// Subscriptions of ours to people of other domains: for one user, and for all.
    public var foreignWatchesPerUser = 1_000
    public var foreignWatches = 100_000

    public init() {}

    /// Bounds of what is asked for, in seconds.
    public struct Expiry: Sendable, Equatable {
        /// Shorter is answered 423.
        public var least: Int
        /// For who asks for nothing.
        public var standard: Int
        /// Longer is made shorter.
        public var most: Int

        public init(least: Int, standard: Int, most: Int) {
            (self.least, self.standard, self.most) = (least, standard, most)
        }
    }
}
