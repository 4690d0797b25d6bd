#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A network of IP addresses as administrators write it: `10.0.0.0/8`, `::1`.
public struct AddressRange: Sendable, Equatable {
    /// 16 bytes in network order; IPv4 is mapped (RFC 4291 §2.5.5.2).
    private let network: [UInt8]
    /// How many leading bits of `network` count.
    private let bits: Int

    /// Nil for anything but an address, or an address, a slash and a length that fits.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let bytes = Self.bytes(of: String(first)) else { return nil }
        let isFour = !first.contains(":")
        var length = 128
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...(isFour ? 32 : 128)).contains(given) else { return nil }
            length = isFour ? given + 96 : given
        }
        network = bytes
        bits = length
    }

    /// False for what is not an address at all.
    public func contains(_ address: String) -> Bool {
        guard let bytes = Self.bytes(of: address) else { return false }
        let whole = bits / 8
        guard bytes[..<whole] == network[..<whole] else { return false }
        let rest = bits % 8
        guard rest > 0 else { return true }
        return (bytes[whole] ^ network[whole]) >> UInt8(8 - rest) == 0
    }

    /// Whether `text` is an IPv4 or IPv6 address.
    public static func isAddress(_ text: String) -> Bool { bytes(of: text) != nil }

    private static func bytes(of text: String) -> [UInt8]? {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            return [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + withUnsafeBytes(of: &four) { Array($0) }
        }
        if inet_pton(AF_INET6, text, &six) == 1 { return withUnsafeBytes(of: &six) { Array($0) } }
        return nil
    }
}
