import NIOCore

/// Publications of presence (RFC 3903) by the users `0 ..< count`, each one seen by its watchers.
///
/// An operation is over when the publication has been answered *and* every watcher has been told.
final class SIPPublications: SIPRequestOwner {
    private struct Presentity {
        var entityTag: [UInt8]?
        var sequence: UInt32 = 0
        var due: UInt64 = 0
        var isWaitingForAnswer = false
        var watchersWaiting = 0
        var isGood = true
        /// Whether the current state is one of an operation that goes on.
        var isInProgress = false
    }

    private unowned let fleet: SIPFleet
    private let calls: [SIPCall]
    private var presentities: [Presentity]
    /// Watchers that are to see each change; 0 while nobody watches yet.
    var watchers = 0

    init(_ fleet: SIPFleet, count: Int) {
        self.fleet = fleet
        presentities = Array(repeating: Presentity(), count: count)
        calls = (0..<count).map { index in
            SIPCall(callID: "p\(index).\(fleet.run)@\(fleet.options.localAddress)", localTag: "p\(fleet.run)\(index)")
        }
    }

    /// - Parameter expires: seconds, 0 takes the publication away.
    func start(_ presentity: Int, due: UInt64, expires: Int) {
        let address = fleet.users[presentity].address
        let request = SIPRequest(
            .publish, user: presentity, subject: presentity, call: calls[presentity], uri: address,
            to: [0x3C] + address + [0x3E], owner: self, due: due)
        var lines = Array("Event: presence\r\nExpires: \(expires)\r\n".utf8)
        if let entityTag = presentities[presentity].entityTag {
            lines += Array("SIP-If-Match: ".utf8) + entityTag + Array("\r\n".utf8)
        }
        presentities[presentity].due = due
        presentities[presentity].isWaitingForAnswer = true
        presentities[presentity].watchersWaiting = watchers
        presentities[presentity].isGood = true
        presentities[presentity].isInProgress = true
        if expires > 0 {
            presentities[presentity].sequence &+= 1
            lines += Array("Content-Type: application/pidf+xml\r\n".utf8)
            request.body = document(presentity, due: due)
        }
        request.lines = lines
        fleet.send(request)
    }

    /// A presence document (RFC 3863) that differs from the last one in what a person sees, and carries a stamp.
    private func document(_ presentity: Int, due: UInt64) -> [UInt8] {
        let sequence = presentities[presentity].sequence
        let entity = String(decoding: fleet.users[presentity].address, as: UTF8.self)
        let basic = sequence & 1 == 1 ? "open" : "closed"
        let head =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\""
            + "\(entity)\"><tuple id=\"bench\"><status><basic>\(basic)</basic></status><contact>\(entity)</contact>"
            + "<note>"
        let stamp = Stamp(sender: presentity, sequence: sequence, time: due)
        return Array(head.utf8) + SIPMessages.stamped(stamp, fleet.mark)
            + Array("</note></tuple></presence>\r\n".utf8)
    }

    func answered(_ request: SIPRequest, _ response: SIPText) {
        let presentity = request.subject
        if response.status == 200, let tag = response.entityTag {
            presentities[presentity].entityTag = Array(response.part(tag))
        } else {
            if response.status == 200 { fleet.note("an answer to PUBLISH without SIP-ETag", "") }
            if response.status != 200 { fleet.noteRefusal(request, response) }
            presentities[presentity].entityTag = nil
            presentities[presentity].isGood = false
            presentities[presentity].watchersWaiting = 0
        }
        presentities[presentity].isWaitingForAnswer = false
        settle(presentity)
    }

    func unanswered(_ request: SIPRequest) {
        presentities[request.subject].entityTag = nil
        presentities[request.subject].isGood = false
        presentities[request.subject].watchersWaiting = 0
        presentities[request.subject].isWaitingForAnswer = false
        settle(request.subject)
    }

    private func settle(_ presentity: Int) {
        let state = presentities[presentity]
        guard state.isInProgress, !state.isWaitingForAnswer, state.watchersWaiting == 0 else { return }
        presentities[presentity].isInProgress = false
        fleet.pacer?.end(presentity, due: state.due, isGood: state.isGood)
    }

    /// A watcher has been told the state with this stamp for the first time.
    func notified(_ stamp: Stamp) {
        guard stamp.sequence == presentities[stamp.sender].sequence else { return }
        fleet.counts.deliveredOne(after: fleet.now &- stamp.time)
        guard presentities[stamp.sender].watchersWaiting > 0 else { return }
        presentities[stamp.sender].watchersWaiting -= 1
        settle(stamp.sender)
    }
}

/// Users publish in front of their watchers.
struct SIPPublishScenario {
    let stage: SIPStage

    func run() throws -> LoadReport {
        let (side, options) = (stage.side, stage.options)
        let users = options.accounts(for: .publish)
        let publications = try side.perform {
            NIOLoopBound(SIPPublications($0, count: options.count), eventLoop: $0.loop)
        }
        let expires = options.expires
        let published = try stage.once(options.count) { publications.value.start($1, due: $2, expires: expires) }
        guard published != nil else { return try stage.failed("publishing failed") }
        let dialogs = options.count * options.watchers
        let subscriptions = try side.perform { fleet in
            let pairs = (0..<dialogs).map { number in
                (
                    presentity: number / options.watchers,
                    watcher: options.count + number % (users - options.count)
                )
            }
            let subscriptions = SIPSubscriptions(fleet, pairs)
            fleet.receiver = subscriptions
            subscriptions.publications = publications.value
            return NIOLoopBound(subscriptions, eventLoop: fleet.loop)
        }
        guard try stage.once(dialogs, { subscriptions.value.start($1, due: $2, .subscribe) }) != nil,
            try side.wait(for: dialogs, patience: 10, { _ in subscriptions.value.active }) == dialogs
        else { return try stage.failed("subscribing failed") }
        try side.pause(options.settle)
        try side.perform { _ in
            publications.value.watchers = options.watchers
            subscriptions.value.isStateExpected = true
        }
        try stage.measure(options.count) { publications.value.start($1, due: $2, expires: expires) }
        try side.perform { _ in subscriptions.value.isStateExpected = false }
        let report = try stage.report { fields, fleet in
            fields.add("watchers", options.watchers)
            fields.add("publishes", fleet.counts.operations)
            fields.add("notifies", fleet.counts.delivered)
            let seconds = fleet.counts.seconds
            fields.add("notify_per_s", seconds > 0 ? Double(fleet.counts.delivered) / seconds : 0)
            fields.add(window: fleet, unit: "publish", count: fleet.counts.operations, delivery: "notify")
            if fleet.probe.hasServer, fleet.counts.delivered > 0 {
                let server = fleet.counts.end.server - fleet.counts.start.server
                fields.add("srv_cpu_us_per_notify", server * 1_000_000 / Double(fleet.counts.delivered))
            }
        }
        if !options.keeps {
            _ = try stage.once(dialogs) { subscriptions.value.start($1, due: $2, .end) }
            try side.perform { _ in publications.value.watchers = 0 }
            _ = try stage.once(options.count) { publications.value.start($1, due: $2, expires: 0) }
        }
        return report
    }
}
