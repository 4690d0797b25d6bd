import Ground
import Storage
import Testing
import XMLWire
import XMPPWire

@testable import IMCore

@Suite("The archive's tables")
struct ArchiveStoreTests {
    private func rows(_ bench: ArchiveBench, _ table: String) async throws -> Int64 {
        try await bench.database.read { try $0.query("SELECT count(*) FROM \(table)", [])[0].integer(0) }
    }

    @Test("the index is made in batches, once, and late messages are entered too") func indexing() async throws {
        let bench = try await ArchiveBench()
        try await bench.fill(1..<10, index: false)
        #expect(try await bench.find(bench.alice).messages.isEmpty)
        try await bench.fill(11..<21)
        #expect(try await bench.find(bench.alice).messages.count == 19)
        try await bench.fill(10..<11, index: false)
        try await bench.database.write { transaction in
            for _ in 0..<2 { try ArchiveStore.indexLate(ArchiveBench.id(10), in: transaction) }
            try ArchiveStore.index(upTo: ArchiveBench.id(20).value, in: transaction)
        }
        #expect(try await bench.find(bench.alice).numbers == Array(1..<21))
        #expect(try await rows(bench, "messages") == 20)
        #expect(try await rows(bench, "archive") == 38)
    }

    @Test("a message to oneself is there once") func toOneself() async throws {
        let bench = try await ArchiveBench()
        let alice = bench.alice
        try await bench.database.write { transaction in
            let address = Array("alice@example.com/desk".utf8)
            try ArchiveStore.add(
                ArchiveBench.id(1), ArchiveRecord(sender: alice, recipient: alice, from: address, to: address),
                stanza: [60], in: transaction)
            try ArchiveStore.index(upTo: ArchiveBench.id(1).value, in: transaction)
        }
        #expect(try await bench.find(alice).numbers == [1])
        #expect(try await bench.find(alice) { $0.with = try? JID(parsing: "alice@example.com") }.numbers == [1])
    }

    @Test("what is too old goes, oldest first and a little at a time; what is to be delivered stays")
    func retention() async throws {
        let bench = try await ArchiveBench()
        try await bench.fill(1..<101)
        let bob = bench.bob
        let cutoff = ArchiveBench.id(51).value
        let more = try await bench.database.write { transaction in
            try transaction.execute(
                "INSERT INTO journal (id, user_id, stanza) VALUES (?, ?, ?)",
                [.integer(ArchiveBench.id(7).value), .integer(bob), .blob([])])
            return try ArchiveStore.sweep(before: cutoff, limit: 20, in: transaction)
        }
        #expect(more)
        #expect(try await bench.find(bench.alice).numbers == [7] + Array(22..<101))
        for _ in 0..<2 {
            _ = try await bench.database.write { try ArchiveStore.sweep(before: cutoff, limit: 20, in: $0) }
        }
        #expect(try await bench.find(bench.alice).numbers == [7] + Array(51..<101))
        #expect(try await rows(bench, "messages") == 51)
        #expect(try await bench.database.write { try ArchiveStore.sweep(before: cutoff, limit: 20, in: $0) } == false)
    }

    @Test("a removed account's archive goes bit by bit, the other's stays, and nobody inherits it")
    func removal() async throws {
        let bench = try await ArchiveBench()
        try await bench.fill(1..<31, index: false)
        try await bench.remove("bob")
        let heir = try await bench.add("carol")
        #expect(heir > bench.bob)
        #expect(try await bench.find(heir).messages.isEmpty)
        while try await bench.database.write({ try ArchiveStore.sweep(before: 0, limit: 10, in: $0) }) {}
        #expect(try await bench.find(bench.bob).messages.isEmpty)
        #expect(try await bench.find(bench.alice).messages.count == 30)
        try await bench.remove("alice")
        while try await bench.database.write({ try ArchiveStore.sweep(before: 0, limit: 10, in: $0) }) {}
        #expect(try await rows(bench, "messages") == 0)
        #expect(try await rows(bench, "archive") == 0)
        #expect(try await rows(bench, "archive_leftovers") == 0)
    }

    @Test("offline delivery finds the stanza in the archive, and ids continue after it") func offline() async throws {
        let bench = try await ArchiveBench()
        try await bench.fill(1..<3)
        let bob = bench.bob
        let page = try await bench.database.write { transaction in
            for (id, stanza) in [(ArchiveBench.id(2), []), (ArchiveBench.id(3), Array("<message/>".utf8))] {
                try transaction.execute(
                    "INSERT INTO journal (id, user_id, stanza) VALUES (?, ?, ?)",
                    [.integer(id.value), .integer(bob), .blob(stanza)])
            }
            return try JournalStore.page(bob, after: MessageID(0), limit: 10, bytes: 10_000, in: transaction)
        }
        #expect(page.messages.map(\.id) == [ArchiveBench.id(2), ArchiveBench.id(3)])
        #expect(String(decoding: page.messages[0].stanza, as: UTF8.self).contains("Number 2"))
        #expect(page.messages[1].stanza == Array("<message/>".utf8))
        #expect(try await bench.database.read { try JournalStore.lastID(in: $0) } == ArchiveBench.id(3))
    }

    @Test("a tombstone says who, when and that it was retracted, and keeps the ids") func tombstone() throws {
        let stanza = Array(
            """
            <message from='a@example.com/x' to='b@example.com' type='chat' id='1'><body>secret</body><origin-id \
            xmlns='urn:xmpp:sid:0' id='o'/><stanza-id xmlns='urn:xmpp:sid:0' id='s' by='b@example.com'/></message>
            """.utf8)
        let mark = XMLElement("retracted", namespace: RetractedMessage.namespace, attributes: ["stamp": "now"])
        let text = String(decoding: RetractedMessage.tombstone(of: stanza, with: mark), as: UTF8.self)
        #expect(
            text == """
                <message from='a@example.com/x' to='b@example.com' type='chat' id='1'><retracted \
                xmlns='urn:xmpp:message-retract:1' stamp='now'/><origin-id xmlns='urn:xmpp:sid:0' id='o'/><stanza-id \
                xmlns='urn:xmpp:sid:0' id='s' by='b@example.com'/></message>
                """)
    }
}
