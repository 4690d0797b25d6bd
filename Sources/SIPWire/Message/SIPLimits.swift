/// Bounds for one message.
public struct SIPLimits: Sendable {
    /// Start line, header and body together, in bytes. Beyond: 513.
    public var messageBytes = 65_536
    /// Start line and header, in bytes. Beyond: 513.
    public var headerBytes = 16_384
    /// Lines of the header. Beyond: 513.
    public var fields = 128
    /// Values of Via. Beyond: 483; no request has passed that many hops without a loop.
    public var vias = 70
    /// The body, in bytes. Beyond: 413.
    public var bodyBytes = 49_152

    public init() {}
}

/// Why a message is refused.
public struct SIPParseError: Error {
    /// What a request is answered with.
    public let status: SIPStatus
    /// For the reason phrase.
    public let reason: StaticString
    /// What could be read, to answer to it. nil when nobody could be answered: drop it then. A response is always dropped.
    public let message: SIPMessage?
}
