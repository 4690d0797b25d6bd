/// Every connection, by its peer.
struct ConnectionTable {
    private struct Key: Hashable {
        var remote: TransportAddress
        var isSecure: Bool
    }

    private var all: [ObjectIdentifier: StreamLink] = [:]
    private var byPeer: [Key: StreamLink] = [:]
    private var byOrigin: [UInt64: Int] = [:]

    var count: Int { all.count }

    func count(from remote: TransportAddress) -> Int { byOrigin[remote.origin] ?? 0 }

    /// The last connection with that peer.
    ///
    /// - Parameter name: for TLS: what the certificate of the server was checked for. A connection that the peer made serves
    ///   only when nothing is to be checked.
    func find(_ remote: TransportAddress, isSecure: Bool, name: String) -> StreamLink? {
        guard let link = byPeer[Key(remote: remote, isSecure: isSecure)], link.isOpen else { return nil }
        return !isSecure || name.isEmpty || link.name == name ? link : nil
    }

    mutating func add(_ link: StreamLink) {
        all[ObjectIdentifier(link)] = link
        byPeer[Key(remote: link.remote, isSecure: link.transport.isSecure)] = link
        byOrigin[link.remote.origin, default: 0] += 1
    }

    mutating func remove(_ link: StreamLink) {
        guard all.removeValue(forKey: ObjectIdentifier(link)) != nil else { return }
        let key = Key(remote: link.remote, isSecure: link.transport.isSecure)
        if byPeer[key] === link { byPeer[key] = nil }
        let left = (byOrigin[link.remote.origin] ?? 1) - 1
        byOrigin[link.remote.origin] = left > 0 ? left : nil
    }

    func forEach(_ body: (StreamLink) -> Void) { for link in Array(all.values) { body(link) } }

    /// Ends what was silent for too long; looks at everything once in ten seconds.
    mutating func tick(_ uptime: Int64) {
        guard uptime - lastLook >= 10_000 else { return }
        lastLook = uptime
        for link in all.values where link.isIdle(uptime) { idle.append(link) }
        let silent = idle
        idle = []
        for link in silent { link.close() }
    }

    private var lastLook: Int64 = 0
    private var idle: [StreamLink] = []
}
