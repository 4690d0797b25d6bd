import NIOCore

/// Some users toggle between away and available, or publish what they listen to; each goes on when all contacts have
/// the last change.
final class PresenceTraffic: TrafficPattern {
    private struct Toggler {
        var sequence: UInt32 = 0
        /// Contacts that have not received the last change.
        var pending = 0
        var sentTime: UInt64 = 0
    }

    /// A change that has not reached everybody after this long has stalled.
    static let patience: UInt64 = 5_000_000_000

    private unowned let fleet: ClientFleet
    private let ring: ContactRing
    private let togglers: [Int]
    private var states: [Toggler]
    /// One for each user and place in its list of contacts.
    private var trackers: [SequenceTracker]
    private let heads: [[UInt8]]
    private let tail: [UInt8]
    private var isSending = false

    init(_ fleet: ClientFleet) {
        self.fleet = fleet
        let options = fleet.options
        ring = ContactRing(users: options.count, contacts: options.contacts)
        let number = options.togglers ?? max(1, options.count / 10)
        // Spread over the ring, so that every user has togglers among its contacts.
        togglers = (0..<number).map { $0 * options.count / number }
        states = Array(repeating: Toggler(), count: options.count)
        trackers = Array(repeating: SequenceTracker(), count: options.count * (options.contacts + 1))
        tail =
            [UInt8](repeating: UInt8(ascii: "."), count: max(0, options.bodyBytes - Stamp.length))
            + Array((options.usesEventing ? Eventing.tail : "</status></presence>").utf8)
        heads = options.usesEventing ? [Array(Eventing.head.utf8)] : [Self.away, Self.available]
    }

    var togglerCount: Int { togglers.count }

    /// Changes that contacts still wait for.
    var pending: Int { togglers.reduce(0) { $0 + states[$1].pending } }

    func start() {
        isSending = true
        for user in togglers { toggle(user) }
        watch()
    }

    func stop() { isSending = false }

    private static let away = Array("<presence><show>away</show><status>".utf8)
    private static let available = Array("<presence><status>".utf8)

    private func toggle(_ user: Int) {
        guard isSending, let session = fleet.sessions[user], session.isOnline else { return }
        let now = ClientFleet.clock()
        let sequence = states[user].sequence
        states[user] = Toggler(sequence: sequence &+ 1, pending: ring.contacts, sentTime: now)
        let stamp = Stamp(sender: user, sequence: sequence, time: now)
        heads[Int(sequence) % heads.count].withUnsafeBytes { head in
            session.sendStanza(byteCount: head.count + Stamp.length + tail.count, at: 0) { target in
                target.copyMemory(from: head)
                let rest = UnsafeMutableRawBufferPointer(rebasing: target[head.count...])
                stamp.write(to: rest, mark: fleet.mark)
                tail.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: rest[Stamp.length...]).copyMemory(from: $0)
                }
            }
        }
        if fleet.counts.isOpen { fleet.counts.sent &+= 1 }
    }

    func stampArrived(_ stamp: Stamp, in element: Element, at session: ClientSession) {
        guard let slot = ring.slot(of: stamp.sender, at: session.index) else {
            fleet.checks.misrouted += 1
            return
        }
        switch trackers[session.index * (ring.contacts + 1) + slot].receive(stamp.sequence) {
        case .next: break
        case .gap(let missing): fleet.checks.gaps += missing
        case .duplicateOrReordered:
            fleet.checks.duplicateOrReordered += 1
            return
        }
        fleet.counts.received(after: fleet.now &- stamp.time)
        if slot == ring.contacts {
            if fleet.counts.isOpen { fleet.counts.echoed &+= 1 }
            return
        }
        let sender = stamp.sender
        guard states[sender].pending > 0, stamp.sequence &+ 1 == states[sender].sequence else { return }
        states[sender].pending -= 1
        if states[sender].pending == 0 { toggle(sender) }
    }

    /// Looks for stalls once a second, counts them and sets the toggler going again.
    private func watch() {
        guard isSending else { return }
        let now = ClientFleet.clock()
        for user in togglers where states[user].pending > 0 && now &- states[user].sentTime > Self.patience {
            fleet.checks.stalls += 1
            toggle(user)
        }
        let bound = NIOLoopBound(self, eventLoop: fleet.loop)
        fleet.loop.scheduleTask(in: .seconds(1)) { bound.value.watch() }
    }
}
