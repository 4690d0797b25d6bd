import Foundation
import Storage
import StorageSQLite
import XMPPWire

@testable import IMCore

/// Runs `body`, with the account's row id, in a transaction of a fresh database that has that one account.
func inDatabaseOf(
    _ account: JID, _ body: @escaping @Sendable (Int64, any Transaction) throws -> Void
) async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("one-\(UUID()).db").path
    let database = try SQLiteDatabase(path: path, synchronous: .off)
    defer {
        try? database.close()
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }
    try await Migrator.apply(AccountSchema.migrations, to: database)
    let credentials = Credentials(preparedPassword: "x", of: account, iterations: 4_096, salt: [1])
    try await database.write { transaction in
        let id = try AccountStore.add(
            account, name: nil, isAdmin: false, credentials: credentials, now: 0, in: transaction)
        try body(id ?? 0, transaction)
    }
}
