import AdminServer
import Ground
import IMCore
import NIOConcurrencyHelpers
import NIOCore
import XMPPServer
import XMPPWire

extension AdminBackendLive {
    func explainPresence(viewer: String, target: String) async throws -> AdminPresenceExplanation {
        let target = try prepared(target)
        guard let viewer = try? JID(parsing: viewer) else { throw AdminError(.invalid, "\(viewer) is not an address") }
        guard let report = try await presenceReport(of: target, to: viewer), let explanation = report.explanation else {
            throw AdminError(.notFound, "there is no account \(target)")
        }
        let published = try await sip.sipPublications(.init(user: target.description))
        let watched = try await sip.sipSubscriptions(
            .init(
                watcher: viewer.local == nil ? nil : viewer.bare.description, presentity: target.description,
                limit: viewer.local == nil ? 0 : 100))
        return AdminPresenceExplanation(
            viewer: explanation.viewer.description, target: explanation.target.description,
            isVisible: explanation.isVisible,
            lines: explanation.lines.map {
                .init(question: $0.step.code, outcome: $0.outcome.rawValue, code: $0.code, text: $0.text)
            },
            subscriptionAtTarget: report.subscriptionAtTarget, subscriptionAtViewer: report.subscriptionAtViewer,
            request: explanation.request?.text, status: AdminComposedStatus(report.composedForViewer),
            actual: AdminComposedStatus(report.composed), manual: report.manual.map { AdminManualStatus($0) },
            clients: report.clients.map { AdminClientPresence($0) },
            publications: published.items.map(\.item), subscriptions: watched.items.prefix(100).map(\.item))
    }

    func userPresence(_ jid: String) async throws -> AdminUserPresence {
        let jid = try prepared(jid)
        guard let report = try await presenceReport(of: jid, to: nil) else {
            throw AdminError(.notFound, "there is no account \(jid)")
        }
        return AdminUserPresence(
            jid: jid.description, status: AdminComposedStatus(report.composed),
            manual: report.manual.map { AdminManualStatus($0) },
            clients: report.clients.map { AdminClientPresence($0) })
    }

    private func presenceReport(of target: JID, to viewer: JID?) async throws -> PresenceReport? {
        let core = core
        let promise = core.eventLoop.makePromise(of: PresenceReport?.self)
        core.eventLoop.execute {
            core.value.router.reportPresence(of: target, to: viewer) { promise.succeed($0) }
        }
        return try await promise.futureResult.get()
    }

    func setUserStatus(_ status: AdminStatusChange?, of text: String) async throws {
        let jid = try prepared(text)
        let presence = try status.map { try manualPresence($0) }
        let core = core
        let promise = core.eventLoop.makePromise(of: AdminError?.self)
        core.eventLoop.execute {
            let router = core.value.router
            router.homes.withHome(jid) { home in
                guard let home else { return promise.succeed(AdminError(.notFound, "there is no account \(jid)")) }
                router.setManualPresence(presence, of: home) { error in
                    promise.succeed(error.map { _ in AdminError(.unavailable, "the status could not be stored") })
                }
            }
        }
        if let error = try await promise.futureResult.get() { throw error }
    }

    private func manualPresence(_ status: AdminStatusChange) throws -> ManualPresence {
        guard let state = ManualPresence.State(rawValue: status.state) else {
            let known = ManualPresence.State.allCases.map(\.rawValue).joined(separator: ", ")
            throw AdminError(.invalid, "the state is one of \(known)")
        }
        let note = status.note ?? ""
        guard note.count <= ManualPresence.noteLength else {
            throw AdminError(.invalid, "the note has at most \(ManualPresence.noteLength) characters")
        }
        guard state != .text || !note.isEmpty else { throw AdminError(.invalid, "the state text needs a note") }
        var until: Int64?
        if let text = status.until {
            guard let instant = Timestamp.parse(text)?.floor else {
                throw AdminError(.invalid, "until is not an instant such as 2026-01-01T16:00:00Z")
            }
            guard instant > time.now else { throw AdminError(.invalid, "until has passed") }
            until = instant
        }
        return ManualPresence(state: state, note: note, since: time.now, until: until, author: .administrator)
    }

    // MARK: Messages

    func explainMessage(_ id: String) async throws -> AdminMessageExplanations {
        let core = core
        let promise = core.eventLoop.makePromise(of: [MessageExplanation].self)
        core.eventLoop.execute {
            core.value.router.explainMessage(id) { promise.completeWith($0) }
        }
        let found = try await promise.futureResult.get()
        guard !found.isEmpty else {
            throw AdminError(
                .notFound,
                "no message \(id) is known: ids of clients are remembered for a while, and not every message is kept")
        }
        return AdminMessageExplanations(messages: found.map { AdminMessageExplanation($0) })
    }

    // MARK: Traces

    func beginTrace(_ request: AdminTraceRequest) async throws -> AdminTrace {
        guard let filter = try? JID(parsing: request.jid),
            config.domains.contains(where: { $0.name == filter.domain })
        else { throw AdminError(.invalid, "\(request.jid) is not an address of a user or a domain of this server") }
        let kinds = Set(request.kinds ?? [])
        guard kinds.isSubset(of: ["message", "presence", "iq"]) else {
            throw AdminError(.invalid, "kinds are message, presence, iq")
        }
        let abandoned = traces.removeAbandoned()
        let buffer = TraceBuffer(time: time)
        let showsBodies = request.bodies ?? false
        let tap = try await onLoop { server -> Int? in
            for tap in abandoned { server.endTrace(tap) }
            let place = TapPlace()
            place.id = server.trace(filter, kinds: kinds, showsBodies: showsBodies) { [weak server] event in
                // Nobody reads any more: the command was killed, the page closed.
                if !buffer.append(event), let id = place.id { server?.endTrace(id) }
            }
            return place.id
        }
        guard let tap else { throw AdminError(.unavailable, "\(TraceTap.limit) traces run already") }
        return AdminTrace(id: traces.add(buffer, tap: tap))
    }

    func traceEvents(_ id: String, after: Int, seconds: Int) async throws -> AdminTraceEvents {
        let deadline = time.uptime + Int64(seconds) * 1_000
        while true {
            guard let (buffer, _) = traces[id] else { throw AdminError(.notFound, "there is no trace \(id)") }
            let events = buffer.events(after: after)
            if !events.isEmpty || time.uptime >= deadline {
                return AdminTraceEvents(events: events, next: events.last?.number ?? after)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    func endTrace(_ id: String) async throws {
        guard let (_, tap) = traces.remove(id) else { throw AdminError(.notFound, "there is no trace \(id)") }
        try await onLoop { $0.endTrace(tap) }
    }
}

/// Where a tap finds its own number. Used on the loop alone.
private final class TapPlace {
    var id: Int?
}

extension AdminComposedStatus {
    init(_ composed: ComposedPresence) {
        self.init(
            state: composed.state.rawValue, show: composed.show, note: composed.note, rule: composed.rule,
            reason: composed.reason,
            sources: composed.matched.map {
                .init(
                    source: $0.source.description, state: $0.word, since: Timestamp.format($0.since), note: $0.note)
            })
    }
}

extension AdminManualStatus {
    init(_ manual: ManualPresence) {
        self.init(
            state: manual.state.rawValue, note: manual.note, since: Timestamp.format(manual.since),
            until: manual.until.map { Timestamp.format($0) }, by: manual.author.rawValue)
    }
}

extension AdminClientPresence {
    init(_ client: PresenceReport.Client) {
        self.init(
            resource: client.resource, show: client.show, priority: client.priority,
            since: Timestamp.format(client.since), shown: client.shown, isWaiting: client.isWaiting)
    }
}

extension AdminMessageExplanation {
    init(_ message: MessageExplanation) {
        let accepted = message.steps.first { $0.kind == .accepted || $0.kind == .refused || $0.kind == .dropped }
        self.init(
            id: message.name, accepted: Timestamp.format(message.acceptedAt),
            sender: accepted?.subject ?? message.stored.sender,
            recipient: accepted.flatMap { $0.object.isEmpty ? nil : $0.object } ?? message.stored.recipient,
            state: Self.state(of: message),
            steps: message.steps.map {
                .init(
                    at: Timestamp.format($0.at), what: $0.kind.rawValue, who: $0.subject, recipient: $0.object,
                    note: $0.note)
            },
            waitingFor: message.stored.waitingFor, inFlight: message.inFlight, archives: message.stored.archives,
            isRetracted: message.stored.isRetracted)
    }

    private static func state(of message: MessageExplanation) -> String {
        if let refused = message.steps.last(where: { $0.kind == .refused }) { return "refused: \(refused.note)" }
        if let dropped = message.steps.last(where: { $0.kind == .dropped }) { return "dropped: \(dropped.note)" }
        if !message.inFlight.isEmpty {
            return "in flight to \(message.inFlight.joined(separator: ", ")), not acknowledged yet"
        }
        let settled = message.steps.filter { $0.kind == .settled }.map(\.subject)
        if !settled.isEmpty { return "delivered to \(settled.joined(separator: ", "))" }
        if let owner = message.stored.waitingFor { return "stored until \(owner) signs in" }
        if message.steps.contains(where: { $0.kind == .held }) { return "waits behind stored messages" }
        return message.stored.archives.isEmpty
            ? "delivered, or longer ago than the server remembers"
            : "delivered; kept in the archive of \(message.stored.archives.joined(separator: ", "))"
    }
}
