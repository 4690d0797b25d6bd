import IMCore
import NIOCore
import SIPWire
import XMPPWire

// NOTIFY (RFC 6665 §4.2.2): at most one of a subscription under way, at most so many in a time, nothing twice.

extension EventEngine {
    /// What a resource tells is different, or may be: those who watch it are told at the end of this tick.
    func changed(_ resource: EventResource) {
        resource.isStale = true
        guard !resource.isQueued else { return }
        resource.isQueued = true
        queue.append(resource)
        guard !isArmed else { return }
        isArmed = true
        server.loop.execute { [weak self] in self?.flushQueue() }
    }

    private func flushQueue() {
        isArmed = false
        let resources = queue
        queue.removeAll(keepingCapacity: true)
        for resource in resources {
            resource.isQueued = false
            guard !resource.isIdle else { continue }
            prepare(resource) { [weak self] in
                guard let self else { return }
                for subscription in resource.subscriptions where subscription.list == nil {
                    send(subscription, forced: false)
                }
                for list in resource.lists { memberChanged(list, resource.target) }
            }
        }
    }

    func prepare(_ resource: EventResource, then: @escaping () -> Void) {
        if !resource.isStale { return then() }
        resource.package.prepare(resource, then: then)
    }

    /// Tells one subscription how things are.
    ///
    /// - Parameter forced: the first, one after a refresh or with another state: even if it is the same document.
    func tell(_ subscription: Subscription, forced: Bool = false) {
        if let list = subscription.list { return tell(list, forced: forced) }
        prepare(subscription.resource) { [weak self] in self?.send(subscription, forced: forced) }
    }

    func send(_ subscription: Subscription, forced: Bool) {
        guard subscription.state != .terminated else { return }
        if subscription.isOutstanding {
            subscription.isWaiting = true
            if forced { subscription.isForced = true }
            return
        }
        if !forced {
            if let list = subscription.list {
                if list.changed.isEmpty { return }
            } else if document(for: subscription) === subscription.lastBody {
                return
            }
            let isCall = subscription.resource.package === calls
            // Lamps are to follow telephones (RFC 4235 §3.10).
            let pace = Int64(isCall ? min(1, server.config.notifySeconds) : server.config.notifySeconds) * 1_000
            let uptime = server.time.uptime
            if pace > 0, uptime - subscription.lastNotify < pace {
                guard !subscription.isDelayed else { return }
                subscription.isDelayed = true
                delayed[(subscription.lastNotify + pace + 999) / 1_000, default: []].append(subscription)
                return
            }
        }
        transmit(subscription, document(for: subscription), reason: nil, isWhole: forced)
    }

    private func document(for subscription: Subscription) -> EventBody {
        if let list = subscription.list { return document(for: list) }
        return subscription.resource.package.body(for: subscription)
    }

    /// Ends a subscription and says so (§4.4.1).
    ///
    /// - Parameter reason: of RFC 6665 §4.1.3.
    func end(_ subscription: Subscription, reason: StaticString, retryAfter: Int? = nil) {
        guard subscription.state != .terminated else { return }
        if subscription.state == .pending, let own = resource(subscription.resource.target, winfo) {
            // RFC 3857 §4.7.1: the request stays open.
            own.gaveUp.insert(subscription.watcher)
        }
        subscription.state = .terminated
        // A subscription that ran out tells the state once more (§4.4.1); one that is refused does not.
        let tellsState = reason.description == "timeout" && subscription.resource.package === presence
        guard tellsState else {
            transmit(subscription, EventBody.empty(), reason: reason, retryAfter: retryAfter)
            return remove(subscription)
        }
        prepare(subscription.resource) { [weak self] in
            guard let self else { return }
            transmit(subscription, document(for: subscription), reason: reason, retryAfter: retryAfter)
            remove(subscription)
        }
    }

    private func transmit(
        _ subscription: Subscription, _ body: EventBody, reason: StaticString?, retryAfter: Int? = nil,
        isWhole: Bool = false
    ) {
        subscription.localCSeq &+= 1
        let last = subscription.lastBody
        subscription.lastBody = body
        subscription.lastNotify = server.time.uptime
        subscription.isOutstanding = true
        subscription.isWaiting = false
        subscription.isForced = false
        var body = body
        if reason == nil, subscription.list == nil, subscription.resource.package.numbersDocuments {
            body = body.numbered(subscription.version)
            subscription.version &+= 1
        }
        if subscription.isPartial, reason == nil, subscription.list == nil {
            body = presence.partial.body(from: isWhole ? nil : last, to: body).numbered(subscription.version)
            subscription.version &+= 1
        }
        var buffer = server.allocator.buffer(capacity: subscription.head.count + body.tail.count + 200)
        buffer.writeBytes(subscription.head)
        buffer.writeStaticString("Max-Forwards: 70\r\nEvent: ")
        names(of: subscription.resource.package).name.withBytes { _ = buffer.writeBytes($0) }
        if !subscription.eventID.isEmpty {
            buffer.writeStaticString(";id=")
            buffer.writeBytes(subscription.eventID)
        }
        if subscription.list != nil { buffer.writeStaticString("\r\nRequire: eventlist") }
        buffer.writeStaticString("\r\n")
        buffer.writeStaticString("CSeq: ")
        buffer.writeDecimal(Int(subscription.localCSeq))
        if let reason {
            buffer.writeStaticString(" NOTIFY\r\nSubscription-State: terminated;reason=")
            buffer.writeStaticString(reason)
            if let retryAfter {
                buffer.writeStaticString(";retry-after=")
                buffer.writeDecimal(retryAfter)
            }
        } else {
            buffer.writeStaticString(
                subscription.state == .active
                    ? " NOTIFY\r\nSubscription-State: active;expires="
                    : " NOTIFY\r\nSubscription-State: pending;expires=")
            buffer.writeDecimal(max(0, Int(subscription.expires - second)))
        }
        buffer.writeStaticString("\r\n")
        buffer.writeBytes(body.tail)
        let request = OutgoingRequest(method: .notify, bytes: buffer, viaOffset: Int(subscription.lineEnd))
        guard let target = target(of: subscription) else { return fail(subscription) }
        server.send(request, to: target) { [weak self] outcome in self?.answered(subscription, outcome) }
    }

    private func target(of subscription: Subscription) -> SIPTarget? {
        if let flow = subscription.flow, flow.isOpen, !subscription.usesAddress { return .flow(flow) }
        guard let uri = subscription.remoteTarget else { return nil }
        return .uri(uri, route: subscription.routes)
    }

    private func answered(_ subscription: Subscription, _ outcome: SIPOutcome) {
        subscription.isOutstanding = false
        guard subscription.state != .terminated else { return }
        switch outcome {
        case .response(let response) where response.status.isSuccess:
            subscription.usesAddress = false
        case .response(let response):
            // §4.2.2: a failure that does not ask to be tried again ends it.
            guard response.retryAfter != nil, response.status.rawValue >= 500 else { return fail(subscription) }
            // What it has not got is no ground for what comes next.
            subscription.lastBody = nil
        case .tooLarge: return fail(subscription)
        case .timeout, .unreachable:
            // The connection is gone: its address may be reached by another one.
            guard subscription.flow != nil, !subscription.usesAddress, case .unreachable = outcome else {
                return fail(subscription)
            }
            subscription.usesAddress = true
            subscription.isWaiting = true
            subscription.isForced = true
        }
        guard subscription.isWaiting else { return }
        let forced = subscription.isForced
        subscription.isWaiting = false
        subscription.isForced = false
        tell(subscription, forced: forced)
    }

    /// Nobody is there who would want to be told.
    private func fail(_ subscription: Subscription) {
        server.logger.debug("a subscription ended: NOTIFY failed", metadata: ["watcher": "\(subscription.watcher)"])
        remove(subscription)
    }
}

extension Subscription {
    /// The route set, from the Route lines of the head.
    fileprivate var routes: [SIPURI] {
        let mark = Array("Route: ".utf8)
        return head[Int(lineEnd)...].split(separator: 10).filter { $0.starts(with: mark) }.flatMap { line -> [SIPURI] in
            let value = SIPBytes(Array(line.dropFirst(mark.count).dropLast()))
            return SIPAddress(value).map { [$0.uri] } ?? []
        }
    }
}

extension ByteBuffer {
    mutating func writeDecimal(_ number: Int) {
        var digits: UInt64 = 0
        var count = 0
        var rest = max(0, number)
        // Up to 8 digits in a register; nothing here is longer in practice.
        guard rest < 100_000_000 else {
            writeString(String(rest))
            return
        }
        repeat {
            digits = digits << 8 | UInt64(0x30 + rest % 10)
            rest /= 10
            count += 1
        } while rest > 0
        for _ in 0..<count {
            writeInteger(UInt8(truncatingIfNeeded: digits))
            digits >>= 8
        }
    }
}
