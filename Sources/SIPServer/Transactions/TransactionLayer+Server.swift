import Ground
import NIOCore
import SIPWire

// Requests that come in.

extension TransactionLayer {
    /// A request whose form is in order.
    func receive(_ message: SIPMessage, on flow: SIPFlow) {
        guard !message.viaPlaces.isNone else { return }
        let method = message.method
        let key = key(message, method == .ack ? .invite : method)
        if !active.isEmpty, let known = active[key] {
            guard method == .ack else { return repeated(known) }
            // Behind a 2xx it belongs to the dialog, whatever its branch.
            guard known.hasAccepted else { return acknowledged(known) }
        }
        if method != .ack, !flow.transport.isReliable, let kept = answered.response(to: key, uptime: server.uptime) {
            return again(kept, message, key, flow)
        }
        let request = IncomingRequest(
            message, flow: flow, answerFlow: answerFlow(message, flow), key: key, viaSplice: splice(message, flow),
            server: server)
        guard method != .ack else { return server.dispatch(request) }
        guard method != .cancel else { return cancel(request) }
        guard active.count < server.config.transactions, !server.isDraining else {
            refused += 1
            request.isStateless = true
            return request.respond(.serviceUnavailable) { $0.add(.retryAfter, number: 5) }
        }
        if method == .invite { activate(request) }
        server.dispatch(request)
        if method != .invite, !request.isAnswered { activate(request) }
    }

    /// The same answer once more: what is kept of it, behind the lines that it has from the request.
    private func again(
        _ kept: AnsweredRequests.Kept, _ message: SIPMessage, _ key: KeyedHash.Value, _ flow: SIPFlow
    ) {
        server.counters.repeatedRequests &+= 1
        guard kept.status > 0 else { return answerFlow(message, flow).send(ByteBuffer(bytes: kept.bytes)) }
        var builder = SIPResponseBuilder(
            to: message, status: SIPStatus(rawValue: kept.status), toTag: IncomingRequest.localTag(message, key),
            splice: splice(message, flow), into: server.allocator.buffer(capacity: 640 + kept.bytes.count))
        builder.writer.buffer.writeBytes(kept.bytes)
        answerFlow(message, flow).send(builder.writer.buffer)
    }

    /// The answer of a request that is not fit to be handled: nothing is kept of it.
    func refuse(_ message: SIPMessage, on flow: SIPFlow, _ status: SIPStatus, _ reason: StaticString) {
        guard message.isRequest, message.method != .ack, !message.viaPlaces.isNone, message.has(.callID) else { return }
        let request = IncomingRequest(
            message, flow: flow, answerFlow: answerFlow(message, flow), key: key(message, message.method),
            viaSplice: splice(message, flow), server: server)
        request.isStateless = true
        request.respond(status, reason: reason)
    }

    private func activate(_ request: IncomingRequest) {
        let isReliable = request.flow.transport.isReliable
        let (timers, uptime) = (server.config.timers, server.uptime)
        let deadline: Int64
        if request.method == .invite {
            let machine = InviteServerMachine(isReliable: isReliable, timers: timers, uptime: uptime)
            deadline = machine.deadline
            request.machine = .invite(machine)
        } else {
            let machine = NonInviteServerMachine(isReliable: isReliable, timers: timers, uptime: uptime)
            deadline = machine.deadline
            request.machine = .other(machine)
        }
        request.id = makeID()
        active[request.key] = request
        activeByID[request.id] = request
        if let origin = request.origin { origins[origin] = request.key }
        schedule(request.id, at: deadline)
    }

    /// Forgets it; nothing is sent any more.
    func end(_ request: IncomingRequest) {
        activeByID[request.id] = nil
        if active[request.key] === request { active[request.key] = nil }
        if let origin = request.origin, origins[origin] == request.key { origins[origin] = nil }
        request.id = 0
        request.machine = .none
        request.lastResponse = nil
        request.whenCancelled = nil
        request.whenTimedOut = nil
    }

    // MARK: What happens to one

    /// - Parameter from: where the bytes begin that are not made of the request alone; 0 when that is not known.
    func respond(to request: IncomingRequest, _ status: SIPStatus, _ bytes: ByteBuffer, from: Int = 0) {
        let code = Int(status.rawValue)
        switch request.machine {
        case .none:
            // Answered within the call that brought it, or long over.
            guard !request.isAnswered, status.isFinal else { return }
            request.isAnswered = true
            request.answerFlow.send(bytes)
            server.counters.count(status)
            keep(request, status, bytes, from)
        case .invite where request.isStateless && code >= 300:
            // Sent once and forgotten (§26.3.2.4): whoever has proven nothing has no transaction of ours, and no address
            // in the name of which somebody else asked gets an answer again and again.
            guard !request.isAnswered else { return }
            request.isAnswered = true
            request.answerFlow.send(bytes)
            server.counters.count(status)
            end(request)
        case .invite(var machine):
            let actions = machine.respond(code, timers: server.config.timers, uptime: server.uptime)
            request.machine = .invite(machine)
            guard actions.contains(.transmit) else { return }
            if status.isFinal, !request.isAnswered {
                request.isAnswered = true
                server.counters.count(status)
            }
            request.lastResponse = bytes
            transmit(bytes, request)
            schedule(request.id, at: machine.deadline)
        case .other(var machine):
            let actions = machine.respond(code, timers: server.config.timers, uptime: server.uptime)
            request.machine = .other(machine)
            guard actions.contains(.transmit) else { return }
            transmit(bytes, request)
            guard status.isFinal else {
                request.lastResponse = bytes
                return schedule(request.id, at: machine.deadline)
            }
            request.isAnswered = true
            server.counters.count(status)
            keep(request, status, bytes, from)
            end(request)
        }
    }

    /// For repetitions: a connection repeats nothing.
    private func keep(_ request: IncomingRequest, _ status: SIPStatus, _ bytes: ByteBuffer, _ from: Int) {
        guard !request.flow.transport.isReliable, !request.isStateless else { return }
        answered.add(
            request.key, origin: request.origin, response: bytes, status: from > 0 ? status.rawValue : 0, from: from,
            expires: server.uptime + server.config.timers.giveUp, uptime: server.uptime)
    }

    private func transmit(_ bytes: ByteBuffer, _ request: IncomingRequest) {
        if request.answerFlow.isOpen { return request.answerFlow.send(bytes) }
        // The connection is gone: a new one to where the Via says (§18.2.2).
        server.reconnect(request.flow, port: request.message.viaPlaces.effectivePort) { $0?.send(bytes) }
    }

    private func repeated(_ request: IncomingRequest) {
        server.counters.repeatedRequests &+= 1
        switch request.machine {
        case .invite(let machine): perform(machine.repeated(), request)
        case .other(let machine): perform(machine.repeated(), request)
        case .none: break
        }
    }

    private func acknowledged(_ request: IncomingRequest) {
        guard case .invite(var machine) = request.machine else { return }
        let actions = machine.acknowledged(timers: server.config.timers, uptime: server.uptime)
        request.machine = .invite(machine)
        if actions.contains(.ended) { end(request) } else { schedule(request.id, at: machine.deadline) }
    }

    /// CANCEL (§9.2): answered by itself; the request it names is told.
    private func cancel(_ request: IncomingRequest) {
        guard let target = active[key(request.message, .invite)] else {
            request.isStateless = true
            return request.respond(.callDoesNotExist)
        }
        request.respond(.ok)
        if !target.isAnswered { target.whenCancelled?() }
    }

    func timer(_ request: IncomingRequest, _ uptime: Int64) {
        let (actions, deadline): (TransactionActions, Int64)
        switch request.machine {
        case .invite(var machine):
            actions = machine.timer(timers: server.config.timers, uptime: uptime)
            deadline = machine.deadline
            request.machine = .invite(machine)
        case .other(var machine):
            actions = machine.timer(timers: server.config.timers, uptime: uptime)
            deadline = machine.deadline
            request.machine = .other(machine)
        case .none: return
        }
        perform(actions, request)
        // With nothing to do it was told too early: its deadline has moved, and stands in a later slot.
        if request.id != 0, !actions.isEmpty { schedule(request.id, at: deadline) }
    }

    private func perform(_ actions: TransactionActions, _ request: IncomingRequest) {
        if actions.contains(.transmit), let bytes = request.lastResponse { transmit(bytes, request) }
        if actions.contains(.trying) {
            let bytes = SIPResponseBuilder(to: request.message, status: .trying, splice: request.viaSplice).finish()
            request.lastResponse = bytes
            transmit(bytes, request)
        }
        if actions.contains(.timedOut) {
            request.isAnswered = true
            request.whenTimedOut?()
        }
        if actions.contains(.ended) { end(request) }
    }

    /// Whether the request has come already, on another way: somebody has forked it (§8.2.2.2). Only for what is served here; a
    /// proxy may well see a request twice.
    func isMerged(_ request: IncomingRequest) -> Bool {
        guard request.method != .invite, request.message.toTag.isEmpty else { return false }
        let origin = origin(request.message)
        if !origins.isEmpty, let other = origins[origin], other != request.key { return true }
        if answered.isMerged(origin, key: request.key, uptime: server.uptime) { return true }
        request.origin = origin
        return false
    }

    // MARK: Names and addresses

    /// Branch, sent-by and method (§17.2.3); for a client of RFC 2543, which has no branch, what names its request.
    private func key(_ message: SIPMessage, _ method: SIPMethod) -> KeyedHash.Value {
        var state = hash.stateForPieces()
        let places = message.viaPlaces
        if places.isMagic {
            message.branch.withBytes { state.add($0) }
        } else {
            message.requestURIText.withBytes { state.add($0) }
            message.fromTag.withBytes { state.add($0) }
            message.callID.withBytes { state.add($0) }
            message.branch.withBytes { state.add($0) }
            state.add(UInt64(message.cseqNumber))
        }
        message.viaHost.withBytes { state.add($0) }
        state.add(UInt64(places.port))
        method.token.withBytes { state.add($0) }
        return state.finish()
    }

    private func origin(_ message: SIPMessage) -> KeyedHash.Value {
        var state = hash.stateForPieces()
        message.fromTag.withBytes { state.add($0) }
        message.callID.withBytes { state.add($0) }
        state.add(UInt64(message.cseqNumber))
        message.method.token.withBytes { state.add($0) }
        return state.finish()
    }

    /// §18.2.2, RFC 3581 §4. `maddr` is not obeyed: it would let anybody have answers sent to others.
    private func answerFlow(_ message: SIPMessage, _ flow: SIPFlow) -> SIPFlow {
        let places = message.viaPlaces
        guard flow.transport == .udp, !places.wantsRport, places.effectivePort != flow.remote.port else { return flow }
        return SIPFlow(link: flow.link, remote: flow.remote.with(port: places.effectivePort))
    }

    /// What the topmost Via gets: `received`, and the port where it is asked for.
    private func splice(_ message: SIPMessage, _ flow: SIPFlow) -> SIPSplice? {
        let places = message.viaPlaces
        if places.wantsRport {
            // With a value it is somebody else's.
            guard places.rportEnd > 0 else { return nil }
            return SIPSplice(offset: Int(places.rportEnd), bytes: flow.link.names(of: flow.remote).rport)
        }
        let names = flow.link.names(of: flow.remote)
        guard !names.isHost(message.viaHost) else { return nil }
        return SIPSplice(offset: Int(places.end), bytes: names.received)
    }
}
