import XMPPWire

/// What a stream needs only until it is bound.
final class Negotiation {
    /// The exchange under way.
    var exchange: SASLExchange?
    /// Exchanges that failed on this stream; too many end it (RFC 6120 §6.4.5).
    var failures = 0
    static let allowedFailures = 5
}

/// One SASL exchange.
enum SASLExchange {
    case plain
    case scram(ScramServerMachine, username: String)
}
