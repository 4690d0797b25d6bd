import SIPWire

/// How SIP messages travel (RFC 3261 §18).
public enum SIPTransport: UInt8, Sendable, CaseIterable {
    case udp, tcp, tls

    /// Bytes that one datagram carries for certain, whatever the version of IP; larger ones come in fragments.
    public static let largestDatagram = 65_000

    /// Retransmits by itself, and keeps the order.
    @inline(__always)
    public var isReliable: Bool { self != .udp }
    public var isSecure: Bool { self == .tls }

    /// As Via names it.
    public var viaName: StaticString {
        switch self {
        case .udp: "UDP"
        case .tcp: "TCP"
        case .tls: "TLS"
        }
    }

    /// As a URI parameter names it; TLS is `sips` or a port, and `transport=tls` where that is not to be had.
    public var parameter: StaticString {
        switch self {
        case .udp: "udp"
        case .tcp: "tcp"
        case .tls: "tls"
        }
    }

    /// Nil for what we do not speak (SCTP, WS …).
    public init?(_ name: SIPTransportName) {
        switch name {
        case .udp: self = .udp
        case .tcp: self = .tcp
        case .tls: self = .tls
        default: return nil
        }
    }

    /// RFC 3261 §18.1.1 and §19.1.2.
    public var defaultPort: UInt16 { self == .tls ? 5_061 : 5_060 }
}
