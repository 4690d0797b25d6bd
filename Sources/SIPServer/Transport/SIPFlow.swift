import NIOCore
import SIPWire

/// The way to a peer: a connection, or our UDP socket and the peer's address (RFC 5626 §3.1). Small, copied freely.
public struct SIPFlow {
    public let link: SIPLink
    public let remote: TransportAddress

    @inline(__always)
    init(link: SIPLink, remote: TransportAddress) {
        self.link = link
        self.remote = remote
    }

    public var transport: SIPTransport { link.transport }

    /// False once the connection, or the listener of the socket, is gone.
    public var isOpen: Bool { link.isOpen }

    /// Our own address as the peer reaches it.
    public var local: TransportAddress { link.localAddress(toward: remote) }

    /// A whole message. It leaves with everything else of this tick.
    @inline(__always)
    public func send(_ bytes: ByteBuffer) { link.send(bytes, to: remote) }
}

extension SIPFlow: Hashable {
    public static func == (left: SIPFlow, right: SIPFlow) -> Bool {
        left.link === right.link && left.remote == right.remote
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(link))
        hasher.combine(remote)
    }
}

extension SIPFlow: CustomStringConvertible {
    public var description: String { "\(transport.parameter):\(remote)" }
}

/// A socket that carries SIP: one listening on UDP, or one connection. Confined to the server's loop.
public class SIPLink {
    public let transport: SIPTransport
    /// The handler of an open channel holds it.
    unowned(unsafe) let server: SIPServer
    public fileprivate(set) var isOpen = true
    /// Waits for the flush at the end of this tick.
    var isDirty = false
    /// See `viaPrefix`; for the last of our addresses that was asked for, mostly the only one.
    var prefix: (local: TransportAddress, text: SIPBytes)?

    init(transport: SIPTransport, server: SIPServer) {
        self.transport = transport
        self.server = server
    }

    /// Called once; nothing is sent afterwards.
    func closed() { isOpen = false }

    // What the two kinds do differently.
    func send(_ bytes: ByteBuffer, to remote: TransportAddress) { preconditionFailure("a link sends") }
    func flush() {}
    func localAddress(toward remote: TransportAddress) -> TransportAddress {
        preconditionFailure("a link has an address")
    }
    /// The peer's address as header fields need it.
    func names(of remote: TransportAddress) -> PeerNames { PeerNames(remote) }
    /// Ends the connection; a socket that listens stays.
    func close() {}
    /// A client transaction waits for an answer on this link, or waits no more; a connection that ends tells it so.
    func expects(_ id: UInt64) {}
    func expectsNoMore(_ id: UInt64) {}

    /// `Via: SIP/2.0/UDP host:port;rport;branch=z9hG4bK`
    final func viaPrefix(toward remote: TransportAddress) -> SIPBytes {
        let local = localAddress(toward: remote)
        if let known = prefix, known.local == local { return known.text }
        let host = server.config.advertisedHost ?? local.host
        let text = SIPBytes(
            "Via: SIP/2.0/\(transport.viaName) \(host):\(local.port)\(transport.isReliable ? "" : ";rport");branch=z9hG4bK"
        )
        prefix = (local, text)
        return text
    }
}

/// The address of a peer as header fields need it; made once for each peer that is heard.
struct PeerNames {
    /// `=5060;received=192.0.2.1`
    private let text: SIPBytes
    private let receivedStart: Int
    private let isIPv6: Bool

    init(_ remote: TransportAddress) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64)
        bytes.append(0x3D)
        Self.append(UInt64(remote.port), &bytes)
        receivedStart = bytes.count
        bytes += Self.received
        if remote.isIPv6 {
            bytes += remote.ip.utf8
        } else {
            for shift in [24, 16, 8, 0] as [UInt64] {
                Self.append(remote.low >> shift & 255, &bytes)
                if shift > 0 { bytes.append(0x2E) }
            }
        }
        text = SIPBytes(bytes)
        isIPv6 = remote.isIPv6
    }

    private static let received = Array(";received=".utf8)

    private static func append(_ number: UInt64, _ bytes: inout [UInt8]) {
        var step: UInt64 = 1
        while number / step >= 10 { step *= 10 }
        while step > 0 {
            bytes.append(0x30 + UInt8(number / step % 10))
            step /= 10
        }
    }

    /// `=5060;received=192.0.2.1`, behind `rport` (RFC 3581 §4)
    var rport: SIPBytes { text }
    /// `;received=192.0.2.1` (RFC 3261 §18.2.1)
    var received: SIPBytes { text.part(receivedStart, text.count) }

    /// In digits, an IPv6 address in brackets, as the host of a URI is.
    var host: SIPBytes {
        let ip = text.part(receivedStart + Self.received.count, text.count)
        return isIPv6 ? SIPBytes([0x5B] + ip.array + [0x5D]) : ip
    }

    /// Whether that host, an IPv6 address in brackets, is the address.
    func isHost(_ host: SIPBytes) -> Bool {
        let ip = text.part(receivedStart + Self.received.count, text.count)
        return isIPv6 ? host.count == ip.count + 2 && host.part(1, host.count - 1) == ip : host == ip
    }
}
