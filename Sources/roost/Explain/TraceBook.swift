import AdminServer
import Ground
import NIOConcurrencyHelpers
import XMPPServer

/// What a trace has seen and nobody has read: filled on the loop, read by the administration interface.
final class TraceBuffer: Sendable {
    private struct Content {
        var events: [AdminTraceEvent] = []
        var last = 0
        /// Monotonic milliseconds.
        var lastRead: Int64
    }

    /// Events that wait; the oldest give way.
    private static let capacity = 2_000
    /// Milliseconds without a reader after which a trace is given up.
    private static let patience: Int64 = 60_000

    private let content: NIOLockedValueBox<Content>
    private let time: any TimeSource

    init(time: any TimeSource) {
        self.time = time
        content = NIOLockedValueBox(Content(lastRead: time.uptime))
    }

    /// - Returns: false when nobody reads any more.
    func append(_ event: TraceEvent) -> Bool {
        let uptime = time.uptime
        return content.withLockedValue { content in
            guard uptime - content.lastRead < Self.patience else { return false }
            content.last += 1
            if content.events.count >= Self.capacity { content.events.removeFirst(Self.capacity / 10) }
            content.events.append(
                AdminTraceEvent(
                    number: content.last, at: Timestamp.format(event.at), direction: event.direction.rawValue,
                    client: event.client, kind: event.kind, stanza: event.stanza))
            return true
        }
    }

    /// Those up to `after` are not asked for again.
    func events(after: Int) -> [AdminTraceEvent] {
        let uptime = time.uptime
        return content.withLockedValue { content in
            content.lastRead = uptime
            content.events.removeAll { $0.number <= after }
            return Array(content.events.prefix(500))
        }
    }

    var isAbandoned: Bool {
        let uptime = time.uptime
        return content.withLockedValue { uptime - $0.lastRead >= Self.patience }
    }
}

/// The traces that run, by id.
final class TraceBook: Sendable {
    private let traces = NIOLockedValueBox<[String: (TraceBuffer, tap: Int)]>([:])

    func add(_ buffer: TraceBuffer, tap: Int) -> String {
        let id = String((0..<16).map { _ in "0123456789abcdef".randomElement() ?? "0" })
        traces.withLockedValue { $0[id] = (buffer, tap) }
        return id
    }

    /// Forgets traces that nobody reads; returns their taps, which are to be ended.
    func removeAbandoned() -> [Int] {
        traces.withLockedValue { traces in
            let abandoned = traces.filter { $0.value.0.isAbandoned }
            for id in abandoned.keys { traces[id] = nil }
            return abandoned.values.map(\.tap)
        }
    }

    subscript(_ id: String) -> (TraceBuffer, tap: Int)? { traces.withLockedValue { $0[id] } }

    func remove(_ id: String) -> (TraceBuffer, tap: Int)? {
        traces.withLockedValue { $0.removeValue(forKey: id) }
    }
}
