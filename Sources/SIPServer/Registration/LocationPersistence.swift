import Ground
import IMCore
import SIPWire
import Storage
import XMPPWire

/// Keeps bindings over restarts, lazily: what has changed is collected and written at most once a second, and a mere refresh
/// is not written while the store still says enough (`now + 2 × interval` is what it was told).
///
/// Bindings are what clients renew by themselves: they are not worth a write for each REGISTER, and one that is lost to a
/// crash within the last second comes back with the next refresh.
final class LocationPersistence {
    private let table: LocationTable
    private let router: Router
    private let time: any TimeSource
    private var changed: [(Registrations, Binding)] = []
    /// Rows of bindings that are gone.
    private var gone: [Int64] = []
    private var isWriting = false
    /// Rows of one write: thousands come at once when everybody registers, and rows take more memory than bindings.
    private static let batch = 512

    init(table: LocationTable, router: Router, time: any TimeSource) {
        self.table = table
        self.router = router
        self.time = time
        table.whenDirty = { [unowned self] in note($0, $1, $2) }
    }

    private func note(_ user: Registrations, _ binding: Binding, _ isChanged: Bool) {
        if binding.isGone {
            if binding.storedUntil != 0 { gone.append(binding.id) }
            return
        }
        guard !binding.isDirty else { return }
        guard isChanged || binding.expires - time.uptime + time.now > binding.storedUntil else { return }
        binding.isDirty = true
        changed.append((user, binding))
    }

    /// Writes what has come together, a batch after the other.
    ///
    /// - Parameter isLast: the server goes down: all of it at once, also while a write is under way.
    func write(isLast: Bool = false, then: (() -> Void)? = nil) {
        guard isLast || !isWriting, !changed.isEmpty || !gone.isEmpty else {
            then?()
            return
        }
        let (now, uptime) = (time.now, time.uptime)
        var records: [LocationStore.Record] = []
        let part = isLast ? changed[...] : changed.prefix(Self.batch)
        records.reserveCapacity(part.count)
        for (user, binding) in part {
            binding.isDirty = false
            // Gone before it was ever written.
            guard !binding.isGone, let jid = user.jid else { continue }
            let record = Self.record(binding, of: jid, until: now + 2 * max(0, binding.expires - uptime))
            binding.storedUntil = record.expires
            records.append(record)
        }
        let removed = gone
        changed.removeFirst(part.count)
        if changed.isEmpty { changed = [] }
        gone = []
        isWriting = true
        let rows = records
        router.journal.perform({ transaction in
            for id in removed { try LocationStore.remove(id, in: transaction) }
            for row in rows { try LocationStore.save(row, in: transaction) }
        }) { [weak self] _ in
            guard let self else { return }
            isWriting = false
            // The rest of what has come together goes at once, and is not gathered anew.
            if changed.isEmpty { then?() } else { write(then: then) }
        }
    }

    private static func record(_ binding: Binding, of user: JID, until: Int64) -> LocationStore.Record {
        LocationStore.Record(
            id: binding.id, user: user, contact: binding.contact.array, instance: binding.instance.array,
            regID: binding.regID, path: binding.pathText.array, callID: binding.callID.array, cseq: binding.cseq,
            agent: binding.userAgent.array, features: binding.features.array, q: Int(binding.q),
            isOutbound: binding.isOutbound, flow: binding.flow.map(FlowText.write), since: binding.since,
            expires: until)
    }

    /// Puts what the store has into the table; before the first request is taken.
    ///
    /// A connection did not survive; a binding that may be reached over nothing else did not either.
    ///
    /// - Returns: bindings of UDP, and where each registered from.
    func restore(_ records: [LocationStore.Record]) -> [(Binding, TransportAddress)] {
        let (now, uptime) = (time.now, time.uptime)
        var sources: [(Binding, TransportAddress)] = []
        for record in records where record.expires > now {
            let source = record.flow.flatMap(FlowText.read)
            if record.isOutbound, record.path.isEmpty, source?.transport != .udp {
                gone.append(record.id)
                continue
            }
            let binding = Binding(id: record.id, Binding.Terms(record, expires: uptime + record.expires - now))
            (binding.since, binding.refreshedAt) = (record.since, now)
            binding.storedUntil = record.expires
            if let source, source.transport == .udp { sources.append((binding, source.address)) }
            // The store has it: nothing to write.
            binding.isDirty = true
            let user = table.record(of: Array(record.user.description.utf8))
            table.put(binding, in: user, .created, isChanged: true)
            binding.isDirty = false
        }
        return sources
    }
}

extension Binding.Terms {
    init(_ record: LocationStore.Record, expires: Int64) {
        contact = SIPBytes(record.contact)
        instance = SIPBytes(record.instance)
        regID = record.regID
        path = record.path
        callID = SIPBytes(record.callID)
        cseq = record.cseq
        agent = SIPBytes(record.agent)
        features = record.features
        q = record.q
        isOutbound = record.isOutbound
        self.expires = expires
    }
}

/// Where a client registered from, as the store has it.
enum FlowText {
    static func write(_ flow: SIPFlow) -> String {
        "\(flow.transport.parameter) \(flow.remote.ip) \(flow.remote.port)"
    }

    static func read(_ text: String) -> (transport: SIPTransport, address: TransportAddress)? {
        let parts = text.split(separator: " ")
        guard parts.count == 3, let transport = SIPTransport(SIPTransportName(SIPBytes(String(parts[0])))),
            let port = UInt16(parts[2]), let address = TransportAddress(ip: String(parts[1]), port: port)
        else { return nil }
        return (transport, address)
    }
}
