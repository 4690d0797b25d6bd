import Crypto
import XMPPWire

/// A service outside of XMPP that clients may use, such as a TURN relay (XEP-0215).
public struct ExternalService: Sendable, Equatable {
    /// `stun`, `stuns`, `turn` or `turns`.
    public var type: String
    public var host: String
    public var port: Int
    /// `udp` or `tcp`.
    public var transport: String

    public init(type: String, host: String, port: Int, transport: String) {
        self.type = type
        self.host = host
        self.port = port
        self.transport = transport
    }

    /// Only relays ask who somebody is.
    var needsCredentials: Bool { type.hasPrefix("turn") }
}

/// Time-limited credentials of a TURN server that shares a secret with us ("REST API for access to TURN services",
/// draft-uberti-behave-turn-rest-00 §2.2).
struct RelayCredentials: Equatable {
    var username: String
    var password: String
    /// Milliseconds since 1970.
    var expiresAt: Int64

    /// - Parameters:
    ///   - name: whom the relay's log shall name.
    ///   - now: milliseconds since 1970.
    init(secret: String, name: String, seconds: Int, now: Int64) {
        let end = now / 1_000 + Int64(seconds)
        username = "\(end):\(name)"
        let code = HMAC<Insecure.SHA1>.authenticationCode(
            for: Array(username.utf8), using: SymmetricKey(data: Array(secret.utf8)))
        password = Base64.encode(Array(code))
        expiresAt = end * 1_000
    }
}
