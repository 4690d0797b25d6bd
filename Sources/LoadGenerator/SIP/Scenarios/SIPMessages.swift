import NIOCore

/// Page-mode messages (RFC 3428) between the users 2k and 2k + 1; one of each user is on its way at a time.
///
/// An operation is over when the message has been answered *and* has arrived.
final class SIPMessages: SIPRequestOwner, SIPRequestReceiver {
    private struct Side {
        var sequence: UInt32 = 0
        var due: UInt64 = 0
        var isWaitingForAnswer = false
        var isWaitingForArrival = false
        /// What arrived last: its number, and its branch, which tells a repeated request from a second one.
        var received: UInt32?
        var branch: [UInt8] = []
        var tracker = SequenceTracker()
    }

    private unowned let fleet: SIPFleet
    private var sides: [Side]
    private let filling: [UInt8]

    init(_ fleet: SIPFleet) {
        self.fleet = fleet
        sides = Array(repeating: Side(), count: fleet.users.count)
        filling = [UInt8](repeating: UInt8(ascii: "."), count: max(0, fleet.options.bodyBytes - Stamp.length))
    }

    func start(_ user: Int, due: UInt64) {
        let sequence = sides[user].sequence
        sides[user].sequence = sequence &+ 1
        sides[user].due = due
        sides[user].isWaitingForAnswer = true
        sides[user].isWaitingForArrival = true
        let peer = fleet.users[user ^ 1].address
        let call = SIPCall(
            callID: "m\(user).\(sequence).\(fleet.run)@\(fleet.options.localAddress)",
            localTag: "m\(fleet.run)\(user)")
        let request = SIPRequest(
            .message, user: user, subject: user, call: call, uri: peer, to: [0x3C] + peer + [0x3E], owner: self,
            due: due)
        request.lines = Array("Content-Type: text/plain\r\n".utf8)
        request.body = Self.stamped(Stamp(sender: user, sequence: sequence, time: due), fleet.mark) + filling
        fleet.send(request)
    }

    static func stamped(_ stamp: Stamp, _ mark: Stamp.Mark) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Stamp.length) { target, count in
            stamp.write(to: UnsafeMutableRawBufferPointer(target), mark: mark)
            count = Stamp.length
        }
    }

    func answered(_ request: SIPRequest, _ response: SIPText) {
        guard (200...299).contains(response.status) else {
            fleet.noteRefusal(request, response)
            sides[request.subject].isWaitingForAnswer = false
            return unanswered(request)
        }
        sides[request.subject].isWaitingForAnswer = false
        if !sides[request.subject].isWaitingForArrival {
            fleet.pacer?.end(request.subject, due: request.due, isGood: true)
        }
    }

    func unanswered(_ request: SIPRequest) {
        sides[request.subject].isWaitingForAnswer = false
        // What has arrived nevertheless later is no operation any more.
        if sides[request.subject].isWaitingForArrival {
            sides[request.subject].isWaitingForArrival = false
        }
        fleet.pacer?.end(request.subject, due: request.due, isGood: false)
    }

    // MARK: Receiving

    func arrived(_ request: SIPText) -> Int {
        guard request.isMethod("MESSAGE") else {
            fleet.note("an unexpected request", request.bytes.text(limit: 200))
            return 405
        }
        guard case .found(let stamp) = Stamp.find(in: request.bytes, from: request.body.lowerBound, mark: fleet.mark)
        else {
            // Of an earlier run, or from somebody else.
            return 200
        }
        guard stamp.sender < sides.count, isFor(stamp.sender ^ 1, request), isFrom(stamp.sender, request) else {
            fleet.checks.misrouted += 1
            return 200
        }
        let receiver = stamp.sender ^ 1
        let branch = request.via.flatMap { request.parameter(";branch=", of: $0) }.map(Array.init) ?? []
        if sides[receiver].received == stamp.sequence, sides[receiver].branch == branch {
            fleet.counts.repeats += 1
            return 200
        }
        switch sides[receiver].tracker.receive(stamp.sequence) {
        case .next: break
        case .gap(let missing): fleet.checks.gaps += missing
        case .duplicateOrReordered:
            fleet.checks.duplicateOrReordered += 1
            return 200
        }
        sides[receiver].received = stamp.sequence
        sides[receiver].branch = branch
        fleet.counts.deliveredOne(after: fleet.now &- stamp.time)
        let sender = stamp.sender
        if sides[sender].isWaitingForArrival, sides[sender].sequence == stamp.sequence &+ 1 {
            sides[sender].isWaitingForArrival = false
            if !sides[sender].isWaitingForAnswer {
                fleet.pacer?.end(sender, due: sides[sender].due, isGood: true)
            }
        }
        return 200
    }

    /// Whether the Request-URI is the contact of `user`.
    private func isFor(_ user: Int, _ request: SIPText) -> Bool {
        let line = request.bytes.part(0, request.bytes.offset(of: UInt8(ascii: "\n"), from: 0) ?? 0)
        let wanted = Array("MESSAGE sip:\(fleet.users[user].name)@".utf8)
        return line.count > wanted.count && line.prefix(wanted.count).elementsEqual(wanted)
    }

    private func isFrom(_ user: Int, _ request: SIPText) -> Bool {
        guard let from = request.from else { return false }
        let address = fleet.users[user].address
        let uri = request.uri(of: from)
        // A server may tell which of the sender's devices it was (RFC 5627).
        return uri.count >= address.count && uri.prefix(address.count).elementsEqual(address)
            && (uri.count == address.count || uri[address.count] == UInt8(ascii: ";"))
    }
}

/// Everybody registers, then all send.
struct SIPMessageScenario {
    let stage: SIPStage

    func run() throws -> LoadReport {
        let options = stage.options
        let registrations = try stage.side.perform { NIOLoopBound(SIPRegistrations($0), eventLoop: $0.loop) }
        let expires = options.expires
        let registered = try stage.once(options.count) { registrations.value.start($1, due: $2, expires: expires) }
        guard registered != nil else { return try stage.failed("registering failed") }
        let messages = try stage.side.perform { fleet in
            let messages = SIPMessages(fleet)
            fleet.receiver = messages
            return NIOLoopBound(messages, eventLoop: fleet.loop)
        }
        try stage.side.pause(options.settle)
        try stage.measure(options.count) { messages.value.start($1, due: $2) }
        let report = try stage.report { fields, fleet in
            fields.add("body", options.bodyBytes)
            fields.add("messages", fleet.counts.operations)
            fields.add("delivered", fleet.counts.delivered)
            fields.add(window: fleet, unit: "message", count: fleet.counts.operations, delivery: "delivery")
        }
        if !options.keeps {
            _ = try stage.once(options.count) { registrations.value.start($1, due: $2, expires: 0) }
        }
        return report
    }
}
