import Ground
import Logging
import SIPWire

/// Senders of garbage, and of requests that fail: counted by address, and silenced when there are too many. One line a minute
/// in the log says who.
struct ScannerWatch {
    private static let perMinute = 60
    private var throttle = FailureThrottle(limit: perMinute)
    private var suspects: [String: Int] = [:]
    private var lastReport: Int64 = 0
    private var hasSuspects = false
    private let logger: Logger
    private var uptime: Int64 = 0

    init(logger: Logger) { self.logger = logger }

    /// Whether the address is still answered.
    func allows(_ remote: TransportAddress, _ uptime: Int64) -> Bool {
        !hasSuspects || throttle.allows(remote.originText, uptime: uptime)
    }

    mutating func garbage(from remote: TransportAddress) { failed(remote) }

    /// Something that only a scanner does so often: an unknown user, a wrong password, no SIP at all.
    mutating func failed(_ remote: TransportAddress) {
        let origin = remote.originText
        hasSuspects = true
        throttle.failed(origin, uptime: uptime)
        if suspects.count < 1_024 || suspects[origin] != nil { suspects[origin, default: 0] += 1 }
    }

    mutating func tick(_ uptime: Int64, _ counters: inout SIPCounters) {
        self.uptime = uptime
        guard hasSuspects, uptime - lastReport >= 60_000 else { return }
        lastReport = uptime
        let worst = suspects.filter { $0.value >= Self.perMinute }.sorted { $0.value > $1.value }
        if let first = worst.first {
            logger.warning(
                "addresses that seem to scan get no answers",
                metadata: [
                    "addresses": "\(worst.count)", "worst": "\(first.key)", "attempts": "\(first.value)",
                ])
        }
        if suspects.isEmpty { hasSuspects = false }
        suspects.removeAll(keepingCapacity: true)
    }
}
