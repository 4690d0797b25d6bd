#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What counts as one origin when connections and failures are counted by address.
public enum NetworkOrigin {
    /// The address as people write it: an IPv4 address in IPv6 form (`::ffff:192.0.2.1`) loses the form.
    public static func plain(_ address: String) -> String {
        let form = "::ffff:"
        return address.hasPrefix(form) && address.contains(".") ? String(address.dropFirst(form.count)) : address
    }

    /// The address itself for IPv4, also when it is written as IPv6; the /64 for IPv6, of which one customer has
    /// every address.
    public static func key(_ address: String) -> String {
        guard address.utf8.contains(58) else { return address }
        var parsed = in6_addr()
        guard inet_pton(AF_INET6, address.prefix { $0 != "%" }.description, &parsed) == 1 else { return address }
        let bytes = withUnsafeBytes(of: &parsed) { Array($0) }
        if bytes[0..<10].allSatisfy({ $0 == 0 }), bytes[10] == 255, bytes[11] == 255 {
            return bytes[12...].map(String.init).joined(separator: ".")
        }
        // Loopback and the like are machines, not networks.
        guard bytes[0..<8].contains(where: { $0 != 0 }) else { return address }
        return bytes[0..<8].map { String($0, radix: 16) }.joined(separator: ":") + "/64"
    }
}
