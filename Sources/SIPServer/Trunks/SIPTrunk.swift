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

    /// Servers to try, best first: in the order of the settings, those that are down behind the others.
    var ordered: [SIPURI] {
        destinations.filter { $0.isUp != false }.map(\.uri) + destinations.filter { $0.isUp == false }.map(\.uri)
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

    func failed(_ uri: SIPURI, _ status: SIPStatus) {
        failures += 1
        switch status.rawValue {
        case 408: set(uri, isUp: false, "no answer")
        case 430: set(uri, isUp: false, "cannot be reached")
        case 503: set(uri, isUp: false, "503 Service Unavailable")
        default: set(uri, isUp: true, "")
        }
    }

    private func set(_ uri: SIPURI, isUp: Bool, _ error: String) {
        guard let index = destinations.firstIndex(where: { $0.uri.text == uri.text }) else { return }
        if destinations[index].isUp != isUp {
            destinations[index].isUp = isUp
            destinations[index].since = now().wall
        }
        destinations[index].lastError = error
    }
}
