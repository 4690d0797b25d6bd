import Foundation

/// Checks of web addresses in the configuration.
enum WebAddress {
    /// `scheme://host[:port]` and nothing else (RFC 6454 §6.2).
    static func isOrigin(_ text: String) -> Bool {
        guard let parts = parts(text) else { return false }
        return parts.path.isEmpty
    }

    /// An address that paths can be put behind: no query, no fragment, no slash at the end.
    static func isBase(_ text: String) -> Bool {
        guard let parts = parts(text), ["https", "http"].contains(parts.scheme) else { return false }
        return !parts.path.hasSuffix("/")
    }

    private static func parts(_ text: String) -> URLComponents? {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let parts = URLComponents(string: text),
            let scheme = parts.scheme, !scheme.isEmpty, let host = parts.host, !host.isEmpty, parts.user == nil,
            parts.query == nil, parts.fragment == nil
        else { return nil }
        return parts
    }
}
