import XMPPWire

/// What a stream needs only until it is bound.
final class Negotiation {
    /// The exchange under way.
    var exchange: SASLExchange?
    /// How that exchange is spoken.
    var profile = SASLProfile.rfc6120
    /// What SASL2 asked for beyond the login.
    var request: SASL2Request?
    /// Who the client may be by its certificate.
    var identities: [ExternalIdentity] = []
    /// Exchanges that failed on this stream; too many end it (RFC 6120 §6.4.5).
    var failures = 0
    /// An account was created on this stream (XEP-0077).
    var hasRegistered = false
    static let allowedFailures = 5
}

/// The two ways in which XMPP carries SASL.
enum SASLProfile {
    /// RFC 6120 §6: a new stream follows.
    case rfc6120
    /// XEP-0388: the same stream goes on.
    case extensible

    var namespace: String { self == .rfc6120 ? XMPPNamespace.sasl : XMPPNamespace.sasl2 }
}

/// One SASL exchange.
enum SASLExchange {
    case plain
    case external
    case scram(ScramServerMachine, username: String)
    case hashedToken(HashedTokenMechanism)
}
