/// What a load run does and against whom; the defaults suit a small server on the same machine.
public struct LoadOptions: Sendable {
    /// How the stream is secured.
    public enum Security: String, Sendable, CaseIterable {
        /// Plain TCP.
        case none
        /// STARTTLS (RFC 6120 §5).
        case starttls
        /// TLS from the first byte (XEP-0368).
        case direct
    }

    /// SASL mechanism of every login.
    public enum Mechanism: String, Sendable, CaseIterable {
        case plain = "PLAIN"
        case scramSHA1 = "SCRAM-SHA-1"
        case scramSHA256 = "SCRAM-SHA-256"
    }

    /// Address or name of the server.
    public var host = "127.0.0.1"
    /// TCP port, 1 … 65535.
    public var port = 5222
    /// XMPP domain: the `to` of the stream and the domainpart of every account.
    public var domain = "localhost"
    /// Number of accounts, 1 … 1,000,000 (presence and setup need at least 3, chat an even number).
    public var count = 100
    /// Number of the first account, 0 … 16,777,215.
    public var base = 0
    /// Logins in progress at once, 1 … 10,000.
    public var concurrency = 20
    public var security = Security.none
    public var mechanism = Mechanism.scramSHA1
    /// Localpart with one `%d` for the account's number; no characters that need escaping in XML or a JID.
    public var userTemplate = "user%d"
    /// Password with at most one `%d`; printable ASCII, so that SASLprep (RFC 4013) is the identity.
    public var passwordTemplate = "pw%d"
    /// Resource to bind.
    public var resource = "bench"
    /// Server processes whose CPU time and memory, descendants included, are read from `/proc`.
    public var processes: [Int32] = []
    /// Chat: messages in flight a direction and pair, 1 … 1,000 (closed loop).
    public var window = 1
    /// Chat: messages a second over all sessions, 0 is a closed loop, else up to 1,000,000 (open loop).
    public var rate = 0.0
    /// Length of a message body in bytes, 64 … 65,536.
    public var bodyBytes = 64
    /// Length of the measured window, or how long idle sessions are held, 0.1 … 86,400 s.
    public var seconds = 10.0
    /// Traffic before the measured window, 0 … 3,600 s.
    public var warmup = 2.0
    /// Quiet time after the logins, 0 … 3,600 s.
    public var settle = 1.0
    /// Stream management with resumption (XEP-0198); acknowledgements of own messages are asked for and timed.
    public var usesStreamManagement = false
    /// Enable Message Carbons (XEP-0280) at login.
    public var usesCarbons = false
    /// Chat to the full JID instead of the bare one.
    public var addressesFullJID = false
    /// Source addresses 127.0.0.1 … 127.0.0.K used in turn, 1 … 254; more than 1 lifts the limit of ephemeral ports.
    public var sources = 1
    /// Presence and setup: contacts of each user, even, 2 … 1,000, less than `count`.
    public var contacts = 50
    /// Presence: users that toggle, 1 … `count`; nil is a tenth of them.
    public var togglers: Int?
    /// Changes are items of personal eventing (XEP-0163) instead of presence.
    public var usesEventing = false
    /// Offline and archive: messages to store, 1 … 10,000,000.
    public var messages = 5_000
    /// Offline: accounts that are away, 1 … 1,000,000.
    public var receivers = 100
    /// Offline and archive: accounts that send, 1 … 10,000.
    public var senders = 10
    /// Archive: pages asked for, 1 … 1,000,000, and messages of each, 1 … 100.
    public var queries = 1_000
    public var page = 50
    /// Skip verification of the server's certificate; nil means only for loopback hosts.
    public var isInsecure: Bool?
    /// File that keeps salted passwords between runs, as real clients do (RFC 5802 §3). Mode 0600. An account found
    /// there logs in with what is kept, whatever ``passwordTemplate`` says.
    public var saltedPasswordFile: String?
    /// Free text copied to the report.
    public var label = ""
    /// File to which the report is appended as one line.
    public var outputFile: String?

    public init() {}

    /// Accounts that take part in `scenario`.
    func accounts(for scenario: LoadScenario) -> Int {
        switch scenario {
        case .offline: senders + receivers
        case .archive: senders + 1
        default: count
        }
    }

    /// The account's localpart.
    func localpart(_ index: Int) -> String { Self.fill(userTemplate, base + index) }

    /// The account's password.
    func password(_ index: Int) -> String { Self.fill(passwordTemplate, base + index) }

    /// The account's bare JID.
    func bareJID(_ index: Int) -> String { localpart(index) + "@" + domain }

    static func fill(_ template: String, _ number: Int) -> String {
        let parts = template.split(separator: "%d", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 ? "\(parts[0])\(number)\(parts[1])" : template
    }
}

/// What kind of load is put on the server.
public enum LoadScenario: String, Sendable, CaseIterable {
    /// Whole logins, from connecting to the end of the stream.
    case login
    /// Sessions that do nothing.
    case idle
    /// One-to-one messages between pairs.
    case chat
    /// Users toggling their presence in front of their contacts.
    case presence
    /// Messages to accounts that are away, then their delivery.
    case offline
    /// Pages out of an archive (XEP-0313) that is filled before.
    case archive
    /// Accounts made with in-band registration (XEP-0077).
    case register
    /// Mutual subscriptions that `presence` needs (RFC 6121 §3).
    case setup
}
