/// A STUN or TURN server as `roost.yaml` names it: `turn:turn.example.com:3478?transport=udp` (RFC 7064, RFC 7065).
public struct ExternalServiceAddress: Sendable, Equatable {
    /// `stun`, `stuns`, `turn` or `turns`.
    public let type: String
    public let host: String
    public let port: Int
    /// `udp` or `tcp`.
    public let transport: String

    static let expected = "an address such as stun:stun.example.com:3478 or turns:turn.example.com:5349?transport=tcp"

    /// Nil when the text is not such an address. Without a port the one of the type is meant, without a transport udp,
    /// or tcp where the type has TLS.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, text.utf8.count <= 300 else { return nil }
        type = String(parts[0])
        guard ["stun", "stuns", "turn", "turns"].contains(type) else { return nil }
        let isSecure = type.hasSuffix("s")
        let halves = parts[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        switch halves.count == 2 ? halves[1] : "" {
        case "": transport = isSecure ? "tcp" : "udp"
        case "transport=udp": transport = "udp"
        case "transport=tcp": transport = "tcp"
        default: return nil
        }
        var name = halves[0]
        // An IPv6 address stands in brackets.
        var rest: Substring = ""
        if name.first == "[", let end = name.firstIndex(of: "]") {
            rest = name[name.index(after: end)...]
            name = name[name.index(after: name.startIndex)..<end]
        } else if let colon = name.firstIndex(of: ":") {
            rest = name[colon...]
            name = name[..<colon]
        }
        guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || ".-:".contains($0) }) else { return nil }
        host = String(name)
        if rest.isEmpty {
            port = isSecure ? 5349 : 3478
        } else {
            guard rest.first == ":", let number = Int(rest.dropFirst()), (1...65_535).contains(number) else {
                return nil
            }
            port = number
        }
    }
}
