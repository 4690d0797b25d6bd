import CDatagrams
import Ground
import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// An IP address and a port in 24 bytes; an IPv4 address in IPv6 form is an IPv4 address.
public struct TransportAddress: Hashable, Sendable {
    /// Network order; for IPv4 zero, and the address in the last four bytes of `low`.
    let high: UInt64
    let low: UInt64
    /// Of a link-local IPv6 address (RFC 4007 §6); 0 otherwise.
    let scope: UInt32
    public let port: UInt16
    public let isIPv6: Bool

    private init(high: UInt64, low: UInt64, scope: UInt32, port: UInt16, isIPv6: Bool) {
        self.high = high
        self.low = low
        self.scope = scope
        self.port = port
        self.isIPv6 = isIPv6
    }

    /// Nil for a socket in the file system.
    public init?(_ address: SocketAddress) {
        switch address {
        case .v4(let four):
            let raw = four.address
            self.init(
                high: 0, low: UInt64(UInt32(bigEndian: raw.sin_addr.s_addr)), scope: 0,
                port: UInt16(bigEndian: raw.sin_port), isIPv6: false)
        case .v6(let six):
            let raw = six.address
            self.init(raw.sin6_addr, scope: raw.sin6_scope_id, port: UInt16(bigEndian: raw.sin6_port))
        case .unixDomainSocket: return nil
        }
    }

    private init(_ six: in6_addr, scope: UInt32, port: UInt16) {
        let (high, low) = withUnsafeBytes(of: six) {
            (
                UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        if high == 0, low >> 32 == 0xFFFF {
            self.init(high: 0, low: low & 0xFFFF_FFFF, scope: 0, port: port, isIPv6: false)
        } else {
            self.init(high: high, low: low, scope: scope, port: port, isIPv6: true)
        }
    }

    /// Of a datagram that came in.
    init?(_ datagram: roost_datagram) {
        switch Int32(datagram.peer.any.sa_family) {
        case AF_INET:
            let raw = datagram.peer.four
            self.init(
                high: 0, low: UInt64(UInt32(bigEndian: raw.sin_addr.s_addr)), scope: 0,
                port: UInt16(bigEndian: raw.sin_port), isIPv6: false)
        case AF_INET6:
            let raw = datagram.peer.six
            self.init(raw.sin6_addr, scope: raw.sin6_scope_id, port: UInt16(bigEndian: raw.sin6_port))
        default: return nil
        }
    }

    /// Nil for anything but an address in digits; brackets around an IPv6 address may stand or not.
    public init?(ip text: String, port: UInt16) {
        let text = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self.init(high: 0, low: UInt64(UInt32(bigEndian: four.s_addr)), scope: 0, port: port, isIPv6: false)
            return
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        self.init(six, scope: 0, port: port)
    }

    /// The same machine at another port.
    public func with(port: UInt16) -> TransportAddress {
        TransportAddress(high: high, low: low, scope: scope, port: port, isIPv6: isIPv6)
    }

    public func isSameHost(as other: TransportAddress) -> Bool {
        low == other.low && high == other.high && isIPv6 == other.isIPv6
    }

    public var isWildcard: Bool { high == 0 && low == 0 }

    public var isLoopback: Bool { isIPv6 ? high == 0 && low == 1 : low >> 24 == 127 }

    /// What counts as one origin: an IPv4 address, the /64 of an IPv6 address.
    var origin: UInt64 {
        guard isIPv6 else { return low }
        return high == 0 ? low ^ 0x8000_0000_0000_0000 : high
    }

    /// The key of `origin` for throttles that count by text.
    public var originText: String { NetworkOrigin.key(ip) }

    /// In digits, without brackets.
    public var ip: String {
        if !isIPv6 { return "\(low >> 24 & 255).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255)" }
        var six = rawSix
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN) + 1)
        guard inet_ntop(AF_INET6, &six, &text, socklen_t(text.count)) != nil else { return "::" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// As it stands in URIs and in Via: brackets around IPv6.
    public var host: String { isIPv6 ? "[\(ip)]" : ip }

    private var rawSix: in6_addr {
        var six = in6_addr()
        withUnsafeMutableBytes(of: &six) {
            if isIPv6 {
                $0.storeBytes(of: high.bigEndian, as: UInt64.self)
                $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            } else {
                $0.storeBytes(of: (0xFFFF_0000_0000 | low).bigEndian, toByteOffset: 8, as: UInt64.self)
            }
        }
        return six
    }

    /// - Parameter six: for a socket of IPv6, which reaches IPv4 in IPv6 form.
    func socketAddress(six: Bool) -> SocketAddress {
        guard six || isIPv6 else {
            var raw = sockaddr_in()
            raw.sin_family = sa_family_t(AF_INET)
            raw.sin_port = port.bigEndian
            raw.sin_addr.s_addr = UInt32(truncatingIfNeeded: low).bigEndian
            return SocketAddress(raw)
        }
        var raw = sockaddr_in6()
        raw.sin6_family = sa_family_t(AF_INET6)
        raw.sin6_port = port.bigEndian
        raw.sin6_addr = rawSix
        raw.sin6_scope_id = scope
        return SocketAddress(raw)
    }

    public var socketAddress: SocketAddress { socketAddress(six: isIPv6) }

    /// The same in place, for a call of the system.
    func write(to datagram: inout roost_datagram, six: Bool) {
        guard six || isIPv6 else {
            datagram.peer.four.sin_family = sa_family_t(AF_INET)
            datagram.peer.four.sin_port = port.bigEndian
            datagram.peer.four.sin_addr.s_addr = UInt32(truncatingIfNeeded: low).bigEndian
            datagram.peer_count = socklen_t(MemoryLayout<sockaddr_in>.size)
            return
        }
        datagram.peer.six.sin6_family = sa_family_t(AF_INET6)
        datagram.peer.six.sin6_port = port.bigEndian
        datagram.peer.six.sin6_addr = rawSix
        datagram.peer.six.sin6_scope_id = scope
        datagram.peer_count = socklen_t(MemoryLayout<sockaddr_in6>.size)
    }
}

extension TransportAddress: CustomStringConvertible {
    public var description: String { "\(host):\(port)" }
}
