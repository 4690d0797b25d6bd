/// Servers that are left alone for a while (RFC 3263 §4.3): those that asked for it with 503 and Retry-After are not asked at
/// all (RFC 3261 §21.5.4), those that gave no answer or could not be reached come behind the others.
struct RestingServers {
    private struct Key: Hashable {
        var transport: SIPTransport
        var address: TransportAddress
    }

    private struct Rest {
        /// Uptime, milliseconds.
        var until: Int64
        var isWished: Bool
    }

    private var rests: [Key: Rest] = [:]
    private static let capacity = 1_024
    /// Most seconds that a wish for rest is heeded, and those that a silent server comes last.
    static let longest: Int64 = 3_600
    static let silence: Int64 = 60

    /// It has answered 503 and said for how long.
    mutating func wished(_ hop: SIPHop, seconds: UInt32, _ uptime: Int64) {
        add(hop, Rest(until: uptime + min(Int64(seconds), Self.longest) * 1_000, isWished: true), uptime)
    }

    mutating func failed(_ hop: SIPHop, _ uptime: Int64) {
        add(hop, Rest(until: uptime + Self.silence * 1_000, isWished: false), uptime)
    }

    @inline(__always)
    mutating func answered(_ hop: SIPHop) {
        if !rests.isEmpty { rests[Key(transport: hop.transport, address: hop.address)] = nil }
    }

    /// Those to try, in the order of trying.
    mutating func choose(_ hops: [SIPHop], _ uptime: Int64) -> [SIPHop] {
        guard !rests.isEmpty else { return hops }
        var (first, last): ([SIPHop], [SIPHop]) = ([], [])
        for hop in hops {
            let key = Key(transport: hop.transport, address: hop.address)
            guard let rest = rests[key] else {
                first.append(hop)
                continue
            }
            if rest.until <= uptime {
                rests[key] = nil
                first.append(hop)
            } else if !rest.isWished {
                last.append(hop)
            }
        }
        return first + last
    }

    private mutating func add(_ hop: SIPHop, _ rest: Rest, _ uptime: Int64) {
        if rests.count >= Self.capacity {
            rests = rests.filter { $0.value.until > uptime }
            if rests.count >= Self.capacity { rests.removeAll() }
        }
        rests[Key(transport: hop.transport, address: hop.address)] = rest
    }
}
