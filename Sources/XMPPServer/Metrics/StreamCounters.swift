/// What client streams have counted since the start. Plain numbers on the loop: counting is an addition.
public struct StreamCounters: Sendable {
    /// Stanzas of clients by kind.
    public var messages = 0
    public var presences = 0
    public var requests = 0
    /// Bytes of streams without TLS and framing.
    public var bytesIn = 0
    public var bytesOut = 0
    public var logins = 0
    public var failedLogins = 0
    /// Connections that were opened.
    public var connections = 0

    public init() {}
}
