import SIPWire

/// A neighbour that needs no digest, such as a call manager, and what is known of it. Confined to the server's loop.
public final class SIPTrunk {
    /// One of its servers.
    public struct Destination {
        public let uri: SIPURI
        /// Nil as long as nothing is known.
        public internal(set) var isUp: Bool?
        /// Why it does not answer; empty while it does.
        public internal(set) var lastError = ""
        /// When that changed, milliseconds since 1970.
        public internal(set) var since: Int64 = 0
        /// It wants to be left alone until then, milliseconds of uptime (503 with Retry-After, RFC 3261 §21.5.4).
        public internal(set) var restsUntil: Int64 = 0
    }

    public internal(set) var settings: TrunkSettings
    public internal(set) var destinations: [Destination]
    public internal(set) var requestsIn = 0
    public internal(set) var requestsOut = 0
    /// Requests that came to nothing at one of its servers.
    public private(set) var failures = 0
    /// Uptime of the next OPTIONS, milliseconds.
    var nextCheck: Int64 = 0
    /// When anything came back from it, milliseconds of uptime.
    private(set) var lastAnswer: Int64 = 0
    private let now: () -> (uptime: Int64, wall: Int64)

    public var name: String { settings.name }
    public var publishesLineState: Bool { settings.publishesLineState }

    /// False when every server is known to be down.
    public var isUp: Bool { destinations.contains { $0.isUp != false } }

    init(_ settings: TrunkSettings, now: @escaping () -> (uptime: Int64, wall: Int64)) {
        self.settings = settings
        self.now = now
        destinations = settings.destinations.prefix(TrunkSettings.destinationLimit).compactMap { text in
            SIPURI("sip:" + text).map { Destination(uri: $0) }
        }
    }

    /// Servers to try, best first: in the order of the settings, those that are down behind the others, without those that
    /// rest.
    var ordered: [SIPURI] {
        let uptime = now().uptime
        let awake = destinations.filter { $0.restsUntil <= uptime }
        return awake.filter { $0.isUp != false }.map(\.uri) + awake.filter { $0.isUp == false }.map(\.uri)
    }

    /// Seconds until one of them has rested; a minute where none rests.
    var restSeconds: Int {
        let ends = destinations.map(\.restsUntil).filter { $0 > now().uptime }
        return ends.min().map { max(1, Int(($0 - now().uptime + 999) / 1_000)) } ?? 60
    }

    func rests(_ destination: Destination) -> Bool { destination.restsUntil > now().uptime }

    /// Whether people of that domain, in lower case, are behind it.
    func serves(_ host: String) -> Bool {
        settings.domains.contains { $0 == host || ($0.hasPrefix("*.") && host.hasSuffix($0.dropFirst())) }
    }

    /// What goes there asks for this: a number gets the prefix and the host of the trunk, a foreign address stays.
    ///
    /// - Parameter isOwn: the URI is of one of our domains.
    func requestURI(for uri: SIPURI, at destination: SIPURI, isOwn: Bool) -> SIPBytes {
        guard isOwn || uri.scheme == .tel else {
            return uri.headers.map { uri.text.part(0, uri.text.count - $0.count - 1) } ?? uri.text
        }
        var text = Array("sip:\(settings.prefix)".utf8)
        text += (uri.user ?? .empty).filter { !(uri.scheme == .tel && "-.()".utf8.contains($0)) }
        text.append(UInt8(ascii: "@"))
        text += destination.hostPort
        if uri.scheme == .tel { text += Array(";user=phone".utf8) }
        return SIPBytes(text)
    }

    /// Something final came back over it, whatever it was.
    func answered() { lastAnswer = now().uptime }

    func answered(_ uri: SIPURI) {
        answered()
        set(uri, isUp: true, "")
    }

    /// - Parameters:
    ///   - problem: why it cannot be reached, where that is known.
    ///   - retryAfter: seconds that it wants to be left alone.
    func failed(_ uri: SIPURI, _ status: SIPStatus, problem: String = "", retryAfter: UInt32? = nil) {
        failures += 1
        switch status.rawValue {
        case 408: set(uri, isUp: false, "no answer")
        case 430: set(uri, isUp: false, problem.isEmpty ? "cannot be reached" : problem)
        case 503:
            let seconds = retryAfter.map { min(Int64($0), RestingServers.longest) } ?? 0
            set(
                uri, isUp: false,
                seconds > 0
                    ? "503 Service Unavailable, not before \(seconds) s have gone by" : "503 Service Unavailable",
                rest: seconds * 1_000)
        default: set(uri, isUp: true, "")
        }
    }

    private func set(_ uri: SIPURI, isUp: Bool, _ error: String, rest: Int64 = 0) {
        guard let index = destinations.firstIndex(where: { $0.uri.text == uri.text }) else { return }
        destinations[index].restsUntil = rest > 0 ? now().uptime + rest : 0
        if destinations[index].isUp != isUp {
            destinations[index].isUp = isUp
            destinations[index].since = now().wall
        }
        destinations[index].lastError = error
    }
}
