import NIOCore

/// One-to-one messages between the users 2k and 2k + 1.
///
/// Closed loop: each side begins with a window of messages, and every message that arrives sends one back. Open loop:
/// messages are due at a fixed rate over all sessions, and each is stamped with the time it was *due*, so that a
/// queue in the generator or the server shows as latency (no coordinated omission).
final class ChatTraffic: TrafficPattern {
    private struct Conversation {
        /// The message up to the value of its id.
        var head: [UInt8]
        /// The peer's bare JID as a server writes it.
        var peer: [UInt8]
        var sequence: UInt32 = 0
        var tracker = SequenceTracker()
    }

    private static let middle = Array("'><body>".utf8)

    private unowned let fleet: ClientFleet
    private var conversations: [Conversation]
    private let tail: [UInt8]
    private let isOpenLoop: Bool
    private var isSending = false
    private var startTime: UInt64 = 0
    private var due: UInt64 = 0
    private var turn = 0
    private(set) var sent = 0
    private(set) var delivered = 0

    init(_ fleet: ClientFleet) {
        self.fleet = fleet
        let options = fleet.options
        isOpenLoop = options.rate > 0
        tail =
            [UInt8](repeating: UInt8(ascii: "."), count: max(0, options.bodyBytes - Stamp.length))
            + Array("</body></message>".utf8)
        conversations = (0..<options.count).map { index in
            let peer = options.bareJID(index ^ 1)
            let to = options.addressesFullJID ? "\(peer)/\(options.resource)" : peer
            return Conversation(
                head: Array("<message to='\(to)' type='chat' id='m".utf8), peer: Array(peer.lowercased().utf8))
        }
    }

    // MARK: Sending

    func start() {
        isSending = true
        startTime = ClientFleet.clock()
        if isOpenLoop { return pace() }
        for session in fleet.sessions {
            guard let session else { continue }
            for _ in 0..<fleet.options.window { send(from: session, due: ClientFleet.clock()) }
        }
    }

    func stop() { isSending = false }

    /// Sends what is due and sleeps until the next message is.
    private func pace() {
        guard isSending else { return }
        let now = ClientFleet.clock()
        var next = dueTime(due)
        while next <= now {
            if let session = fleet.sessions[turn], session.isOnline { send(from: session, due: next) }
            turn = turn + 1 == conversations.count ? 0 : turn + 1
            due += 1
            next = dueTime(due)
        }
        let bound = NIOLoopBound(self, eventLoop: fleet.loop)
        fleet.loop.scheduleTask(deadline: .uptimeNanoseconds(next)) { bound.value.pace() }
    }

    private func dueTime(_ number: UInt64) -> UInt64 {
        startTime + UInt64(Double(number) * 1_000_000_000 / fleet.options.rate)
    }

    private func send(from session: ClientSession, due: UInt64) {
        let index = session.index
        let sequence = conversations[index].sequence
        conversations[index].sequence = sequence &+ 1
        let stamp = Stamp(sender: index, sequence: sequence, time: due)
        conversations[index].head.withUnsafeBytes { head in
            let count = head.count + 8 + Self.middle.count + Stamp.length + tail.count
            session.sendStanza(byteCount: count, at: due) { target in
                var place = head.count
                target.copyMemory(from: head)
                Stamp.writeHex(UInt64(sequence), digits: 8, to: target, at: place)
                place += 8
                Self.middle.withUnsafeBytes { part(target, place, $0.count).copyMemory(from: $0) }
                place += Self.middle.count
                stamp.write(to: part(target, place, Stamp.length), mark: fleet.mark)
                place += Stamp.length
                tail.withUnsafeBytes { part(target, place, $0.count).copyMemory(from: $0) }
            }
        }
        sent += 1
        if fleet.counts.isOpen { fleet.counts.sent &+= 1 }
    }

    @inline(__always)
    private func part(
        _ target: UnsafeMutableRawBufferPointer, _ place: Int, _ count: Int
    ) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: target[place..<(place + count)])
    }

    // MARK: Receiving

    func stampArrived(_ stamp: Stamp, in element: Element, at session: ClientSession) {
        let index = session.index
        guard stamp.sender == index ^ 1, isFromPeer(element, of: index) else {
            fleet.checks.misrouted += 1
            return
        }
        switch conversations[index].tracker.receive(stamp.sequence) {
        case .next: break
        case .gap(let missing): fleet.checks.gaps += missing
        case .duplicateOrReordered:
            fleet.checks.duplicateOrReordered += 1
            return
        }
        delivered += 1
        fleet.counts.received(after: fleet.now &- stamp.time)
        if isSending, !isOpenLoop { send(from: session, due: fleet.now) }
    }

    /// The server stamps `from` with the sender's full JID (RFC 6120 §8.1.2.1).
    private func isFromPeer(_ element: Element, of index: Int) -> Bool {
        guard let from = element.attribute("from") else { return false }
        return conversations[index].peer.withUnsafeBytes { peer in
            guard from.count >= peer.count, from.count == peer.count || from[peer.count] == UInt8(ascii: "/") else {
                return false
            }
            return from.prefix(peer.count).elementsEqual(peer)
        }
    }
}
