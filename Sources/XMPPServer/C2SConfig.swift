/// Settings of client streams; a snapshot, exchanged whole.
public struct C2SConfig: Sendable {
    /// Plain streams must start TLS before they authenticate (RFC 7590 §3.1).
    public var requiresTLS = true
    public var stanzaBytes = 262_144
    public var unauthenticatedStanzaBytes = 65_536
    public var stanzaDepth = 128
    /// Zero is unlimited.
    public var bytesPerSecond = 0
    /// Zero is unlimited.
    public var stanzasPerSecond = 0
    public var loginSeconds = 60
    public var failedLoginsPerAddress = 30
    public var failedLoginsPerAccount = 10
    public var connectionsPerAddress = 100_000
    public var outboundBytes = 8_388_608
    public var vcardBytes = 262_144
    public var privateStorageBytes = 1_048_576
    public var resumeSeconds = 300
    public var ackSeconds = 60
    public var unacknowledgedStanzas = 5_000
    /// Stanzas held for one inactive client.
    public var heldStanzas = 250
    public var scramIterations = 4_096
    /// Connections of the whole server; one more is refused with `resource-constraint`.
    public var connections = 19_800

    /// Names of features that are not offered.
    public var switchedOff: Set<String> = []

    public init() {}
}
