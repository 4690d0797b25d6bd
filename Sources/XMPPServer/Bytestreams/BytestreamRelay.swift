import Ground
import Logging
import NIOCore

/// Bounds of the bytestreams proxy.
public struct Proxy65Config: Sendable {
    /// Host name or address that clients are told; empty for the domain.
    public var host = ""
    public var port = 7_777
    /// Streams at a time, in all and of one user.
    public var streams = 200
    public var streamsPerUser = 10
    /// Of one direction of a stream; zero is unlimited.
    public var bytesPerSecond = 0
    /// Of a stream, both directions together; zero is unlimited.
    public var streamBytes = 0
    /// From connecting to activation.
    public var activationSeconds = 60
    /// Without a byte in either direction.
    public var idleSeconds = 300
    /// Connections from one address that wait for activation.
    public var waitingPerAddress = 64

    public init() {}
}

/// The sockets of the bytestreams proxy (XEP-0065 §6): two connections with the same hash wait until they are joined.
///
/// Confined to a loop of its own, so that large files do not hold up messages.
public final class BytestreamRelay {
    /// What became of a request to join.
    enum Activation: Sendable { case active, unknown, alone, full }

    /// May change at any time, on the relay's loop.
    public var config: Proxy65Config
    let time: any TimeSource
    private var connections: [ObjectIdentifier: BytestreamConnection] = [:]
    private var waiting: [String: [BytestreamConnection]] = [:]
    private var streams: [String: Int] = [:]
    /// Connections that are not joined, by the address they come from.
    private var waitingByAddress: [String: Int] = [:]
    private(set) var active = 0

    public init(config: Proxy65Config, time: any TimeSource) {
        self.config = config
        self.time = time
    }

    /// A connection was accepted, on this loop. More than can become streams are closed, and so are those of an address
    /// that waits with too many already: one stranger must not take all places.
    public func accept(_ channel: any Channel) throws {
        let origin = NetworkOrigin.key(channel.remoteAddress?.ipAddress ?? "unknown")
        guard connections.count < 2 * config.streams + Self.spare,
            waitingByAddress[origin, default: 0] < config.waitingPerAddress
        else {
            channel.close(promise: nil)
            return
        }
        try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        let connection = BytestreamConnection(relay: self, channel: channel, origin: origin)
        try channel.pipeline.syncOperations.addHandler(connection)
        connections[ObjectIdentifier(connection)] = connection
        waitingByAddress[origin, default: 0] += 1
    }

    /// Places for connections that never become streams.
    private static let spare = 64

    private func waitsNoMore(_ connection: BytestreamConnection) {
        guard let origin = connection.origin else { return }
        connection.origin = nil
        let left = waitingByAddress[origin, default: 1] - 1
        waitingByAddress[origin] = left > 0 ? left : nil
    }

    /// A connection asked for a hash; false when two have it already.
    func wait(_ connection: BytestreamConnection, for hash: String) -> Bool {
        guard waiting[hash, default: []].count < 2 else { return false }
        waiting[hash, default: []].append(connection)
        return true
    }

    func forget(_ connection: BytestreamConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        waitsNoMore(connection)
        if let hash = connection.hash {
            waiting[hash]?.removeAll { $0 === connection }
            if waiting[hash]?.isEmpty == true { waiting[hash] = nil }
        }
        // The end of the first of the two ends the stream.
        guard let owner = connection.owner else { return }
        connection.owner = nil
        connection.peer?.owner = nil
        active -= 1
        let left = streams[owner, default: 1] - 1
        streams[owner] = left > 0 ? left : nil
    }

    /// Joins the two connections of a hash for a user.
    func activate(_ hash: String, owner: String) -> Activation {
        guard let pair = waiting[hash] else { return .unknown }
        guard pair.count == 2 else { return .alone }
        guard active < config.streams, streams[owner, default: 0] < config.streamsPerUser else { return .full }
        waiting[hash] = nil
        active += 1
        streams[owner, default: 0] += 1
        for connection in pair { waitsNoMore(connection) }
        pair[0].join(pair[1], owner: owner)
        pair[1].join(pair[0], owner: owner)
        return .active
    }

    /// Once a second: streams on which nothing happens, connections that nobody activates.
    public func tick() {
        let now = time.uptime
        for connection in Array(connections.values) {
            let seconds = connection.owner == nil ? config.activationSeconds : config.idleSeconds
            if connection.lastActivity < now - Int64(seconds) * 1_000 { connection.close() }
        }
    }
}
