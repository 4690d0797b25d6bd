import Dispatch
import Foundation
import GRDB
import Logging
import Storage

/// The embedded engine: SQLite in WAL mode, one writer, one reader, checkpoints on a connection of their own.
///
/// GRDB opens and configures the connections and keeps prepared statements; binding is done through the
/// C interface (`SQLiteTransaction`) because it is on the journal's path.
public final class SQLiteDatabase: Storage.Database {
    /// What a finished write survives.
    public enum Synchronous: String, Sendable {
        /// Power loss: the log is flushed at every commit.
        case full = "FULL"
        /// The end of the process: the log is written, the system flushes it when it likes.
        case normal = "NORMAL"
        /// Nothing is promised.
        case off = "OFF"

        fileprivate var pragmaValue: Int {
            switch self {
            case .full: 2
            case .normal: 1
            case .off: 0
            }
        }
    }

    private let writer: DatabaseQueue
    private let reader: DatabaseQueue
    private let checkpointer: DatabaseQueue
    // Safe: set once here, then only cancelled; dispatch sources take calls from any thread.
    nonisolated(unsafe) private let checkpointTimer: any DispatchSourceTimer
    private let logger: Logger

    /// Opens or creates the file.
    /// - Throws: `StorageFailure` when the file cannot be used or the pragma did not take.
    public init(path: String, synchronous: Synchronous, logger: Logger = Logger(label: "storage")) throws {
        self.logger = logger
        writer = try Self.open(path, readOnly: false, label: "roost.storage.writer")
        try writer.inDatabase { connection in
            // Set after opening and read back: what is set while a connection is prepared does not last.
            try connection.execute(sql: "PRAGMA synchronous = \(synchronous.rawValue)")
            let value = try Int.fetchOne(connection, sql: "PRAGMA synchronous")
            guard value == synchronous.pragmaValue else {
                throw StorageFailure("\(path): synchronous is \(value ?? -1), not \(synchronous.rawValue)")
            }
            try connection.execute(sql: "PRAGMA wal_autocheckpoint = 0")
        }
        reader = try Self.open(path, readOnly: true, label: "roost.storage.reader")
        checkpointer = try Self.open(path, readOnly: false, label: "roost.storage.checkpoint")
        checkpointTimer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "roost.storage.timer"))
        checkpointTimer.schedule(deadline: .now() + 2, repeating: 2)
        checkpointTimer.setEventHandler { [checkpointer, logger] in
            Self.checkpoint(checkpointer, "PASSIVE", path: path, logger: logger)
        }
        checkpointTimer.resume()
    }

    /// Changes what finished writes survive, from the next one on.
    public func setSynchronous(_ synchronous: Synchronous) {
        writer.asyncWriteWithoutTransaction { [logger] connection in
            do { try connection.execute(sql: "PRAGMA synchronous = \(synchronous.rawValue)") } catch {
                logger.error("the durability could not be changed", metadata: ["error": "\(error)"])
            }
        }
    }

    private static func open(_ path: String, readOnly: Bool, label: String) throws -> DatabaseQueue {
        var configuration = GRDB.Configuration()
        configuration.label = label
        configuration.readonly = readOnly
        configuration.journalMode = readOnly ? .default : .wal
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = true
        do {
            return try DatabaseQueue(path: path, configuration: configuration)
        } catch {
            throw StorageFailure("\(path): \(error)")
        }
    }

    /// Copies the log into the file. Skipped while the log is small, because it costs two flushes.
    private static func checkpoint(_ queue: DatabaseQueue, _ mode: String, path: String, logger: Logger) {
        let size = (try? FileManager.default.attributesOfItem(atPath: path + "-wal")[.size] as? Int) ?? 0
        guard size > 1_048_576 else { return }
        do {
            // Past 64 MiB the log is also emptied, so that it cannot grow without end under constant reading.
            let mode = size > 67_108_864 ? "TRUNCATE" : mode
            try queue.inDatabase { try $0.execute(sql: "PRAGMA wal_checkpoint(\(mode))") }
        } catch {
            logger.debug("checkpoint postponed", metadata: ["error": "\(error)"])
        }
    }

    public func write(
        _ body: @escaping @Sendable (any Transaction) throws -> Void,
        completion: @escaping @Sendable ((any Error)?) -> Void
    ) {
        writer.asyncWriteWithoutTransaction { connection in
            do {
                try connection.inTransaction(.immediate) {
                    try body(SQLiteTransaction(connection))
                    return .commit
                }
                completion(nil)
            } catch {
                completion(StorageFailure("\(error)"))
            }
        }
    }

    public func read(
        _ body: @escaping @Sendable (any Transaction) throws -> Void,
        completion: @escaping @Sendable ((any Error)?) -> Void
    ) {
        reader.asyncRead { result in
            do {
                try body(SQLiteTransaction(try result.get()))
                completion(nil)
            } catch {
                completion(StorageFailure("\(error)"))
            }
        }
    }

    public func close() throws {
        checkpointTimer.cancel()
        try reader.close()
        try checkpointer.close()
        // The last connection to close copies the log into the file.
        try writer.close()
    }
}
