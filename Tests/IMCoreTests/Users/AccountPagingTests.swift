import Foundation
import Storage
import StorageSQLite
import Testing
import XMPPWire

@testable import IMCore

@Suite("Pages of accounts", .timeLimit(.minutes(2)))
struct AccountPagingTests {
    private func inDatabase(
        of count: Int, _ body: @escaping @Sendable (any Transaction) throws -> Void
    ) async throws {
        try await inDatabaseOf(try JID(parsing: "zz@b.example")) { _, transaction in
            // One statement: derived keys do not matter here.
            try transaction.execute(
                """
                WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
                INSERT INTO users (id, localpart, domain, name, is_admin, created_ms, roster_version, scram_iterations,
                    scram_salt, sha1_stored, sha1_server, sha256_stored, sha256_server)
                SELECT i + 100, 'u' || (10000000 + i), 'a.example', CASE WHEN i % 100 = 7 THEN 'Juliet_' || i END,
                    i % 1000 = 0, 0, 0, 1, x'00', x'00', x'00', x'00', x'00' FROM n
                """, [.integer(Int64(count - 1))])
            try body(transaction)
        }
    }

    private static func query(
        _ text: String? = nil, domain: String? = nil, isAdmin: Bool? = nil, after: AccountStore.Place? = nil,
        limit: Int = 100
    ) -> AccountStore.Query {
        .init(text: text, domain: domain, isAdmin: isAdmin, after: after, limit: limit)
    }

    @Test("pages follow each other without a gap, over domains")
    func pages() async throws {
        try await inDatabase(of: 250) { transaction in
            var seen: [String] = []
            var after: AccountStore.Place?
            repeat {
                let found = try AccountStore.page(Self.query(after: after), in: transaction)
                let page = found.prefix(100)
                seen += page.map(\.jid.description)
                after = found.count > 100 ? page.last.map { .init(domain: $0.domain, localpart: $0.localpart) } : nil
            } while after != nil
            #expect(
                seen.count == 251 && seen == seen.sorted { $0.split(separator: "@")[1] < $1.split(separator: "@")[1] })
            #expect(seen.last == "zz@b.example" && Set(seen).count == 251)
        }
    }

    @Test("a search finds parts of addresses and names, and takes signs as they are")
    func search() async throws {
        try await inDatabase(of: 1_000) { (transaction: any Transaction) throws in
            func count(_ query: AccountStore.Query) throws -> Int { try AccountStore.count(query, in: transaction) }
            #expect(try count(Self.query("JULIET")) == 10)
            #expect(try count(Self.query("juliet_7")) == 2)
            #expect(try count(Self.query("t_")) == 10 && (try count(Self.query("%"))) == 0)
            #expect(try count(Self.query("z@b.ex")) == 1)
            #expect(try count(Self.query(domain: "b.example")) == 1)
            #expect(try count(Self.query(isAdmin: true)) == 1)
            #expect(try AccountStore.page(Self.query("u10000999"), in: transaction).map(\.localpart) == ["u10000999"])
        }
    }

    @Test("any page of 25,000 accounts takes a fraction of 300 ms, in a debug build too")
    func speed() async throws {
        try await inDatabase(of: 25_000) { transaction in
            let clock = ContinuousClock()
            for query in [
                Self.query(), Self.query(after: .init(domain: "a.example", localpart: "u10024800")),
                Self.query("juliet"), Self.query("nobody at all"), Self.query("u10024", limit: 1_000),
            ] {
                let time = try clock.measure {
                    _ = try AccountStore.page(query, in: transaction)
                    _ = try AccountStore.count(query, in: transaction)
                }
                #expect(time < .milliseconds(300), "\(query): \(time)")
            }
        }
    }
}
