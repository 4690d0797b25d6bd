import Foundation
import Ground
import Storage
import StorageSQLite
import XMPPWire

@testable import IMCore

/// A database with two accounts, for tests of the archive.
final class ArchiveBench {
    let database: SQLiteDatabase
    private let path: String
    private(set) var alice: Int64 = 0
    private(set) var bob: Int64 = 0

    init() async throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("archive-\(UUID()).db").path
        database = try SQLiteDatabase(path: path, synchronous: .off)
        try await Migrator.apply(AccountSchema.migrations, to: database)
        alice = try await add("alice")
        bob = try await add("bob")
    }

    deinit {
        try? database.close()
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    func add(_ name: String) async throws -> Int64 {
        let jid = JID(preparedLocal: name, domain: "example.com", resource: nil)
        let credentials = Credentials(preparedPassword: "x", of: jid, iterations: 4_096, salt: [1])
        return try await database.write {
            try AccountStore.add(
                jid, name: nil, isAdmin: false, credentials: credentials, now: 0, in: $0) ?? 0
        }
    }

    func remove(_ name: String) async throws {
        _ = try await database.write {
            try AccountStore.remove(JID(preparedLocal: name, domain: "example.com", resource: nil), in: $0)
        }
    }

    /// Message `number` of alice to bob; every tenth goes to carol, every third comes from the phone.
    func fill(_ numbers: Range<Int>, index: Bool = true) async throws {
        let (alice, bob) = (alice, bob)
        try await database.write { transaction in
            for number in numbers {
                let isToCarol = number % 10 == 0
                let (from, to) = (
                    "alice@example.com/\(number % 3 == 0 ? "phone" : "desk")",
                    isToCarol ? "carol@example.com" : "bob@example.com/desk"
                )
                try ArchiveStore.add(
                    Self.id(number),
                    ArchiveRecord(
                        sender: alice, recipient: isToCarol ? nil : bob, from: Array(from.utf8), to: Array(to.utf8)),
                    stanza: Array(
                        "<message from='\(from)' to='\(to)' id='m\(number)'><body>Number \(number)</body></message>"
                            .utf8),
                    in: transaction)
            }
            if index { try ArchiveStore.index(upTo: Self.id(numbers.upperBound).value - 1, in: transaction) }
        }
    }

    /// One message a second.
    static func id(_ number: Int) -> MessageID { MessageID(Int64(number) * 1_000 << 16) }

    func find(_ archive: Int64, _ change: (inout ArchiveQuery) -> Void = { _ in }) async throws -> ArchivePage {
        var query = ArchiveQuery()
        change(&query)
        var reading = ArchiveReading(query, archive: archive)
        while reading.page == nil {
            let current = reading
            reading = try await database.read {
                var next = current
                try next.step(in: $0)
                return next
            }
        }
        return reading.page ?? ArchivePage()
    }
}

extension ArchivePage {
    /// The numbers of the messages.
    var numbers: [Int] { messages.map { Int($0.id.value >> 16) / 1_000 } }
}
