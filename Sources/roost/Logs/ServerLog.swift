import AdminServer
import DequeModule
import Foundation
import Ground
import Logging
import NIOConcurrencyHelpers

/// The log of the process: what is written, in which form, and the last lines in memory for the console. Level and form
/// change live (settings `log.level`, `log.format`).
final class ServerLog: Sendable, AdminLogs {
    static let shared = ServerLog()

    private struct State {
        var level = Logger.Level.info
        var isJSON = false
        var recent = Deque<AdminLogLine>()
        var count = 0
    }

    private let state = NIOLockedValueBox(State())
    /// Lines kept in memory.
    static let capacity = 2_000

    var level: Logger.Level { state.withLockedValue { $0.level } }

    func configure(level: Logger.Level, isJSON: Bool) {
        state.withLockedValue {
            $0.level = level
            $0.isJSON = isJSON
        }
    }

    func write(_ line: AdminLogLine) {
        let isJSON = state.withLockedValue { state in
            state.count += 1
            var line = line
            line.number = state.count
            state.recent.append(line)
            if state.recent.count > Self.capacity { state.recent.removeFirst() }
            return state.isJSON
        }
        let text = isJSON ? line.json : line.text
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }

    func logs(_ query: AdminLogQuery) async throws -> [AdminLogLine] {
        let least = Logger.Level(rawValue: query.level ?? "") ?? .trace
        let wanted = query.text?.lowercased() ?? ""
        let lines = state.withLockedValue { Array($0.recent) }
        return lines.reversed().lazy.filter { line in
            (query.after.map { line.number > $0 } ?? true)
                && (Logger.Level(rawValue: line.level) ?? .trace) >= least
                && (wanted.isEmpty || line.text.lowercased().contains(wanted))
        }.prefix(query.limit).map { $0 }
    }
}

/// Writes to the log of the process.
struct ServerLogHandler: LogHandler {
    let label: String
    var metadata: Logger.Metadata = [:]

    init(_ label: String) { self.label = label }

    /// A level that a logger was given of its own is not kept: the setting counts.
    var logLevel: Logger.Level {
        get { ServerLog.shared.level }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let more = event.metadata { fields.merge(more) { $1 } }
        var texts = fields.mapValues { "\($0)" }
        if let error = event.error { texts["error"] = "\(error)" }
        ServerLog.shared.write(
            AdminLogLine(
                number: 0, at: Timestamp.format(Int64(Date().timeIntervalSince1970 * 1_000)),
                level: event.level.rawValue, source: event.source, message: "\(event.message)", fields: texts))
    }
}
