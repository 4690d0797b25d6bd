import Foundation
import Ground
import Logging
import NIOPosix
import Storage

/// What every face of the administration shares.
public final class AdminInterface: Sendable {
    public let backend: any AdminBackend
    public let parts: AdminParts
    public let database: any Database
    public let access: AccessService
    public let audit: AuditTrail
    public let time: any TimeSource
    public let logger: Logger
    let table: OperationTable
    let paths = PathLocks()
    let idempotency: IdempotencyKeys
    /// Work that goes on behind the scenes; runs once `start` was called.
    public let jobs: JobEngine

    /// - Parameters:
    ///   - database: has the tables of `AdminSchema`.
    ///   - jobsFolder: where files of jobs are, made with the first of them; nil for a new one among temporary files.
    public init(
        backend: any AdminBackend, parts: AdminParts = AdminParts(), database: any Database,
        operations: [AdminOperation] = AdminOperations.all, settings: AccessSettings = .init(),
        jobsFolder: String? = nil, time: any TimeSource, logger: Logger
    ) {
        self.backend = backend
        self.parts = parts
        self.database = database
        self.time = time
        self.logger = logger
        audit = AuditTrail(database: database, time: time, logger: logger)
        access = AccessService(database: database, audit: audit, settings: settings, time: time, logger: logger)
        table = OperationTable(operations)
        idempotency = IdempotencyKeys(time: time)
        jobs = JobEngine(
            kinds: ContactOperations.kinds,
            folder: jobsFolder ?? FileManager.default.temporaryDirectory.path + "/roost-jobs-\(UUID())",
            context: JobContext(backend: backend, database: database, time: time, logger: logger))
    }

    /// A transaction that may refuse: what throws `AdminError` is undone, and the error arrives as it is.
    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Value
    ) async throws -> Value {
        // Engines tell their own errors; the refusal is carried past them.
        let refusal = Outcome<AdminError>()
        do {
            return try await database.write { transaction in
                do {
                    return try body(transaction)
                } catch let error as AdminError {
                    refusal.value = error
                    throw error
                }
            }
        } catch {
            throw refusal.value ?? error
        }
    }

    /// Milliseconds since 1970.
    public var now: Int64 { time.now }
    public var operations: [AdminOperation] { table.operations }
}

/// Tables of the administration interface; migrated after those of accounts.
public enum AdminSchema {
    public static let migrations: [Migration] = AccessSchema.migrations + AuditSchema.migrations + JobSchema.migrations
}
