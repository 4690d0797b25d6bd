import Ground
import NIOCore
import SIPWire

// Requests of ours.

extension TransactionLayer {
    /// Starts a transaction over a flow.
    func start(_ client: ClientTransaction, on flow: SIPFlow) {
        guard flow.isOpen, let request = client.request else { return unreachable(client) }
        let isReliable = flow.transport.isReliable
        if !isReliable, request.bytes.readableBytes > SIPTransport.largestDatagram {
            client.isTooLarge = true
            return unreachable(client)
        }
        let id = makeID()
        let uptime = server.uptime
        let timers = server.config.timers
        client.id = id
        client.flow = flow
        client.machine =
            client.method == .invite
            ? .invite(InviteClientMachine(isReliable: isReliable, timers: timers, uptime: uptime))
            : .other(NonInviteClientMachine(isReliable: isReliable, timers: timers, uptime: uptime))
        let bytes = stamped(request, id: id, flow: flow)
        if client.alternatives.isEmpty, client.fallback == nil { client.request = nil }
        if !isReliable || client.method == .invite { client.sent = bytes }
        clients[id] = client
        if isReliable { flow.link.expects(id) }
        flow.send(bytes)
        server.counters.count(client.method)
        schedule(id, at: client.machine!.deadline)
    }

    /// Sends what needs no transaction: ACK for a 2xx.
    func sendAlone(_ request: OutgoingRequest, on flow: SIPFlow) {
        flow.send(stamped(request, id: makeID(), flow: flow))
    }

    /// The request with our Via, the branch of which names the transaction: a number, a seal over it, so that nobody who has
    /// not seen the request can answer it, and the mark by which we know a loop.
    private func stamped(_ request: OutgoingRequest, id: UInt64, flow: SIPFlow) -> ByteBuffer {
        let prefix = flow.link.viaPrefix(toward: flow.remote)
        var bytes = server.allocator.buffer(capacity: request.bytes.readableBytes + prefix.count + 48)
        request.bytes.withUnsafeReadableBytes { source in
            bytes.writeBytes(UnsafeRawBufferPointer(rebasing: source[..<request.viaOffset]))
            prefix.withBytes { _ = bytes.writeBytes($0) }
            writeBranch(id, request.loopMark, &bytes)
            bytes.writeBytes(UnsafeRawBufferPointer(rebasing: source[request.viaOffset...]))
        }
        return bytes
    }

    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    /// Characters behind the magic cookie, without the loop mark.
    private static let branchLength = 18

    private func writeBranch(_ id: UInt64, _ loopMark: UInt32?, _ bytes: inout ByteBuffer) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 28) { text in
            fill(text, id)
            var count = Self.branchLength
            if let loopMark {
                text[count] = 0x2E
                count += 1
                for shift in stride(from: UInt32(30), through: 0, by: -6) {
                    text[count] = Self.letters[Int(loopMark >> shift & 63)]
                    count += 1
                }
            }
            text[count] = 13
            text[count + 1] = 10
            _ = bytes.writeBytes(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: text[..<(count + 2)])))
        }
    }

    private func fill(_ text: UnsafeMutableBufferPointer<UInt8>, _ id: UInt64) {
        var state = hash.stateForPieces()
        state.add(id)
        let seal = state.finish().low
        for index in 0..<11 { text[index] = Self.letters[Int(id >> UInt64(6 * index) & 63)] }
        for index in 0..<7 { text[11 + index] = Self.letters[Int(seal >> UInt64(6 * index) & 63)] }
    }

    /// The transaction that a branch of ours names; nil when it was never given out.
    private func id(of branch: UnsafeRawBufferPointer) -> UInt64? {
        guard branch.count >= 7 + Self.branchLength else { return nil }
        var id: UInt64 = 0
        for index in 0..<11 {
            let digit: UInt64
            switch branch[7 + index] {
            case let byte where byte &- 0x41 < 26: digit = UInt64(byte - 0x41)
            case let byte where byte &- 0x61 < 26: digit = UInt64(byte - 0x61 + 26)
            case let byte where byte &- 0x30 < 10: digit = UInt64(byte - 0x30 + 52)
            case 0x2D: digit = 62
            case 0x5F: digit = 63
            default: return nil
            }
            id |= digit << UInt64(6 * index)
        }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.branchLength) { text -> UInt64? in
            fill(text, id)
            return ByteCompare.same(text.baseAddress!, branch.baseAddress! + 7, Self.branchLength) ? id : nil
        }
    }

    /// The mark in a branch of ours, wherever the request has been since (RFC 5393 §4.2.1).
    public func loopMark(of via: SIPVia) -> UInt32? {
        guard let branch = via.branch, branch.count == 7 + Self.branchLength + 7 else { return nil }
        return branch.withBytes { bytes -> UInt32? in
            guard bytes[7 + Self.branchLength] == 0x2E, id(of: bytes) != nil else { return nil }
            var mark: UInt32 = 0
            for byte in bytes[(8 + Self.branchLength)...] {
                guard let digit = Self.letters.firstIndex(of: byte) else { return nil }
                mark = mark << 6 | UInt32(digit)
            }
            return mark
        }
    }

    /// What a request is passed on by: the same again is a loop, anything else a spiral (RFC 3261 §16.6 step 8).
    public func loopMark(for request: SIPMessage) -> UInt32 {
        var state = hash.stateForPieces()
        request.requestURIText.withBytes { state.add($0) }
        request.fromTag.withBytes { state.add($0) }
        request.toTag.withBytes { state.add($0) }
        request.callID.withBytes { state.add($0) }
        state.add(UInt64(request.cseqNumber))
        for item in request.all(.route) { item.withBytes { state.add($0) } }
        return UInt32(truncatingIfNeeded: state.finish().low)
    }

    // MARK: Responses

    /// A response; one that belongs to nothing of ours is dropped (RFC 6026 §7.3).
    func receive(response: SIPMessage, on flow: SIPFlow) {
        let branch = response.branch
        guard let id = branch.withBytes({ self.id(of: $0) }), let client = clients[id],
            client.method == response.method || response.method == .cancel
        else {
            server.counters.strayResponses &+= 1
            return
        }
        guard client.method == response.method else { return }
        // Only over the way that the request took: over UDP from the same machine.
        guard let way = client.flow, way.link === flow.link || way.remote.isSameHost(as: flow.remote) else { return }
        let (timers, uptime) = (server.config.timers, server.uptime)
        let status = Int(response.statusCode)
        var actions: TransactionActions = []
        switch client.machine {
        case .invite(var machine):
            actions = machine.received(status, timers: timers, uptime: uptime)
            client.machine = .invite(machine)
            if actions.contains(.acknowledge) { acknowledge(client, response) }
        case .other(var machine):
            actions = machine.received(status, timers: timers, uptime: uptime)
            client.machine = .other(machine)
            // A response that comes again belongs to nothing and is dropped: the same as in the state completed.
            if status >= 200, !actions.isEmpty { actions.insert(.ended) }
        case nil: return
        }
        if let deadline = client.machine?.deadline, case .invite = client.machine, !actions.contains(.ended) {
            schedule(id, at: deadline)
        }
        if actions.contains(.ended) { forget(client) }
        guard actions.contains(.deliver) else { return }
        if let hop = client.hop { note(response, from: hop) }
        if status < 200 {
            if client.isCancelled, !client.cancelSent { sendCancel(client) }
            client.provisional?(response)
        } else if status == 503, next(client, behind: response) {
            // RFC 3263 §4.3: the next server.
        } else {
            client.completion(.response(response))
        }
    }

    private func note(_ response: SIPMessage, from hop: SIPHop) {
        if response.statusCode != 503 {
            server.resting.answered(hop)
        } else if let seconds = response.retryAfter {
            server.resting.wished(hop, seconds: seconds, server.uptime)
        }
    }

    func timer(_ client: ClientTransaction, _ uptime: Int64) {
        let (timers, id) = (server.config.timers, client.id)
        let actions: TransactionActions
        switch client.machine {
        case .invite(var machine):
            actions = machine.timer(timers: timers, uptime: uptime)
            client.machine = .invite(machine)
        case .other(var machine):
            actions = machine.timer(timers: timers, uptime: uptime)
            client.machine = .other(machine)
        case nil: return
        }
        if actions.contains(.transmit), let sent = client.sent {
            server.counters.retransmissions &+= 1
            client.flow?.send(sent)
        }
        if actions.contains(.ended) {
            forget(client)
        } else if !actions.isEmpty, let deadline = client.machine?.deadline {
            schedule(id, at: deadline)
        }
        guard actions.contains(.timedOut) else { return }
        if let hop = client.hop { server.resting.failed(hop, uptime) }
        guard !next(client) else { return }
        server.counters.timeouts &+= 1
        client.completion(client.refusal.map { .response($0) } ?? .timeout)
    }

    private func forget(_ client: ClientTransaction) {
        clients[client.id] = nil
        if let flow = client.flow, flow.transport.isReliable { flow.link.expectsNoMore(client.id) }
        client.machine = nil
    }

    /// Goes to the next server, if there is one.
    private func next(_ client: ClientTransaction, behind refusal: SIPMessage? = nil) -> Bool {
        guard !client.alternatives.isEmpty, !client.isCancelled else { return false }
        if let refusal { client.refusal = refusal }
        forget(client)
        client.sent = nil
        server.route(client)
        return true
    }

    /// The connection that a request went over is gone.
    func lost(_ id: UInt64) {
        guard let client = clients[id] else { return }
        // A final response to an INVITE has been handed on; only repetitions were waited for.
        if case .invite(let machine) = client.machine, machine.state == .completed || machine.state == .accepted {
            return forget(client)
        }
        forget(client)
        if let hop = client.hop, !client.problem.isEmpty { server.resting.failed(hop, server.uptime) }
        if !next(client), !fallBack(client) {
            client.completion(client.refusal.map { .response($0) } ?? .unreachable)
        }
    }

    /// Over UDP after all.
    private func fallBack(_ client: ClientTransaction) -> Bool {
        guard let flow = client.fallback, !client.isCancelled else { return false }
        client.fallback = nil
        client.sent = nil
        start(client, on: flow)
        return true
    }

    func unreachable(_ client: ClientTransaction) {
        if client.machine != nil { forget(client) }
        guard !client.alternatives.isEmpty, !client.isCancelled else {
            guard !fallBack(client) else { return }
            // Whoever has just sent it is not ready for an answer.
            let completion = client.completion
            let outcome: SIPOutcome =
                client.refusal.map { .response($0) } ?? (client.isTooLarge ? .tooLarge : .unreachable)
            return server.loop.execute { completion(outcome) }
        }
        server.route(client)
    }

    // MARK: ACK and CANCEL of an INVITE

    /// Both take over from the INVITE what RFC 3261 §9.1 and §17.1.1.3 say; To is that of the response in an ACK.
    private func derived(_ method: SIPMethod, from client: ClientTransaction, to: SIPMessage?) -> ByteBuffer? {
        guard let sent = client.sent, let invite = try? SIPParser.parse(sent) else { return nil }
        var builder = SIPRequestBuilder(method, invite.requestURIText)
        if let via = invite.all(.via).first { builder.add(.via, via) }
        builder.copy(.route, from: invite)
        builder.add(.maxForwards, number: 70)
        builder.copy(.from, from: invite)
        builder.copy(.to, from: to ?? invite)
        builder.copy(.callID, from: invite)
        builder.addCSeq(invite.cseqNumber, method)
        return builder.finish()
    }

    private func acknowledge(_ client: ClientTransaction, _ response: SIPMessage) {
        if let bytes = derived(.ack, from: client, to: response) { client.flow?.send(bytes) }
    }

    func cancel(_ client: ClientTransaction) {
        guard client.method == .invite, !client.isCancelled else { return }
        client.isCancelled = true
        client.alternatives = []
        guard case .invite(let machine) = client.machine, machine.state == .proceeding else { return }
        sendCancel(client)
    }

    private func sendCancel(_ client: ClientTransaction) {
        client.cancelSent = true
        guard case .invite(var machine) = client.machine, let flow = client.flow,
            let bytes = derived(.cancel, from: client, to: nil)
        else { return }
        machine.cancelled(timers: server.config.timers, uptime: server.uptime)
        client.machine = .invite(machine)
        schedule(client.id, at: machine.deadline)
        // Its own answer tells nothing, so it needs no transaction; over UDP it is repeated until the INVITE has ended.
        flow.send(bytes)
        guard !flow.transport.isReliable else { return }
        for step in [1, 3, 7] {
            server.loop.scheduleTask(in: .milliseconds(server.config.timers.t1 * Int64(step))) { [weak client] in
                guard let client, case .invite(let machine) = client.machine, machine.state == .proceeding else {
                    return
                }
                flow.send(bytes)
            }
        }
    }
}
