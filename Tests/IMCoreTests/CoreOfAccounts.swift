import Foundation
import Ground
import Logging
import NIOCore
import NIOPosix
import Storage
import StorageSQLite
import XMPPWire

@testable import IMCore

/// Runs `body` on the loop of a core with these accounts at example.com, until it gives a value.
func inCore<Value: Sendable>(
    _ names: [String], policies: PolicyTable = PolicyTable(),
    _ body: @escaping @Sendable (Router, @escaping (Value) -> Void) -> Void
) async throws -> Value {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("core-\(UUID()).db").path
    let database = try SQLiteDatabase(path: path, synchronous: .off)
    defer {
        try? database.close()
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }
    try await Migrator.apply(AccountSchema.migrations, to: database)
    let anybody = JID(preparedLocal: "anybody", domain: "example.com", resource: nil)
    let credentials = Credentials(preparedPassword: "x", of: anybody, iterations: 4_096, salt: [1])
    try await database.write { transaction in
        for name in names {
            let jid = JID(preparedLocal: name, domain: "example.com", resource: nil)
            var credentials = credentials
            credentials.digests = PasswordDigests(preparedPassword: "x", of: jid)
            _ = try AccountStore.add(
                jid, name: nil, isAdmin: false, credentials: credentials, now: 0, in: transaction)
        }
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let promise = loop.makePromise(of: Value.self)
    loop.execute {
        var logger = Logger(label: "core")
        logger.logLevel = .critical
        let (isolated, time) = (loop.assumeIsolated(), SystemTime())
        let journal = Journal(
            database: database, lastID: MessageID(0), durability: .memory, gatherWindow: .milliseconds(1),
            loop: isolated, time: time, logger: logger)
        let router = Router(
            database: database, journal: journal, domains: ["example.com"], config: CoreConfig(), loop: isolated,
            time: time, logger: logger)
        router.policiesChanged(policies)
        body(router) { promise.succeed($0) }
    }
    let value = try await promise.futureResult.get()
    try await group.shutdownGracefully()
    return value
}
