import Ground
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL

/// The one HTTP server of the process: listeners hand it connections, mounts answer requests. Confined to one event
/// loop.
public final class HTTPFront {
    public struct Settings: Sendable {
        /// Connections at a time, those that were upgraded not counted.
        public var connections = 10_000
        /// The same for one address; those of trusted proxies are not counted.
        public var connectionsPerAddress = 1_000
        /// Seconds that a client may take to send a request.
        public var requestSeconds = 20
        /// Seconds that a connection may wait for its next request.
        public var idleSeconds = 75
        /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
        public var trustedProxies: [AddressRange] = []

        public init() {}
    }

    /// Requests of one connection that may wait for their answers.
    static let pipelineDepth = 16

    /// May change at any time.
    public var settings: Settings
    let logger: Logger
    private let tls: TLSContexts
    private let time: any TimeSource
    private var connections: [ObjectIdentifier: HTTPConnection] = [:]
    private var byAddress: [String: Int] = [:]

    public init(settings: Settings, tls: TLSContexts, time: any TimeSource, logger: Logger) {
        self.settings = settings
        self.tls = tls
        self.time = time
        self.logger = logger
    }

    var uptime: Int64 { time.uptime }

    public func add(_ mount: any HTTPMount) {
        mounts.append(mount)
        mounts.sort { $0.path.utf8.count > $1.path.utf8.count }
    }

    public func remove(path: String) { mounts.removeAll { $0.path == path } }

    /// What is mounted, the longest paths first.
    public private(set) var mounts: [any HTTPMount] = []

    func mount(of path: String) -> (any HTTPMount)? {
        mounts.first { mount in
            let prefix = mount.path
            guard path.hasPrefix(prefix) else { return false }
            let rest = path.utf8.dropFirst(prefix.utf8.count)
            return rest.isEmpty || rest.first == UInt8(ascii: "/")
        }
    }

    // MARK: Connections

    /// A connection was accepted, on this loop.
    ///
    /// - Throws: when there are too many; the channel is then closed.
    public func accept(_ channel: any Channel, usesTLS: Bool) throws {
        let peer = NetworkOrigin.plain(channel.remoteAddress?.ipAddress ?? "unknown")
        guard connections.count < settings.connections, isTrusted(peer) || count(peer) < settings.connectionsPerAddress
        else { throw HTTPFrontFull() }
        let pipeline = channel.pipeline.syncOperations
        if usesTLS { try tls.installHTTPS(on: channel) }
        let encoder = HTTPResponseEncoder()
        let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
        try pipeline.addHandler(encoder)
        try pipeline.addHandler(decoder)
        try pipeline.addHandler(
            HTTPConnection(front: self, peer: peer, usesTLS: usesTLS, encoder: encoder, decoder: decoder))
    }

    func joined(_ connection: HTTPConnection) {
        connections[ObjectIdentifier(connection)] = connection
        byAddress[NetworkOrigin.key(connection.peer), default: 0] += 1
    }

    func left(_ connection: HTTPConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        let key = NetworkOrigin.key(connection.peer)
        let rest = byAddress[key, default: 1] - 1
        byAddress[key] = rest > 0 ? rest : nil
    }

    private func count(_ peer: String) -> Int { byAddress[NetworkOrigin.key(peer), default: 0] }

    /// Once a second: requests that take too long, connections that nobody uses.
    public func tick() {
        let uptime = time.uptime
        for connection in Array(connections.values) { connection.tick(uptime) }
        for mount in mounts { mount.tick(uptime) }
    }

    // MARK: Proxies

    func isTrusted(_ address: String) -> Bool { settings.trustedProxies.contains { $0.contains(address) } }

    /// Whom a request comes from: the last address in `X-Forwarded-For` that is not a trusted proxy itself.
    func client(of headers: HTTPHeaders, peer: String) -> String {
        guard isTrusted(peer) else { return peer }
        for address in headers[canonicalForm: "x-forwarded-for"].reversed() {
            guard AddressRange.isAddress(String(address)) else { return peer }
            if !isTrusted(String(address)) { return String(address) }
        }
        return peer
    }

    /// A trusted proxy vouches for the way to the client, unless it says that there was no TLS.
    func isSecure(_ headers: HTTPHeaders, peer: String, usesTLS: Bool) -> Bool {
        if usesTLS { return true }
        guard isTrusted(peer) else { return false }
        let scheme = headers[canonicalForm: "x-forwarded-proto"].last.map { $0.lowercased() }
        return scheme != "http" && scheme != "ws"
    }
}

struct HTTPFrontFull: Error {}
