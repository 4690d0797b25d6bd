import Foundation
import Ground
import Logging
import NIOCore
import NIOPosix
import Storage
import StorageSQLite
import Testing
import XMPPWire

@testable import IMCore

/// Counts which of its stanzas are safe.
private final class Origin: MessageOrigin {
    var safe: [UInt64] = []
    func stanzaIsSafe(_ number: UInt64) { safe.append(number) }
}

@Suite("Journal")
struct JournalTests {
    /// A journal on a database of its own, with one account.
    private final class Bench {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let database: SQLiteDatabase
        let path: String
        let user: Int64

        init() async throws {
            path = FileManager.default.temporaryDirectory.appendingPathComponent("journal-\(UUID()).db").path
            let database = try SQLiteDatabase(path: path, synchronous: .normal)
            try await Migrator.apply(AccountSchema.migrations, to: database)
            let anna = JID(preparedLocal: "anna", domain: "localhost", resource: nil)
            let credentials = Credentials(preparedPassword: "x", of: anna, iterations: 4_096, salt: [1])
            user = try await database.write {
                try AccountStore.add(
                    anna, name: nil, isAdmin: false, credentials: credentials, now: 0, in: $0) ?? 0
            }
            self.database = database
        }

        deinit {
            try? database.close()
            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        }

        func rows() async throws -> Int { try await database.read { try JournalStore.countAll(in: $0) } }

        func archived() async throws -> Int64 {
            try await database.read { try $0.query("SELECT count(*) FROM messages", [])[0].integer(0) }
        }

        /// Runs `body` with a journal on the loop, then waits until nothing is left to commit.
        func run<Value: Sendable>(
            _ durability: Durability, window: TimeAmount = .milliseconds(1),
            _ body: @escaping @Sendable (Journal, Int64) -> (() -> Value)
        ) async throws -> Value {
            let promise = loop.makePromise(of: Value.self)
            let (database, user, loop) = (database, user, loop)
            loop.execute {
                let journal = Journal(
                    database: database, lastID: MessageID(0), durability: durability, gatherWindow: window,
                    loop: loop.assumeIsolated(), time: SystemTime(), logger: Logger(label: "test"))
                let finish = body(journal, user)
                journal.whenIdle {
                    _ = journal
                    promise.succeed(finish())
                }
            }
            return try await promise.futureResult.get()
        }
    }

    @Test("a message is acknowledged only once its row is there") func durable() async throws {
        let bench = try await Bench()
        let counts = try await bench.run(.process) { journal, user in
            let origin = Origin()
            let entry = journal.accept(
                id: journal.nextID(), userID: user, bytes: [60], origin: origin, number: 7)
            #expect(origin.safe.isEmpty)
            return { [origin.safe.count, entry.state == .durable ? 1 : 0] }
        }
        #expect(counts == [1, 1])
        #expect(try await bench.rows() == 1)
    }

    @Test("a message settled inside the gather window is acknowledged at once and never written")
    func settledEarly() async throws {
        let bench = try await Bench()
        let written = try await bench.run(.process, window: .seconds(30)) { journal, user in
            let origin = Origin()
            let entry = journal.accept(
                id: journal.nextID(), userID: user, bytes: [60], origin: origin, number: 3)
            journal.settle(entry)
            #expect(origin.safe == [3])
            journal.settle(entry)
            #expect(origin.safe == [3])
            return { journal.rowsWritten }
        }
        #expect(written == 0)
        #expect(try await bench.rows() == 0)
    }

    @Test("a message settled after its commit leaves the journal") func settledLate() async throws {
        let bench = try await Bench()
        _ = try await bench.run(.process) { journal, user in
            let entry = journal.accept(id: journal.nextID(), userID: user, bytes: [60], origin: nil, number: 0)
            journal.perform({ _ in }) { _ in journal.settle(entry) }
            return { 0 }
        }
        #expect(try await bench.rows() == 0)
    }

    @Test("with durability memory only what nobody could take is written") func memory() async throws {
        let bench = try await Bench()
        _ = try await bench.run(.memory) { journal, user in
            let origin = Origin()
            let live = journal.accept(
                id: journal.nextID(), userID: user, bytes: [60], origin: origin, number: 1)
            let offline = journal.accept(
                id: journal.nextID(), userID: user, bytes: [60], origin: origin, number: 2)
            #expect(origin.safe == [1, 2])
            journal.store(offline)
            journal.settle(live)
            return { 0 }
        }
        #expect(try await bench.rows() == 1)
    }

    @Test("a change that fails is undone alone; messages and other changes of the commit stay")
    func isolation() async throws {
        struct Refused: Error {}
        let bench = try await Bench()
        let outcomes = try await bench.run(.process) { journal, user in
            let log = Outcome<[Bool]>()
            log.value = []
            _ = journal.accept(id: journal.nextID(), userID: user, bytes: [60], origin: nil, number: 0)
            journal.perform({ transaction in
                try transaction.execute("DELETE FROM journal", [])
                throw Refused()
            }) { log.value?.append($0 is Refused) }
            journal.perform({ try AccountStore.setLastSeen(user, at: 5, status: nil, in: $0) }) {
                log.value?.append($0 == nil)
            }
            return { log.value ?? [] }
        }
        #expect(outcomes == [true, true])
        #expect(try await bench.rows() == 1)
    }

    @Test("a message to an account that was removed meanwhile does not stop the commit") func removed() async throws {
        let bench = try await Bench()
        let safe = try await bench.run(.process) { journal, user in
            let origin = Origin()
            _ = journal.accept(id: journal.nextID(), userID: user + 99, bytes: [60], origin: origin, number: 1)
            _ = journal.accept(id: journal.nextID(), userID: user, bytes: [60], origin: origin, number: 2)
            return { origin.safe.count }
        }
        #expect(safe == 2)
        #expect(try await bench.rows() == 1)
    }

    // MARK: Archived messages

    private static func record(_ user: Int64) -> ArchiveRecord {
        ArchiveRecord(
            sender: nil, recipient: user, from: Array("b@localhost/x".utf8), to: Array("anna@localhost".utf8))
    }

    @Test("an archived message that is settled early is written once, and its sender hears of it after the commit")
    func archivedEarly() async throws {
        let bench = try await Bench()
        let counts = try await bench.run(.process) { journal, user in
            let origin = Origin()
            let entry = journal.accept(
                id: journal.nextID(), userID: user, bytes: [60], record: Self.record(user), origin: origin, number: 3)
            journal.settle(entry)
            #expect(origin.safe.isEmpty)
            return { [origin.safe.count, entry.state == .settled ? 1 : 0] }
        }
        #expect(counts == [1, 1])
        #expect(try await bench.rows() == 0)
        #expect(try await bench.archived() == 1)
    }

    @Test("an archived message that nobody has keeps a slim row until it is settled") func archivedLate() async throws {
        let bench = try await Bench()
        let size = try await bench.run(.process) { journal, user in
            let size = Outcome<Int64>()
            let entry = journal.accept(
                id: journal.nextID(), userID: user, bytes: [60, 61, 62], record: Self.record(user), origin: nil,
                number: 0)
            journal.perform({ size.value = try $0.query("SELECT length(stanza) FROM journal", []).first?.integer(0) }) {
                _ in journal.settle(entry)
            }
            return { size.value ?? -1 }
        }
        #expect(size == 0)
        #expect(try await bench.rows() == 0)
        #expect(try await bench.archived() == 1)
    }

    @Test("with durability memory an archived message is written for the archive, and for delivery once nobody has it")
    func archivedMemory() async throws {
        let bench = try await Bench()
        _ = try await bench.run(.memory) { journal, user in
            let origin = Origin()
            let ids = (journal.nextID(), journal.nextID())
            let before = journal.accept(
                id: ids.0, userID: user, bytes: [60], record: Self.record(user), origin: origin, number: 1)
            let during = journal.accept(
                id: ids.1, userID: user, bytes: [60], record: Self.record(user), origin: origin, number: 2)
            #expect(origin.safe == [1, 2])
            journal.flush()
            // Under way, and after it.
            journal.store(during)
            journal.perform({ _ in }) { _ in journal.store(before) }
            return { 0 }
        }
        #expect(try await bench.rows() == 2)
        #expect(try await bench.archived() == 2)
    }

    @Test("everything accepted before is in the index when a query wants it") func indexed() async throws {
        let bench = try await Bench()
        let count = try await bench.run(.process, window: .seconds(30)) { journal, user in
            let count = Outcome<Int>()
            for _ in 0..<3 {
                journal.settle(
                    journal.accept(
                        id: journal.nextID(), userID: user, bytes: [60], record: Self.record(user), origin: nil,
                        number: 0))
            }
            journal.whenIndexed {
                journal.perform({
                    count.value = try ArchiveStore.count(
                        ArchiveStore.Selection(archive: user), limit: 10, in: $0)
                })
            }
            return { count.value ?? -1 }
        }
        #expect(count == 3)
    }
}
