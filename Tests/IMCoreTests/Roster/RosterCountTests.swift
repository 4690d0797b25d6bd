import Foundation
import Storage
import Testing
import XMPPWire

@testable import IMCore

@Suite("Users at their limits")
struct RosterCountTests {
    private static let alice = JID(preparedLocal: "alice", domain: "example.com", resource: nil)

    private static func save(
        _ count: Int, bits: Int64, of id: Int64, prefix: String, in transaction: any Transaction
    ) throws {
        for number in 0..<count {
            let contact = JID(preparedLocal: "\(prefix)\(number)", domain: "example.com", resource: nil)
            try RosterStore.save(
                RosterRecord(contact: contact, name: "", groups: [], state: bits, request: nil), of: id,
                in: transaction)
        }
        try RosterCountStore.recount(id, in: transaction)
    }

    private static func policies(contacts: Int = 0, watchers: Int = 0) -> PolicyTable {
        var values = UserPolicy.Values()
        values.presence.contacts = contacts
        values.presence.watchers = watchers
        var table = PolicyTable()
        table.deployment = UserPolicy(values)
        return table
    }

    @Test("contacts are the visible items, watchers those with a subscription from")
    func counting() async throws {
        try await inDatabaseOf(Self.alice) { id, transaction in
            // 1 to, 2 from, 8 an open request, 32 visible.
            try Self.save(3, bits: 32 | 1, of: id, prefix: "a", in: transaction)
            try Self.save(2, bits: 32 | 3, of: id, prefix: "b", in: transaction)
            try Self.save(4, bits: 8, of: id, prefix: "c", in: transaction)
            let found = try RosterCountStore.users(
                contacts: 5, watchers: 99, after: nil, limit: 10, in: transaction)
            #expect(found == [.init(user: Self.alice, contacts: 5, watchers: 2)])
            for number in 0..<3 {
                let contact = JID(preparedLocal: "a\(number)", domain: "example.com", resource: nil)
                try RosterStore.remove(contact, of: id, in: transaction)
            }
            try RosterCountStore.recount(id, in: transaction)
            #expect(
                try RosterCountStore.users(contacts: 3, watchers: 99, after: nil, limit: 10, in: transaction).isEmpty)
        }
    }

    @Test("a user is named with the limit that is reached, by the policy of that user")
    func naming() async throws {
        try await inDatabaseOf(Self.alice) { id, transaction in
            try Self.save(5, bits: 32 | 3, of: id, prefix: "a", in: transaction)
            let limit = ContactLimit(count: 5, limit: 5)
            #expect(
                try UserAtLimit.all(Self.policies(contacts: 5), in: transaction)
                    == [UserAtLimit(user: Self.alice, contacts: limit, watchers: nil)])
            #expect(
                try UserAtLimit.all(Self.policies(watchers: 5), in: transaction)
                    == [UserAtLimit(user: Self.alice, contacts: nil, watchers: limit)])
            #expect(try UserAtLimit.all(Self.policies(contacts: 6), in: transaction).isEmpty)
            #expect(try UserAtLimit.all(Self.policies(), in: transaction).isEmpty)
            var table = Self.policies(contacts: 5)
            table.users["alice@example.com"] = Self.policies(contacts: 6).deployment
            #expect(try UserAtLimit.all(table, in: transaction).isEmpty)
        }
    }

    @Test("among 25,000 users with 200 contacts each, those at a limit are found in less than 300 ms")
    func speed() async throws {
        try await inDatabaseOf(Self.alice) { _, transaction in
            try transaction.execute(
                """
                WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 25001)
                INSERT INTO users (id, domain, localpart, is_admin, created_ms, roster_version, scram_iterations,
                    scram_salt, sha1_stored, sha1_server, sha256_stored, sha256_server)
                SELECT i, 'example.com', 'user' || i, 0, 0, 0, 1, x'', x'', x'', x'', x'' FROM n
                """, [])
            try transaction.execute(
                "INSERT INTO roster_counts (user_id, contacts, watchers) SELECT id, 150 + id % 51, id % 201 FROM users",
                [])
            let began = ContinuousClock.now
            let found = try UserAtLimit.all(Self.policies(contacts: 200, watchers: 200), limit: 5_000, in: transaction)
            let elapsed = ContinuousClock.now - began
            #expect((500...700).contains(found.count))
            #expect(elapsed < .milliseconds(300))
        }
    }
}
