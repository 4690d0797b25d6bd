import Transport

/// Settings of client streams; a snapshot, exchanged whole.
public struct C2SConfig: Sendable {
    /// Plain streams must start TLS before they authenticate (RFC 7590 §3.1).
    public var requiresTLS = true
    public var stanzaBytes = 262_144
    public var unauthenticatedStanzaBytes = 65_536
    public var stanzaDepth = 128
    /// What clients are told after the login; empty for nothing.
    public var banner = ""
    /// Zero is unlimited.
    public var bytesPerSecond = 0
    /// Zero is unlimited.
    public var stanzasPerSecond = 0
    public var loginSeconds = 60
    public var failedLoginsPerAddress = 30
    public var failedLoginsPerAccount = 10
    public var connectionsPerAddress = 100_000
    public var outboundBytes = 8_388_608
    /// Whether SCRAM with SHA-256 is offered; it always is with SHA-1.
    public var offersSHA256 = true
    public var vcardBytes = 262_144
    public var privateStorageBytes = 1_048_576
    public var resumeSeconds = 300
    public var ackSeconds = 60
    public var unacknowledgedStanzas = 5_000
    /// Stanzas held for one inactive client.
    public var heldStanzas = 250
    public var scramIterations = 4_096
    /// Whether SCRAM-…-PLUS is offered (decision 0006).
    public var offersChannelBinding = true
    /// Whose client certificates are believed (XEP-0178); nil for nobody's.
    public var clientAuthorities: ClientAuthorities?
    /// Whether users may enrol certificates of their own (XEP-0257).
    public var allowsEnrolment = false
    /// Life of a token of XEP-0484, seconds; zero gives none.
    public var tokenSeconds = 21 * 86_400
    public var registration = RegistrationConfig()
    /// URIs by role: abuse, admin, feedback, sales, security, support (XEP-0157).
    public var contacts: [String: [String]] = [:]
    public var externalServices: [ExternalService] = []
    /// Shared with the TURN servers; empty when they ask for no credentials.
    public var relaySecret = ""
    /// How long credentials of TURN servers are good.
    public var relaySeconds = 86_400
    /// Seconds of silence after which a client is asked whether it is still there; zero never asks.
    public var pingSeconds = 300
    /// Links count as encrypted although they are not; for tests.
    public var trustsLinks = false
    /// Connections of the whole server; one more is refused with `resource-constraint`.
    public var connections = 19_800

    /// Names of features that are not offered.
    public var switchedOff: Set<String> = []

    public init() {}
}
