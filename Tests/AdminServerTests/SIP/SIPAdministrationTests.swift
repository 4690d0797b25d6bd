import Foundation
import Testing

@testable import AdminServer

@Suite("Administration of SIP", .timeLimit(.minutes(1)))
struct SIPAdministrationTests {
    private func fixture(_ sip: MemorySIP = MemorySIP()) async throws -> AdminFixture {
        var parts = AdminParts()
        parts.sip = sip
        parts.settings = MemorySettings()
        return try await AdminFixture(pages: [Console()], parts: parts)
    }

    private func items(_ answer: AdminFixture.Answer) -> [JSONValue] {
        guard case .object(let page) = answer.json, case .array(let items)? = page["items"] else { return [] }
        return items
    }

    @Test("a list comes in pages that follow each other, and nothing is told twice")
    func paging() async throws {
        let fixture = try await fixture(MemorySIP(contacts: 9))
        var users: [String] = []
        var path: String? = "/sip/registrations?limit=4"
        while let next = path {
            let answer = try await fixture.send("GET", next)
            #expect(answer.status == 200 && answer.json["total"] == .integer(9))
            for case .object(let item) in items(answer) {
                if case .string(let user)? = item["user"] { users.append(user) }
            }
            path = nil
            if case .string(let cursor)? = answer.json["next"] {
                path = "/sip/registrations?limit=4&cursor=" + ConsoleForm.encoded(cursor)
            }
        }
        #expect(users == (0..<9).map { "user\($0)@example.com" })
    }

    @Test("an empty filter is none, and a filter filters")
    func filters() async throws {
        let fixture = try await fixture()
        #expect(items(try await fixture.send("GET", "/sip/subscriptions?watcher=&state=")).count == 2)
        #expect(items(try await fixture.send("GET", "/sip/subscriptions?state=pending")).count == 1)
        #expect(items(try await fixture.send("GET", "/sip/subscriptions?presentity=nobody@example.com")).isEmpty)
    }

    @Test("a contact is ended alone, all are ended together, and one that is not there is not found")
    func unregister() async throws {
        let sip = MemorySIP()
        let fixture = try await fixture(sip)
        let path = "/sip/registrations/user1@example.com"
        let missing = try await fixture.send("DELETE", path + "?contact=sip:other@192.0.2.9")
        #expect(missing.status == 404)
        #expect(await sip.contacts.count == 3)
        let contact = "sip:user1@192.0.2.1:5060"
        let ended = try await fixture.send("DELETE", path + "?contact=" + ConsoleForm.encoded(contact))
        #expect(ended.status == 200 && ended.json["count"] == .integer(1))
        #expect(await sip.contacts.map(\.user) == ["user0@example.com", "user2@example.com"])
        let audit = items(try await fixture.send("GET", "/audit"))
        #expect(audit.contains { $0["operation"] == .string("sip.unregister") && $0["summary"] == .string("1 ended") })
    }

    @Test("without a SIP face every operation says so")
    func absent() async throws {
        let fixture = try await AdminFixture()
        #expect(try await fixture.send("GET", "/sip/registrations").status == 503)
    }

    @Test("pages show what there is, escaped, in both languages", arguments: ["en", "ja"])
    func pages(language: String) async throws {
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, try await fixture())
        visitor.language = language
        let expected = [
            "/console/sip": "&lt;phone&gt; 1", "/console/sip/subscriptions": "line@phones.example.com",
            "/console/sip/publications": "cucm", "/console/trunks": "10.1.2.0/24",
            "/console/trunks?uri=sip:a@example.net": "Route 1 leads to cucm.",
            "/console/trunks?uri=x": "x is not a SIP URI",
        ]
        for (path, text) in expected {
            try await visitor.get(path)
            #expect(visitor.status == 200 && visitor.html.contains(text), "\(path): \(visitor.html.prefix(300))")
            for missing in ["[sip.", "[trunks.", "[page.", "[state."] {
                #expect(!visitor.html.contains(missing), "a text is missing on \(path)")
            }
        }
    }

    @Test("a contact is ended from its page, and not by an auditor")
    func endFromPage() async throws {
        let sip = MemorySIP()
        let fixture = try await fixture(sip)
        let form: KeyValuePairs = [
            "user": "user1@example.com", "contact": "sip:user1@192.0.2.1:5060", "return": "/console/sip?q=a",
        ]
        let auditor = try await ConsoleVisitor.signedIn(as: .auditor, fixture)
        try await auditor.get("/console/sip")
        #expect(auditor.status == 200 && !auditor.html.contains("/sip/end"))
        try await auditor.post("/console/sip/end", form)
        #expect(auditor.status == 403)
        #expect(await sip.contacts.count == 3)
        let helper = try await ConsoleVisitor.signedIn(as: .helpDesk, fixture)
        try await helper.post("/console/sip/end", form)
        #expect(helper.status == 303 && helper.location == "/console/sip?q=a")
        #expect(await sip.contacts.count == 2)
    }

    @Test("the page of a user shows contacts and subscriptions on both sides")
    func userPage() async throws {
        let fixture = try await fixture()
        try await fixture.backend.addUser(.init(jid: "user1@example.com", password: "p"))
        try await fixture.backend.addUser(.init(jid: "user2@example.com", password: "p"))
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, fixture)
        try await visitor.get("/console/users/user1%40example.com")
        #expect(visitor.html.contains("sip:user1@192.0.2.1:5060") && visitor.html.contains("id=\"sip-subscriptions\""))
        try await visitor.get("/console/users/user2%40example.com")
        #expect(visitor.html.contains("pending") && visitor.html.contains("id=\"sip-contacts\""))
    }
}
