import XMPPWire

/// What push notifications say and how often they come.
public struct PushConfig: Sendable {
    /// Push services of one user; one more is refused.
    public var services = 20
    /// Least time between two notifications to one service, milliseconds.
    public var interval: Int64 = 5_000
    public var namesSender = false
    public var carriesBody = false

    public init() {}
}

/// One push service that a client of a user enabled (XEP-0357), and what it is to be told.
final class PushRegistration {
    let service: JID
    let node: String
    /// The client that enabled it: it is told of what this client misses.
    var resource: String
    var options: [UInt8]?

    /// Messages since that client was last there.
    var missed = 0
    /// The stanza of the last of them.
    var last: [UInt8] = []
    /// Something was missed since the last notification.
    var hasNews = false
    var isWaiting = false
    var isAsking = false
    /// Failures in a row.
    var failures = 0
    /// Monotonic milliseconds before which nothing is sent.
    var notBefore: Int64 = 0

    init(_ record: PushRecord) {
        service = record.service
        node = record.node
        resource = record.resource
        options = record.options
    }

    /// Something is under way: its home must stay in memory.
    var isBusy: Bool { isWaiting || isAsking }

    /// Failures in a row after which the service counts as gone.
    static let failureLimit = 20
    /// Longest pause between two attempts, milliseconds.
    static let longestPause: Int64 = 3_600_000

    /// Notes a failure; true when the service is to be disabled.
    ///
    /// - Parameter condition: of the error; nil when no answer came.
    func failed(_ condition: String?, interval: Int64, uptime: Int64) -> Bool {
        failures += 1
        if let condition, Self.finalConditions.contains(condition) { return true }
        guard failures < Self.failureLimit else { return true }
        notBefore = uptime + min(interval << Int64(min(failures, 20)), Self.longestPause)
        return false
    }

    /// Errors that another attempt would not change.
    private static let finalConditions: Set<String> = [
        "item-not-found", "gone", "forbidden", "not-authorized", "not-allowed", "not-acceptable", "jid-malformed",
        "bad-request", "conflict",
    ]
}
