/// Everything `roost.yaml` can say, with its defaults; an immutable snapshot.
///
/// Bounds are checked by `ConfigLoader`, which reports every problem at once.
public struct ServerConfig: Sendable, Equatable {
    /// One hosted XMPP domain and its certificate.
    public struct Domain: Sendable, Equatable {
        /// Prepared domainpart (RFC 7622 §3.2).
        public var name: String
        /// PEM certificate chain, absolute path once loaded.
        public var certificate: String
        /// PEM private key, absolute path once loaded.
        public var key: String

        public init(name: String, certificate: String, key: String) {
            self.name = name
            self.certificate = certificate
            self.key = key
        }
    }

    /// A domain that an external component answers for (XEP-0114).
    public struct Component: Sendable, Equatable {
        /// What happens when a second one connects for the same domain.
        public enum Conflict: String, Sendable, CaseIterable { case refuse, replace }

        /// Prepared domainpart.
        public var domain: String
        /// Shared with the component, 1 … 1,023 bytes.
        public var secret: String
        /// What service discovery calls it; nil for the domain.
        public var title: String?
        public var conflict: Conflict

        public init(domain: String, secret: String, title: String? = nil, conflict: Conflict = .refuse) {
            self.domain = domain
            self.secret = secret
            self.title = title
            self.conflict = conflict
        }
    }

    /// One listener, on TCP but for `sipUDP`.
    public struct Listener: Sendable, Equatable {
        /// IP address to bind, `::` for every address of both families.
        public var address: String
        /// 1 … 65535.
        public var port: Int

        public init(address: String, port: Int) {
            self.address = address
            self.port = port
        }
    }

    /// What the c2s stream on 5222 asks before authentication (RFC 7590).
    public enum TLSPolicy: String, Sendable, CaseIterable { case required, optional }

    /// What "acknowledged" survives: power loss, the end of the process, or nothing.
    public enum Durability: String, Sendable, CaseIterable { case power, process, memory }

    /// What happens to one session too many.
    public enum SessionEviction: String, Sendable, CaseIterable { case oldest, refuse }

    public enum Switch: String, Sendable, CaseIterable { case on, off }

    public enum ScramHashes: String, Sendable, CaseIterable { case all, sha1 }

    public enum ChannelBindingPolicy: String, Sendable, CaseIterable { case offered, off }

    /// Hosted domains, at least one, the first is the default domain.
    public var domains: [Domain] = []
    /// STARTTLS listener (RFC 6120 §5); nil switches it off.
    public var c2s: Listener? = Listener(address: "::", port: 5222)
    /// Direct TLS listener (XEP-0368); nil switches it off.
    public var c2sTLS: Listener? = Listener(address: "::", port: 5223)
    /// Listener of external components (XEP-0114); nil switches it off.
    public var component: Listener?
    /// Domains of external components.
    public var components: [Component] = []
    /// HTTPS listener; nil switches it off.
    public var https: Listener? = Listener(address: "::", port: 5443)
    /// HTTPS listener of the console and the HTTP API; nil switches it off.
    public var adminListener: Listener? = Listener(address: "127.0.0.1", port: 8443)
    public var administration = Administration()
    /// Plain HTTP listener, for a reverse proxy; nil switches it off.
    public var http: Listener? = Listener(address: "127.0.0.1", port: 5280)
    public var web = Web()
    /// Whether plain streams may authenticate (never with PLAIN).
    public var tls: TLSPolicy = .required
    /// Unix socket of the admin interface, absolute once loaded; its mode is 0600.
    public var adminSocket: String = "admin.sock"
    /// SQLite file, absolute once loaded.
    public var database: String = "roost.db"
    public var durability: Durability = .power
    /// How long a commit gathers messages, 0 … 50 ms.
    public var gatherMilliseconds: Int = 2
    /// PBKDF2 rounds for new passwords, 4096 … 10,000,000 (RFC 5802 §5.1, RFC 7677 §4).
    public var scramIterations: Int = 4_096
    /// Hashes of SCRAM that are offered.
    public var scramHashes: ScramHashes = .all
    /// Whether SCRAM-…-PLUS is offered.
    public var channelBinding: ChannelBindingPolicy = .offered
    /// PEM file of authorities whose client certificates log in, absolute once loaded; empty for none (XEP-0178).
    public var clientAuthorities: String = ""
    /// Whether users may enrol certificates for their clients (XEP-0257).
    public var certificateEnrolment: Switch = .off
    /// Life of a token in days, 1 … 365; 0 gives none (XEP-0484).
    public var tokenDays: Int = 21
    /// Text before the login; empty for none.
    public var banner: String = ""
    /// Whether clients get it after the login.
    public var bannerToClients: Bool = false
    public var registration = Registration()
    public var contact = Contact()
    public var externalServices = ExternalServices()
    public var limits = Limits()
    public var presence = Presence()
    public var messaging = Messaging()
    public var archive = Archive()
    public var streamManagement = StreamManagement()
    public var mobile = Mobile()
    public var search = Search()
    public var broadcast = Broadcast()
    /// Listener of the bytestreams proxy (XEP-0065); nil switches the proxy off.
    public var proxy65Listener: Listener?
    public var proxy65 = Proxy65()
    public var files = Files()
    public var rooms = Rooms()
    /// SIP over UDP; nil switches it off.
    public var sipUDP: Listener? = Listener(address: "::", port: 5060)
    /// SIP over TCP; nil switches it off.
    public var sipTCP: Listener? = Listener(address: "::", port: 5060)
    /// SIP over TLS; nil switches it off.
    public var sipTLS: Listener? = Listener(address: "::", port: 5061)
    /// MSRP (RFC 4975 §6); nil switches message sessions off.
    public var msrp: Listener? = Listener(address: "::", port: 2855)
    public var sip = SIP()
    /// Log level: trace, debug, info, notice, warning, error.
    public var logLevel: String = "info"
    /// `text` or `json`.
    public var logFormat: String = "text"

    public init() {}

    /// Bounds against hostile or broken peers (RFC 6120 §13.12).
    public struct Limits: Sendable, Equatable {
        /// Largest stanza in bytes after login, 10,000 … 16,777,216.
        public var stanzaBytes: Int = 262_144
        /// Largest element in bytes before login, 1,000 … 262,144.
        public var unauthenticatedStanzaBytes: Int = 65_536
        /// Deepest nesting inside a stanza, 8 … 250.
        public var stanzaDepth: Int = 128
        /// Sustained bytes a second that one stream may send; 0 is unlimited, else 1,000 … 1,000,000,000.
        public var bytesPerSecond: Int = 0
        /// Sustained stanzas a second that one stream may send; 0 is unlimited, else 1 … 1,000,000.
        public var stanzasPerSecond: Int = 0
        /// Seconds from connect to a bound resource, 5 … 600.
        public var loginSeconds: Int = 60
        /// Seconds of silence after which a client is asked whether it is there, 30 … 86,400; 0 never asks.
        public var pingSeconds: Int = 300
        /// Sessions of one user, 1 … 1,000.
        public var sessionsPerUser: Int = 10
        public var sessionEviction = SessionEviction.oldest
        /// Failed passwords from one address a minute before it must wait, 1 … 10,000.
        public var failedLoginsPerAddress: Int = 30
        /// Failed passwords for one account a minute before it must wait, 1 … 10,000.
        public var failedLoginsPerAccount: Int = 10
        /// Connections from one address at a time, 1 … 1,000,000.
        public var connectionsPerAddress: Int = 100_000
        /// Bytes waiting for a slow reader before its stream is given up, 65,536 … 1,073,741,824.
        public var outboundBytes: Int = 8_388_608
        /// Roster items of one user, 1 … 100,000.
        public var rosterItems: Int = 5_000
        /// Bytes of one user's vCard, 1,000 … 16,777,216.
        public var vcardBytes: Int = 262_144
        /// Bytes of one user's private storage in all, 1,000 … 16,777,216.
        public var privateStorageBytes: Int = 1_048_576
        /// Pubsub nodes of one account at a service, 1 … 100,000.
        public var pubsubNodes: Int = 1_000
        /// Items of a pubsub node, 1 … 1,000,000.
        public var pubsubItems: Int = 10_000
        /// Bytes of a pubsub item, 1,000 … 16,777,216.
        public var pubsubItemBytes: Int = 262_144
        /// Bytes of all pubsub items of one account at a service, 10,000 … 1,099,511,627,776.
        public var pubsubBytes: Int = 52_428_800
        /// Subscriptions, and affiliations, of a pubsub node, 1 … 1,000,000.
        public var pubsubSubscriptions: Int = 10_000
        /// Blocked addresses of one user, 1 … 100,000.
        public var blockedItems: Int = 1_000

        public init() {}
    }

    /// Accounts that people make, change and remove themselves (XEP-0077).
    public struct Registration: Sendable, Equatable {
        public var enabled = Switch.off
        public var passwordChange = Switch.on
        public var removal = Switch.off
        /// Accounts that one address may create in an hour, 1 … 10,000.
        public var accountsPerHour: Int = 5
        /// Characters of the shortest password, 1 … 100.
        public var passwordLength: Int = 8
        public var instructions = "Choose a user name and a password."
        public var reserved = [
            "abuse", "admin", "administrator", "hostmaster", "postmaster", "root", "security", "support", "webmaster",
        ]

        public init() {}
    }

    /// URIs of those who answer for the server (XEP-0157).
    public struct Contact: Sendable, Equatable {
        public var abuse: [String] = []
        public var admin: [String] = []
        public var feedback: [String] = []
        public var sales: [String] = []
        public var security: [String] = []
        public var support: [String] = []

        public init() {}
    }

    /// STUN and TURN servers for calls (XEP-0215).
    public struct ExternalServices: Sendable, Equatable {
        /// Texts of `ExternalServiceAddress`.
        public var services: [String] = []
        /// Shared with the TURN servers; empty for none.
        public var secret = ""
        /// How long credentials are good, 60 … 604,800.
        public var credentialSeconds: Int = 86_400

        public init() {}
    }

    /// Clients in web browsers (RFC 7395, XEP-0124).
    public struct Web: Sendable, Equatable {
        /// The page of the web chat is served.
        public var isChatOn: Bool = true
        /// New WebSockets and BOSH sessions are taken.
        public var isEnabled = true
        /// Origins that may use WebSocket and BOSH; `*` is any.
        public var origins: [String] = ["*"]
        /// Base of the URLs in host-meta, without a slash at the end; empty for the HTTPS listener itself.
        public var publicURL: String = ""
        /// Addresses and networks.
        public var trustedProxies: [String] = ["127.0.0.0/8", "::1"]
        /// HTTP connections at a time, 16 … 1,000,000.
        public var connections: Int = 10_000
        /// Seconds for one request to arrive, 1 … 600.
        public var requestSeconds: Int = 20
        /// Bytes of the largest BOSH request, 16,384 … 16,777,216.
        public var bodyBytes: Int = 1_048_576
        /// Longest `wait` of XEP-0124, 1 … 600 seconds.
        public var boshWaitSeconds: Int = 60
        /// `inactivity` of XEP-0124, 10 … 3,600 seconds.
        public var boshInactivitySeconds: Int = 60

        public init() {}
    }

    public struct Messaging: Sendable, Equatable {
        /// Stored messages of one user, 0 … 1,000,000; the next one is answered with an error (XEP-0160).
        public var offlineMessages: Int = 1_000
        /// Users exchange messages.
        public var isEnabled: Bool = true
        /// Nothing is stored for users who are offline.
        public var suppressOffline: Bool = false
        /// Told to clients.
        public var allowHistory: Bool = true
        /// Told to clients.
        public var allowCutPaste: Bool = true
        /// A conversation stays with the client that its owner has answered from.
        public var forkLock: Bool = true
        /// Carbons (XEP-0280).
        public var multipleDevices: Bool = true
        /// Seconds of silence after which a conversation forks to every client again, 1 … 86,400.
        public var forkLockSeconds: Int = 1_800
        /// Formatted text (XEP-0071) is taken out of messages between users; the plain text stays.
        public var stripXHTML: Bool = false

        public init() {}
    }

    /// Clients in the background (XEP-0352) and without a connection (XEP-0357).
    public struct Mobile: Sendable, Equatable {
        /// Stanzas held for one inactive client, 10 … 400; one more sends all of them.
        public var heldStanzas: Int = 250
        /// Messages wait for an inactive client while another one of the user is active.
        public var quietMode: Bool = false
        /// Seconds a client counts as active after presence or a message, 10 … 86,400.
        public var activeSeconds: Int = 300
        /// Push services that one user may have enabled, 1 … 1,000.
        public var pushServices: Int = 20
        /// Least seconds between two notifications to one service, 1 … 3,600.
        public var pushSeconds: Int = 5
        /// Notifications name the sender.
        public var pushSender: Bool = false
        /// Notifications carry the text.
        public var pushBody: Bool = false

        public init() {}
    }

    /// Message archives (XEP-0313).
    public struct Archive: Sendable, Equatable {
        /// What is kept of users who have not said what they want (XEP-0441).
        public enum Default: String, Sendable, CaseIterable { case always, roster, never }

        public var isEnabled: Bool = true
        public var `default`: Default = .always
        /// Days that messages are kept, 1 … 36,500; 0 keeps them for ever.
        public var retentionDays: Int = 0

        public init() {}
    }

    public struct StreamManagement: Sendable, Equatable {
        /// Seconds a lost stream may be resumed, 0 … 86,400 (XEP-0198 §3 `max`).
        public var resumeSeconds: Int = 300
        /// Seconds to wait for an answer to `<r/>` before the link is taken for dead, 5 … 3,600.
        public var ackSeconds: Int = 60
        /// Unacknowledged stanzas before the stream is given up, 500 … 1,000,000.
        public var queue: Int = 5_000

        public init() {}
    }
}
