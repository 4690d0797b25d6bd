import Ground

/// What the core has counted since the start. Plain numbers on the loop: counting is an addition.
public struct CoreCounters: Sendable {
    /// Copies of messages handed to clients.
    public var deliveries = 0
    /// Messages stored for users who were not there.
    public var stored = 0
    /// Messages answered with an error.
    public var bounced = 0
    /// Changes of presence that were told to others.
    public var presenceChanges = 0
    /// Stanzas that told of them.
    public var presenceDeliveries = 0

    public init() {}
}
