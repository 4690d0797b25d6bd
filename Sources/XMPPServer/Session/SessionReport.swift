import IMCore

/// What an administrator sees of a session.
public struct SessionReport: Sendable {
    public var jid: String
    public var address: String
    public var tls: String
    public var mechanism: String
    public var isHibernating: Bool
    public var presence: String
    public var priority: Int
    public var streamManagement: Bool
    public var carbons: Bool
    public var unacknowledged: Int
    /// Milliseconds since 1970.
    public var boundAt: Int64
    /// Software and device as the client named them (XEP-0388); empty when it did not.
    public var client: String
}

extension C2SServer {
    /// Every bound session, those that wait for resumption included.
    public var sessionReports: [SessionReport] {
        sessions.values.filter { $0.phase == .bound }.map { session in
            SessionReport(
                jid: session.label, address: session.remoteAddress, tls: session.tlsVersion,
                mechanism: session.mechanism, isHibernating: session.isHibernating,
                presence: session.availability?.show ?? "unavailable",
                priority: Int(session.availability?.priority ?? 0),
                streamManagement: session.streamManagement != nil, carbons: session.wantsCarbons,
                unacknowledged: session.streamManagement?.unacked.count ?? session.written.count,
                boundAt: session.boundAt, client: session.userAgent?.title ?? "")
        }
    }

    public var uptimeSeconds: Int { Int((time.uptime - startedAt) / 1_000) }
}
