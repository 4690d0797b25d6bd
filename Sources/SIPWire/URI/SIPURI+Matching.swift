extension SIPURI {
    /// Whether both mean the same (RFC 3261 §19.1.4; numbers by RFC 3966 §5).
    public func matches(_ other: SIPURI) -> Bool {
        guard scheme == other.scheme else { return false }
        switch scheme {
        case .other: return text == other.text
        case .tel:
            return Self.sameNumber(user ?? .empty, other.user ?? .empty)
                && Self.sameParameters(parameters, other.parameters)
                && Self.sameParameters(other.parameters, parameters)
        case .sip, .sips: break
        }
        guard port == other.port, Self.sameHost(host, other.host) else { return false }
        guard Self.sameEscaped(user, other.user), Self.sameEscaped(password, other.password) else { return false }
        guard Self.sameParameters(parameters, other.parameters), Self.sameParameters(other.parameters, parameters)
        else { return false }
        return Self.sameHeaders(headers, other.headers)
    }

    /// Whether both are of the same user at the same host and port, whatever their parameters are.
    public func isSameUser(as other: SIPURI) -> Bool {
        host == other.host && port == other.port && Self.sameEscaped(user, other.user)
    }

    /// IPv6 addresses are compared as addresses (RFC 5954 §4.2).
    static func sameHost(_ left: SIPBytes, _ right: SIPBytes) -> Bool {
        if left == right { return true }
        guard left.count > 2, right.count > 2, left[0] == 0x5B, right[0] == 0x5B else { return false }
        guard let first = HostGrammar.groups(left.part(1, left.count - 1)),
            let second = HostGrammar.groups(right.part(1, right.count - 1))
        else { return false }
        return first == second
    }

    private static func sameEscaped(_ left: SIPBytes?, _ right: SIPBytes?) -> Bool {
        switch (left, right) {
        case (nil, nil): return true
        case (let left?, let right?): return left == right || normal(left) == normal(right)
        default: return false
        }
    }

    /// Escapes of unreserved characters taken back, others in capitals.
    private static func normal(_ bytes: SIPBytes) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            guard byte == 0x25, index + 2 < bytes.count else {
                result.append(byte)
                index += 1
                continue
            }
            let value = Lexical.hexValue(bytes[index + 1]) << 4 | Lexical.hexValue(bytes[index + 2])
            if Lexical.table[Int(value)] & Lexical.unreserved != 0 {
                result.append(value)
            } else {
                // Not a byte that could stand unescaped: keep the two apart.
                result.append(contentsOf: [0x25, value])
            }
            index += 3
        }
        return result
    }

    /// Parameters that must be in both or in neither.
    private static let decisive: [StaticString] = ["user", "ttl", "method", "maddr", "transport", "gr"]

    private static func sameParameters(_ left: SIPParameters, _ right: SIPParameters) -> Bool {
        for parameter in left {
            if let value = right[named: parameter.name] {
                let mine = parameter.value?.unquoted ?? .empty
                guard mine.matches(value) || sameEscaped(mine, value) else { return false }
            } else if decisive.contains(where: { parameter.name.matches($0) }) {
                return false
            }
        }
        return true
    }

    private static func sameHeaders(_ left: SIPBytes?, _ right: SIPBytes?) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        var first = left.split(separator: 0x26).map { Array($0).map(Lexical.lower) }
        var second = right.split(separator: 0x26).map { Array($0).map(Lexical.lower) }
        guard first.count == second.count else { return false }
        first.sort { $0.lexicographicallyPrecedes($1) }
        second.sort { $0.lexicographicallyPrecedes($1) }
        return first == second
    }

    private static func sameNumber(_ left: SIPBytes, _ right: SIPBytes) -> Bool {
        func digits(_ bytes: SIPBytes) -> [UInt8] {
            bytes.filter { $0 != 0x2D && $0 != 0x2E && $0 != 0x28 && $0 != 0x29 }.map(Lexical.lower)
        }
        return digits(left) == digits(right)
    }
}

/// The transport in a Via or in a `transport` parameter.
public enum SIPTransportName: UInt8, Sendable, Hashable {
    case udp, tcp, tls, ws, wss, sctp
    case other

    public init(_ token: SIPBytes) {
        self =
            if token.matches("udp") {
                .udp
            } else if token.matches("tcp") {
                .tcp
            } else if token.matches("tls") {
                .tls
            } else if token.matches("ws") {
                .ws
            } else if token.matches("wss") {
                .wss
            } else if token.matches("sctp") {
                .sctp
            } else { .other }
    }

    /// As it stands in a Via; `UDP` for `other`, which is never written.
    public var viaName: StaticString {
        switch self {
        case .udp, .other: "UDP"
        case .tcp: "TCP"
        case .tls: "TLS"
        case .ws: "WS"
        case .wss: "WSS"
        case .sctp: "SCTP"
        }
    }

    /// As it stands in a URI.
    public var parameterName: StaticString {
        switch self {
        case .udp, .other: "udp"
        case .tcp: "tcp"
        case .tls: "tls"
        case .ws: "ws"
        case .wss: "wss"
        case .sctp: "sctp"
        }
    }

    public var isReliable: Bool { self != .udp && self != .other }
}
