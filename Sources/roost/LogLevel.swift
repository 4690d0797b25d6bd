import Logging
import NIOConcurrencyHelpers

/// Least important level that is written; one for the whole process, changed live (setting `log.level`).
enum LogLevel {
    private static let box = NIOLockedValueBox(Logger.Level.info)

    static var current: Logger.Level {
        get { box.withLockedValue { $0 } }
        set { box.withLockedValue { $0 = newValue } }
    }
}

/// Writes through another handler what is important enough at the moment.
struct LevelledLogHandler: LogHandler {
    var handler: any LogHandler

    init(_ handler: any LogHandler) {
        self.handler = handler
        self.handler.logLevel = .trace
    }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }

    /// A level that a logger was given of its own is not kept: the setting counts.
    var logLevel: Logger.Level {
        get { LogLevel.current }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { handler.log(event: event) }
}
