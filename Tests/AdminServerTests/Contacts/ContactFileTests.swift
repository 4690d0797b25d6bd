import Foundation
import Ground
import Testing

@testable import AdminServer

@Suite("Rows of contact lists")
struct ContactFileTests {
    private func row(_ fields: [String]) -> CSVParser.Row { CSVParser.Row(line: 7, fields: .success(fields)) }

    @Test("the current form, and the one without State")
    func forms() throws {
        let current = try ContactRow(
            row(["alice", "example.com", "bob", "example.org", "Bob", "Friends", "1"]), columns: 7)
        #expect(current.state == "1" && current.group == "Friends" && current.contactDomain == "example.org")
        let old = try ContactRow(row(["alice", "", "bob", "", "", "General"]), columns: 6)
        #expect(old.state == nil && old.userDomain.isEmpty)
    }

    @Test(
        "headers in any case, spaces aside; others are refused with the right one",
        arguments: [
            ("User ID,User Domain,Contact ID,Contact Domain,Nickname,Group Name,State", true),
            ("user id,USER DOMAIN,ContactID,Contact Domain,Nickname,Group Name", true),
            ("User ID,Contact ID", false), ("jid,password", false),
            ("User ID,User Domain,Contact ID,Contact Domain,Nickname,Group Name,State,More", false),
        ])
    func headers(text: String, isRight: Bool) {
        let header = row(text.split(separator: ",").map(String.init))
        if isRight {
            #expect(throws: Never.self) { try ContactFile.check(header, is: ContactFile.contacts, optional: 1) }
        } else {
            #expect(throws: AdminError.self) { try ContactFile.check(header, is: ContactFile.contacts, optional: 1) }
        }
    }

    @Test(
        "what is wrong with a row is said",
        arguments: [
            (["", "example.com", "bob", "", "", "G", "0"], "User ID is empty"),
            ([String(repeating: "a", count: 133), "", "bob", "", "", "G", "0"], "longer than 132"),
            (["alice", "-bad.example", "bob", "", "", "G", "0"], "no hyphen at its ends"),
            (["alice", "example.c", "bob", "", "", "G", "0"], "at least two characters"),
            (["alice", "example.c0m", "bob", "", "", "G", "0"], "letters only"),
            (["alice", String(repeating: "a.", count: 65) + "com", "bob", "", "", "G", "0"], "longer than 128"),
            (["alice", "", "", "", "", "G", "0"], "Contact ID is empty"),
            (["alice", "", "bob", "", String(repeating: "n", count: 256), "G", "0"], "Nickname is longer than 255"),
            (["alice", "", "bob", "", "", "G\u{1}", "0"], "control characters"),
            (["alice", "", "bob"], "3 fields where the header has 7"),
        ])
    func badRows(fields: [String], reason: String) {
        do {
            _ = try ContactRow(row(fields), columns: 7)
            Issue.record("\(fields) was taken")
        } catch {
            #expect(error.reason.contains(reason), "\(error.reason)")
            #expect(error.line == 7)
        }
    }

    @Test("domains of other scripts, and hosts of the own network")
    func domains() {
        for domain in ["localhost", "example.co.jp", "例え.テスト", "xn--r8jz45g.xn--zckzah", ""] {
            #expect(ContactRow.fault(ofDomain: domain, "User Domain") == nil, "\(domain)")
        }
    }
}

@Suite("Jobs on contact lists")
struct ContactJobTests {
    private func run(
        _ fixture: AdminFixture, _ path: String, _ csv: String, _ more: [String: JSONValue] = [:]
    ) async throws -> AdminJob {
        var body: [String: JSONValue] = ["csv": .string(csv)]
        for (name, value) in more { body[name] = value }
        let text = String(decoding: try JSONEncoder().encode(JSONValue.object(body)), as: UTF8.self)
        let answer = try await fixture.send("POST", path, text)
        #expect(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
        return try await fixture.finished(JSONDecoder().decode(AdminJob.self, from: answer.body).id)
    }

    private let header = "User ID,User Domain,Contact ID,Contact Domain,Nickname,Group Name,State\r\n"

    @Test("good rows go in, bad rows are reported with their lines, a second time nothing changes")
    func importing() async throws {
        let fixture = try await AdminFixture()
        try await fixture.admin.jobs.start()
        let csv =
            "\u{FEFF}" + header + "alice,example.com,bob,example.com,\"Bob, the builder\",Friends,0\r\n"
            + "alice,example.com,bob,example.com,,Colleagues,0\nalice,example.com,,,x,General,0\n"
            + "alice,example.com,romeo,,,General,2\nnobody,example.com,bob,,,General,0\nalice,example.com,a\"b,,,G,0\n"
            + "juliet,example.com,user\\40x,example.com,,General,0\n"
        let job = try await run(fixture, "/contacts/import", csv)
        #expect(job.state == "done")
        #expect(job.counts == ["rows": 7, "users": 2, "added": 3, "refused": 3])
        let list = await fixture.backend.lists["alice@example.com"]
        #expect(
            list == [
                .init(
                    jid: "bob@example.com", name: "Bob, the builder", groups: ["Friends", "Colleagues"], state: "0"),
                .init(jid: "romeo@example.com", name: "", groups: ["General"], state: "2"),
            ])
        let answer = try await fixture.send("GET", "/jobs/\(job.id)/problems")
        let page = try JSONDecoder().decode(AdminPage<AdminJobProblem>.self, from: answer.body)
        #expect(Set(page.items.compactMap(\.line)) == [4, 6, 7] && page.total == 3)
        let again = try await run(fixture, "/contacts/import", csv)
        #expect(again.counts["unchanged"] == 3 && again.counts["added"] == nil)
    }

    @Test("a dry run reports the same and changes nothing")
    func dryRun() async throws {
        let fixture = try await AdminFixture()
        try await fixture.admin.jobs.start()
        let rows = (1...5).map { "alice,,friend\($0),,,General,0\n" }.joined()
        let job = try await run(fixture, "/contacts/import", header + rows, ["dryRun": .bool(true)])
        #expect(job.counts["added"] == 3 && job.counts["refused"] == 2 && job.problems == 2)
        #expect(await fixture.backend.lists.isEmpty)
    }

    @Test("files that are none fail as a whole, with the reason")
    func noSuchFile() async throws {
        let fixture = try await AdminFixture()
        try await fixture.admin.jobs.start()
        for csv in ["", "jid,password\nalice,secret\n"] {
            let job = try await run(fixture, "/contacts/import", csv)
            #expect(job.state == "failed" && job.error?.contains("header") == true, "\(job)")
        }
        let answer = try await fixture.send("POST", "/contacts/import", "{}")
        #expect(answer.status == 422 || answer.status == 400)
    }

    @Test("an export reads back as what was imported; contacts are renamed for everybody")
    func exportAndRename() async throws {
        let fixture = try await AdminFixture()
        try await fixture.admin.jobs.start()
        let csv =
            header + "alice,example.com,bob,example.com,\"Bob, \"\"B\"\"\",Friends,0\r\n"
            + "alice,example.com,bob,example.com,\"Bob, \"\"B\"\"\",Work,0\r\n"
            + "romeo,example.com,bob,example.com,,General,3\r\n"
        _ = try await run(fixture, "/contacts/import", csv)
        var answer = try await fixture.send("POST", "/contacts/export", "{}")
        let job = try await fixture.finished(JSONDecoder().decode(AdminJob.self, from: answer.body).id)
        #expect(job.counts["contacts"] == 2 && job.resultBytes == csv.utf8.count)
        answer = try await fixture.send("GET", "/jobs/\(job.id)/result")
        #expect(try JSONDecoder().decode(AdminJobResult.self, from: answer.body) == .init(text: csv, next: nil))
        let renamed = try await run(
            fixture, "/contacts/rename",
            "Contact ID,New Contact ID\nbob@example.com,bob.smith@example.com\nx@example.com,x@example.com\n")
        #expect(renamed.counts["renamed"] == 2 && renamed.problems == 1)
        #expect(await fixture.backend.lists["romeo@example.com"]?.map(\.jid) == ["bob.smith@example.com"])
    }

    @Test("contacts without presence keep their cards")
    func plain() async throws {
        let fixture = try await AdminFixture()
        try await fixture.admin.jobs.start()
        let csv =
            "User JID,Contact JID,Group Name,Content Type,Version,Info\r\n"
            + "alice@example.com,8f14e45f-ceea-4671-9e2d-1a2b3c4d5e6f,Phones,text/x-vcard,3.0,"
            + "\"BEGIN:VCARD\nFN:Front desk, ground floor\nEND:VCARD\"\r\n"
        let job = try await run(fixture, "/contacts/import", csv, ["format": .string("plain")])
        #expect(job.counts["added"] == 1 && job.problems == 0)
        let answer = try await fixture.send("POST", "/contacts/export", #"{"format": "plain"}"#)
        let export = try await fixture.finished(JSONDecoder().decode(AdminJob.self, from: answer.body).id)
        let result = try await fixture.send("GET", "/jobs/\(export.id)/result")
        #expect(try JSONDecoder().decode(AdminJobResult.self, from: result.body).text == csv)
    }
}
