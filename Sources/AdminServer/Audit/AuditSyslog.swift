import Foundation
import Logging
import NIOCore
import NIOPosix

/// Sends the audit to a syslog server. What cannot be sent waits, up to a bound; the store has it in any case.
final class AuditSyslog: Sendable {
    /// Entries that wait for a server that does not answer; more are left out, and the log says how many.
    static let waiting = 1_000
    /// Seconds between two attempts to reach the server.
    static let retrySeconds: Int64 = 5

    let target: SyslogTarget
    private let entries: AsyncStream<AuditEntry>.Continuation
    private let task: Task<Void, Never>
    private let logger: Logger

    init(_ target: SyslogTarget, group: any EventLoopGroup, logger: Logger) {
        self.target = target
        self.logger = logger
        let (stream, continuation) = AsyncStream.makeStream(
            of: AuditEntry.self, bufferingPolicy: .bufferingOldest(Self.waiting))
        entries = continuation
        let loop = group.next()
        task = Task { await Self.send(stream, to: target, loop: loop, logger: logger) }
    }

    func send(_ entry: AuditEntry) {
        if case .dropped = entries.yield(entry) {
            logger.warning("an entry of the audit was not sent to syslog: it does not answer")
        }
    }

    func close() {
        entries.finish()
        task.cancel()
    }

    private static func send(
        _ entries: AsyncStream<AuditEntry>, to target: SyslogTarget, loop: any EventLoop, logger: Logger
    ) async {
        var channel: (any Channel)?
        var isTold = false
        let host = ProcessInfo.processInfo.hostName
        for await entry in entries {
            let text = SyslogMessage.text(entry, host: host, process: ProcessInfo.processInfo.processIdentifier)
            while !Task.isCancelled {
                do {
                    let open: any Channel
                    if let channel, channel.isActive { open = channel } else { open = try await connect(target, loop) }
                    channel = open
                    try await open.writeAndFlush(
                        ByteBuffer(string: target.transport == .tcp ? SyslogMessage.framed(text) : text))
                    isTold = false
                    break
                } catch {
                    // A datagram that is lost is lost: nobody waits for it.
                    if target.transport == .udp, channel?.isActive == true { break }
                    channel = nil
                    if !isTold {
                        logger.warning("syslog cannot be reached", metadata: ["error": "\(error)"])
                        isTold = true
                    }
                    try? await loop.scheduleTask(in: .seconds(retrySeconds)) {}.futureResult.get()
                }
            }
        }
        try? await channel?.close()
    }

    private static func connect(_ target: SyslogTarget, _ loop: any EventLoop) async throws -> any Channel {
        switch target.transport {
        case .udp: try await DatagramBootstrap(group: loop).connect(host: target.host, port: target.port).get()
        case .tcp:
            try await ClientBootstrap(group: loop).connectTimeout(.seconds(5))
                .connect(host: target.host, port: target.port).get()
        }
    }
}
