import Foundation
import Ground
import IMCore
import NIOCore
import NIOPosix
import Storage
import StorageSQLite
import Testing
import XMPPWire

@testable import XMPPServer

@Suite("Digests of old accounts")
struct DigestLearningTests {
    @Test("a password that PLAIN has proven gives the account its digests; a wrong one does not")
    func learned() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("digests-\(UUID()).db").path
        let database = try SQLiteDatabase(path: path, synchronous: .off)
        defer {
            try? database.close()
            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        }
        try await Migrator.apply(AccountSchema.migrations, to: database)
        let anna = JID(preparedLocal: "anna", domain: "example.com", resource: nil)
        var old = Credentials(preparedPassword: "secret", of: anna, iterations: 1, salt: [1])
        old.digests = nil
        let credentials = old
        try await database.write {
            _ = try AccountStore.add(anna, name: nil, isAdmin: false, credentials: credentials, now: 0, in: $0)
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        func check(_ password: String) async throws -> Bool {
            let promise = loop.makePromise(of: Bool.self)
            loop.execute {
                let service = AuthenticationService(
                    database: database, decoySecret: [1], config: C2SConfig(), loop: loop.assumeIsolated(),
                    time: SystemTime())
                service.check(password, of: anna) { promise.succeed($0 == .right) }
            }
            return try await promise.futureResult.get()
        }
        #expect(try await check("wrong") == false)
        // Writes are in order: this one comes after whatever the login has stored.
        func stored() async throws -> PasswordDigests? {
            try await database.write { try DigestCredentialStore.digests(of: anna, in: $0) }
        }
        #expect(try await stored() == nil)
        #expect(try await check("secret"))
        #expect(try await stored() == PasswordDigests(preparedPassword: "secret", of: anna))
        try await group.shutdownGracefully()
    }
}
