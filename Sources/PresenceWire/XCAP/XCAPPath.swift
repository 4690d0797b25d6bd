/// The address of a resource below the root (RFC 4825 §6): the document, and what of it.
public struct XCAPPath: Sendable, Equatable {
    public enum Tree: Sendable, Equatable {
        case global
        /// The user's address as it stands there, decoded: `sip:anna@example.org`.
        case user(String)
    }

    /// Which application's document it is, in lower case.
    public var application: String
    public var tree: Tree
    /// Below the tree, joined by slashes: `index`.
    public var document: String
    /// What stands behind `~~/`, decoded; nil for the document as a whole.
    public var node: String?
    /// Behind `?`, decoded.
    public var query: String?

    static let maximumBytes = 4_096

    /// - Parameters:
    ///   - path: below the root, still encoded: `/resource-lists/users/sip:anna@example.org/index`.
    ///   - query: still encoded.
    /// - Returns: nil for what is no such address: 404, or 400 when it has a malformed escape.
    public init?(_ path: String, query: String?) {
        guard path.utf8.count + (query?.utf8.count ?? 0) <= Self.maximumBytes else { return nil }
        let (place, rest) = Self.split(path)
        let segments = place.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
        if let rest {
            guard let decoded = Self.decoded(rest), !decoded.isEmpty else { return nil }
            node = decoded
        } else {
            node = nil
        }
        if let query {
            guard let decoded = Self.decoded(query) else { return nil }
            self.query = decoded
        } else {
            self.query = nil
        }
        var decoded: [String] = []
        for segment in segments {
            guard let text = Self.decoded(segment), text != ".", text != "..", !text.isEmpty else { return nil }
            decoded.append(text)
        }
        guard decoded.count >= 3 else { return nil }
        application = decoded[0].lowercased()
        switch decoded[1] {
        case "global":
            tree = .global
            document = decoded[2...].joined(separator: "/")
        case "users":
            guard decoded.count >= 4 else { return nil }
            tree = .user(decoded[2])
            document = decoded[3...].joined(separator: "/")
        default: return nil
        }
    }

    /// Address of the document, and what stands behind the separator; some clients encode its tildes.
    private static func split(_ path: String) -> (document: String, node: String?) {
        let bytes = Array(path.utf8)
        for mark in ["/~~/", "/%7E%7E/", "/%7e%7e/"] {
            let mark = Array(mark.utf8)
            guard bytes.count >= mark.count else { continue }
            for start in 0...(bytes.count - mark.count) where bytes[start..<(start + mark.count)].elementsEqual(mark) {
                return (
                    String(decoding: bytes[..<start], as: UTF8.self),
                    String(decoding: bytes[(start + mark.count)...], as: UTF8.self)
                )
            }
        }
        return (path, nil)
    }

    /// Undoes percent encoding; nil for a malformed one, or for what is not UTF-8.
    public static func decoded(_ text: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.first {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                rest = rest.dropFirst()
                continue
            }
            let digits = rest.dropFirst().prefix(2)
            guard digits.count == 2, digits.allSatisfy(isHex),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16), value != 0
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(3)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
    }
}
