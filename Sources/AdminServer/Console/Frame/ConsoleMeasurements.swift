import Synchronization

/// How the server is, asked once for all pages of a few seconds: every page names the domain and the version.
final class ConsoleMeasurements: Sendable {
    /// Milliseconds for which an answer is good.
    static let age: Int64 = 5_000

    private let admin: AdminInterface
    private let last = Mutex<(uptime: Int64, status: AdminStatus)?>(nil)

    init(admin: AdminInterface) {
        self.admin = admin
    }

    /// Not older than a few seconds; nil when the server does not say.
    func status() async -> AdminStatus? {
        let uptime = admin.time.uptime
        if let kept = last.withLock({ $0 }), uptime - kept.uptime < Self.age { return kept.status }
        guard let status = try? await admin.backend.status() else { return nil }
        last.withLock { $0 = (uptime, status) }
        return status
    }
}
