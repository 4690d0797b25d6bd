import AdminServer

extension MemoryBackend {
    private static let status = AdminComposedStatus(
        state: "available", show: "", note: "", rule: 10, reason: "a client is available", sources: [])

    func explainPresence(viewer: String, target: String) throws -> AdminPresenceExplanation {
        guard users[target] != nil else { throw AdminError(.notFound, "there is no account \(target)") }
        return AdminPresenceExplanation(
            viewer: viewer, target: target, isVisible: true, lines: [], subscriptionAtTarget: nil,
            subscriptionAtViewer: nil, request: nil, status: Self.status, actual: Self.status, manual: nil, clients: [])
    }

    func explainMessage(_ id: String) -> AdminMessageExplanations { AdminMessageExplanations(messages: []) }

    func userPresence(_ jid: String) throws -> AdminUserPresence {
        guard users[jid] != nil else { throw AdminError(.notFound, "there is no account \(jid)") }
        return AdminUserPresence(jid: jid, status: Self.status, manual: nil, clients: [])
    }

    func setUserStatus(_ status: AdminStatusChange?, of jid: String) throws {
        guard users[jid] != nil else { throw AdminError(.notFound, "there is no account \(jid)") }
    }

    func beginTrace(_ request: AdminTraceRequest) -> AdminTrace { AdminTrace(id: "0123456789abcdef") }

    func traceEvents(_ id: String, after: Int, seconds: Int) -> AdminTraceEvents {
        AdminTraceEvents(events: [], next: after)
    }

    func endTrace(_ id: String) {}
}
