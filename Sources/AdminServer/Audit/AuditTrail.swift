import Ground
import Logging
import NIOCore
import Storage
import Synchronization

/// Keeps what administrators did and tried to do.
public final class AuditTrail: Sendable {
    /// Refused attempts that are kept a minute; more of them are only counted.
    static let refusalsPerMinute = 300

    private struct Refusals {
        var minute: Int64 = -1
        var kept = 0
        var dropped = 0
    }

    private let database: any Database
    private let time: any TimeSource
    private let logger: Logger
    private let refusals = Mutex(Refusals())
    private let syslog = Mutex<AuditSyslog?>(nil)

    init(database: any Database, time: any TimeSource, logger: Logger) {
        self.database = database
        self.time = time
        self.logger = logger
    }

    /// Sends what is written from now on to a syslog server too; nil for none.
    public func setSyslog(_ target: SyslogTarget?, group: any EventLoopGroup) {
        syslog.withLock { syslog in
            guard syslog?.target != target else { return }
            syslog?.close()
            syslog = target.map { AuditSyslog($0, group: group, logger: logger) }
        }
    }

    /// Inside the transaction that makes the change.
    public func write(_ entry: AuditEntry, in transaction: any Transaction) throws {
        try AuditStore.add(entry, at: time.now, in: transaction)
        tell(entry)
    }

    /// - Throws: when the store does not take it: what was done and cannot be audited is an error of the call.
    public func write(_ entry: AuditEntry) async throws {
        let now = time.now
        try await database.write { try AuditStore.add(entry, at: now, in: $0) }
        tell(entry)
    }

    /// An attempt that did not succeed; bounded, and never an error.
    public func refused(_ entry: AuditEntry) async {
        let minute = time.uptime / 60_000
        let (isKept, dropped) = refusals.withLock { state in
            var before = 0
            if state.minute != minute {
                before = state.dropped
                state = Refusals(minute: minute)
            }
            guard state.kept < Self.refusalsPerMinute else {
                state.dropped += 1
                return (false, before)
            }
            state.kept += 1
            return (true, before)
        }
        if dropped > 0 {
            logger.warning("refused attempts were not audited one by one", metadata: ["count": "\(dropped)"])
        }
        guard isKept else { return }
        do {
            try await write(entry)
        } catch {
            logger.error("the audit cannot be written", metadata: ["error": "\(error)"])
        }
    }

    private func tell(_ entry: AuditEntry) {
        syslog.withLock { $0 }?.send(entry)
        logger.info(
            "audit",
            metadata: [
                "who": "\(entry.who)", "address": "\(entry.address)", "operation": "\(entry.operation)",
                "target": "\(entry.target)", "outcome": "\(entry.outcome.rawValue)",
            ])
    }
}
