import NIOCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Which of our addresses a peer sees when the socket is bound to all of them: the system's routing table knows.
struct LocalAddresses {
    private var known: [UInt64: TransportAddress] = [:]
    private static let limit = 4_096

    /// - Parameter port: of the socket that listens.
    mutating func toward(_ remote: TransportAddress, port: UInt16) -> TransportAddress {
        let key = remote.origin
        if let address = known[key], address.isIPv6 == remote.isIPv6 { return address.with(port: port) }
        if known.count >= Self.limit { known.removeAll(keepingCapacity: true) }
        let address = Self.ask(remote) ?? TransportAddress(ip: remote.isIPv6 ? "::1" : "127.0.0.1", port: 0)!
        known[key] = address
        return address.with(port: port)
    }

    /// Interfaces may change.
    mutating func forget() { known.removeAll(keepingCapacity: true) }

    /// A UDP socket that is connected sends nothing, and has the address that it would send from.
    private static func ask(_ remote: TransportAddress) -> TransportAddress? {
        #if canImport(Glibc)
            let kind = Int32(SOCK_DGRAM.rawValue)
        #else
            let kind = SOCK_DGRAM
        #endif
        let descriptor = socket(remote.isIPv6 ? AF_INET6 : AF_INET, kind, 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let target = remote.with(port: remote.port == 0 ? 5_060 : remote.port).socketAddress
        let connected = target.withSockAddr { connect(descriptor, $0, socklen_t($1)) }
        guard connected == 0 else { return nil }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let named = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard named == 0 else { return nil }
        let family = storage.ss_family
        return withUnsafePointer(to: &storage) { pointer -> TransportAddress? in
            if family == sa_family_t(AF_INET) {
                return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    TransportAddress(SocketAddress($0.pointee))
                }
            }
            return pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                TransportAddress(SocketAddress($0.pointee))
            }
        }
    }
}
