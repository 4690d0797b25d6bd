import Foundation

/// How a domain is written inside a certificate.
public enum DomainEncoding {
    /// A-labels for a domain name, the address without brackets for an IP literal; nil when there is no such form.
    public static func ascii(_ domain: String) -> String? {
        if domain.hasPrefix("["), domain.hasSuffix("]") { return String(domain.dropFirst().dropLast()) }
        guard !domain.utf8.allSatisfy({ $0 < 0x80 }) else { return domain }
        var components = URLComponents()
        components.scheme = "https"
        components.host = domain
        guard let host = components.encodedHost, host.utf8.allSatisfy({ $0 < 0x80 && $0 != UInt8(ascii: "%") }) else {
            return nil
        }
        return host
    }

    /// Four or sixteen bytes in network order, nil when `text` is not an address.
    public static func ipBytes(_ text: String) -> [UInt8]? {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: &four) { Array($0) } }
        if inet_pton(AF_INET6, text, &six) == 1 { return withUnsafeBytes(of: &six) { Array($0) } }
        return nil
    }

    public static func ipText(_ bytes: [UInt8]) -> String? {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var buffer = [CChar](repeating: 0, count: 64)
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, bytes, &buffer, socklen_t(buffer.count)) != nil else { return nil }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
