import Foundation
import Storage
import StorageSQLite
import Testing
import XMPPWire

@testable import IMCore

@Suite("What is known of files")
struct FileStoreTests {
    private static let anna = JID(preparedLocal: "anna", domain: "localhost", resource: nil)

    private static func file(_ name: String, _ size: Int = 10, at instant: Int64 = 5) -> FileRecord {
        FileRecord(name: name, filename: "a b.txt", type: "text/plain", size: size, storedAt: instant)
    }

    @Test("a file is found by its name, counted for its user, and ends with its time")
    func life() async throws {
        try await inDatabaseOf(Self.anna) { id, transaction in
            let (one, two) = (Self.file("one"), Self.file("two", 20, at: 7))
            #expect(try FileStore.add(one, of: id, Self.anna, in: transaction))
            #expect(try FileStore.add(two, of: id, Self.anna, in: transaction))
            #expect(try FileStore.file("one", in: transaction) == one)
            #expect(try FileStore.file("three", in: transaction) == nil)
            let (all, later) = (
                try FileStore.uses(of: id, since: 0, limit: 9, in: transaction),
                try FileStore.uses(of: id, since: 5, limit: 9, in: transaction)
            )
            #expect(all == [.init(at: 5, size: 10), .init(at: 7, size: 20)] && later == [.init(at: 7, size: 20)])
            let (none, old) = (
                try FileStore.ended(before: 0, limit: 9, in: transaction),
                try FileStore.ended(before: 7, limit: 9, in: transaction)
            )
            #expect(none.isEmpty && old == ["one"])
            try FileStore.remove(["one"], in: transaction)
            #expect(try FileStore.file("one", in: transaction) == nil)
        }
    }

    @Test("the files of a removed account are hidden at once and known until they are swept")
    func orphans() async throws {
        try await inDatabaseOf(Self.anna) { id, transaction in
            #expect(try FileStore.add(Self.file("one"), of: id, Self.anna, in: transaction))
            #expect(try AccountStore.remove(Self.anna, in: transaction))
            #expect(try FileStore.file("one", in: transaction) == nil)
            let orphans = try FileStore.ended(before: 0, limit: 9, in: transaction)
            #expect(orphans == ["one"])
            let isKept = try FileStore.add(Self.file("late"), of: id, Self.anna, in: transaction)
            #expect(!isKept)
        }
    }

    @Test("a quota tells when enough of what was uploaded does not count any more")
    func quota() {
        let ends = [FileStore.Use(at: 10, size: 50), .init(at: 20, size: 30), .init(at: 30, size: 20)]
        func room(_ size: Int, bytes: Int, files: Int = 10) -> Int64? {
            FileService.room(for: size, ends, bytes: bytes, files: files)
        }
        #expect(room(1, bytes: 0) == nil && room(100, bytes: 200) == nil)
        #expect(room(101, bytes: 200) == 10 && room(151, bytes: 200) == 20 && room(200, bytes: 200) == 30)
        #expect(room(1, bytes: 0, files: 3) == 10 && room(1, bytes: 0, files: 4) == nil)
    }
}
