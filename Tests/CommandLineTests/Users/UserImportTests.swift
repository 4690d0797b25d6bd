import AdminServer
import Ground
import Testing

@testable import CommandLine

@Suite("Import of accounts")
struct UserImportTests {
    /// Takes a whole text; `add` sees every batch.
    static func take(
        _ text: String, add: ([AdminUserRequest]) -> [AdminRowFailure] = { _ in [] }
    ) async throws -> (users: UserImport, failures: [UserImport.Failure], batches: [Int]) {
        var parser = CSVParser()
        var rows: [CSVParser.Row] = []
        parser.feed(text.utf8) { rows.append($0) }
        parser.finish { rows.append($0) }
        var users = UserImport()
        var failures: [UserImport.Failure] = []
        var batches: [Int] = []
        for row in rows {
            try users.take(row)
            if users.isBatchFull {
                failures += try await users.flush { batch in
                    batches.append(batch.count)
                    return add(batch)
                }
            }
        }
        failures += try await users.flush { batch in
            batches.append(batch.count)
            return add(batch)
        }
        return (users, failures, batches)
    }

    @Test("columns may stand in any order, and a name is optional")
    func columns() async throws {
        let result = try await Self.take(" Name ,PASSWORD,jid\nAnna,p1,anna@example.com\n,p2,bob@example.com\n") {
            batch in
            let expected = [
                AdminUserRequest(jid: "anna@example.com", password: "p1", name: "Anna"),
                AdminUserRequest(jid: "bob@example.com", password: "p2", name: nil),
            ]
            #expect(batch == expected)
            return []
        }
        #expect(result.users.imported == 2 && result.users.failed == 0)
    }

    @Test("bad rows are reported by line, whoever finds them, and the others go in")
    func badRows() async throws {
        let text = """
            jid,password
            anna@example.com,p
            bob@example.com
            ,p
            carol@example.com,
            dave"@example.com,p
            erin@example.com,p
            frank@example.com,p
            """
        let result = try await Self.take(text) { batch in
            #expect(batch.map(\.jid) == ["anna@example.com", "erin@example.com", "frank@example.com"])
            return [
                AdminRowFailure(index: 1, reason: "erin exists"),
                AdminRowFailure(index: 9, reason: "not in this batch"),
            ]
        }
        #expect(
            result.failures == [
                .init(line: 3, reason: "1 field where the header has 2"), .init(line: 4, reason: "jid is empty"),
                .init(line: 5, reason: "the password of carol@example.com is empty"),
                .init(line: 6, reason: "a quote stands inside of a field that does not begin with one"),
                .init(line: 7, reason: "erin exists"),
            ])
        #expect(result.users.imported == 2 && result.users.failed == 5)
    }

    @Test("rows travel in batches of a thousand, large rows in smaller ones")
    func batches() async throws {
        let rows = (0..<2_500).map { "u\($0)@example.com,p\n" }.joined()
        #expect(try await Self.take("jid,password\n" + rows).batches == [1_000, 1_000, 500])
        let password = String(repeating: "p", count: 60_000)
        let large = (0..<100).map { "u\($0)@example.com,\(password)\n" }.joined()
        let result = try await Self.take("jid,password\n" + large)
        #expect(result.batches.count > 1 && result.users.imported == 100)
    }

    @Test(
        "a header that is not one ends the import before anything is sent",
        arguments: [
            ("jid,pasword\n", "unknown column \"pasword\""), ("jid\n", "a column is missing"),
            ("jid,password,jid\n", "a column is named twice"), ("anna@example.com,p\n", "unknown column"),
            ("\"jid\n", "the header cannot be read"),
        ])
    func header(text: String, expected: String) async {
        await #expect { _ = try await Self.take(text) } throws: { error in
            let text = (error as? CommandFailure)?.description ?? ""
            return text.hasPrefix("line 1: ") && text.contains(expected)
                && text.hasSuffix("expected the columns jid,password and optionally name")
        }
    }

    @Test("a server that fails in the middle leaves the count of what went in")
    func serverFails() async throws {
        struct Gone: Error {}
        var users = UserImport()
        try users.take(.init(line: 1, fields: .success(["jid", "password"])))
        try users.take(.init(line: 2, fields: .success(["a@example.com", "p"])))
        _ = try await users.flush { _ in [] }
        try users.take(.init(line: 3, fields: .success(["b@example.com", "p"])))
        await #expect(throws: Gone.self) { _ = try await users.flush { _ in throw Gone() } }
        #expect(users.imported == 1 && users.failed == 0 && users.lastLine == 3)
    }
}
