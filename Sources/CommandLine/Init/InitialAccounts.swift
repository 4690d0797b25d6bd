import Foundation
import IMCore
import Storage
import StorageSQLite
import XMPPWire

/// An account that exists before the server first starts.
struct InitialAccount: Sendable {
    /// Prepared bare address.
    var jid: JID
    var password: String
    var name: String?
    var isAdmin = false
    /// Contacts with a subscription in both directions; each must be among the accounts too.
    var contacts: [JID] = []
}

/// Creates the database and puts the first accounts into it. No server may run on it.
///
/// - Parameters:
///   - databasePath: absolute path; the file is created with mode 0600 when missing.
///   - iterations: PBKDF2 rounds of the passwords.
///   - now: instant of creation.
/// - Throws: `CommandFailure` for a password that cannot be one or an account that exists, `StorageFailure` when the
///   file cannot be used. Accounts are stored all or none.
func createAccounts(
    databasePath: String, accounts: [InitialAccount], iterations: Int, now: Date
) async throws {
    let rows = try accounts.map { account in
        let password: String
        do {
            password = try JIDPreparation.password(account.password)
        } catch {
            throw CommandFailure("the password of \(account.jid) is not allowed: \(error)")
        }
        let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        return (account, Credentials(preparedPassword: password, of: account.jid, iterations: iterations, salt: salt))
    }
    // SQLite gives its other files the mode of this one.
    let files = FileManager.default
    guard
        files.fileExists(atPath: databasePath)
            || files.createFile(atPath: databasePath, contents: nil, attributes: [.posixPermissions: 0o600])
    else { throw CommandFailure("\(databasePath) cannot be made: \(String(cString: strerror(errno)))") }
    let database = try SQLiteDatabase(path: databasePath, synchronous: .full)
    do {
        try await Migrator.apply(AccountSchema.migrations, to: database)
        let milliseconds = Int64(now.timeIntervalSince1970 * 1_000)
        let taken = try await database.write { transaction -> JID? in
            for (account, _) in rows where try AccountStore.account(account.jid, in: transaction) != nil {
                return account.jid
            }
            for (account, credentials) in rows {
                let id = try AccountStore.add(
                    account.jid, name: account.name, isAdmin: account.isAdmin, credentials: credentials,
                    now: milliseconds, in: transaction)
                // Throwing undoes the accounts before it.
                guard let id else { throw StorageFailure("the account \(account.jid) is given twice") }
                for contact in account.contacts { try befriend(contact, of: id, in: transaction) }
            }
            return nil
        }
        if let taken { throw CommandFailure("the account \(taken) exists already") }
        try database.close()
    } catch {
        try? database.close()
        throw error
    }
}

/// Puts `contact` into the roster of a user with a subscription in both directions.
private func befriend(_ contact: JID, of userID: Int64, in transaction: any Transaction) throws {
    let both: Int64 = 1 | 2
    let visible: Int64 = 32
    try transaction.execute(
        """
        INSERT INTO roster (user_id, contact, name, contact_groups, state, request) VALUES (?, ?, ?, '', ?, NULL)
        """,
        [.integer(userID), .text(contact.description), .text(contact.local ?? ""), .integer(both | visible)])
}
