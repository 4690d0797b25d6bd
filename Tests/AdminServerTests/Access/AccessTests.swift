import Foundation
import HTTPTypes
import Hummingbird
import Testing

@testable import AdminServer

private let password = "correct horse battery"

extension AdminFixture {
    /// The text of a new token.
    fileprivate func token(
        _ role: AdminRole, scopes: [String] = [], isReadOnly: Bool = false, days: Int = 90
    ) async throws -> String {
        let request = AdminTokenRequest(
            name: "t", role: role, scopes: scopes, isReadOnly: isReadOnly, expiresDays: days)
        let body = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
        return try #require(try await send("POST", "/tokens", body).json["token"]?.text)
    }

    fileprivate func administrator(_ name: String, _ role: AdminRole) async throws {
        let body = #"{"name": "\#(name)", "password": "\#(password)", "role": "\#(role.rawValue)"}"#
        #expect(try await send("POST", "/administrators", body).status == 201)
    }

    fileprivate func signIn(_ name: String) async throws -> (session: ConsoleSession, cookie: String) {
        let (session, secret) = try await admin.access.signIn(
            name: name, password: password, address: "192.0.2.1")
        return (session, "\(ConsoleCookie.name)=\(secret)")
    }

    fileprivate func bearer(_ token: String) -> [String: String] { ["Authorization": "Bearer \(token)"] }
}

@Suite("Passwords of administrators")
struct PasswordHashTests {
    @Test("what is stored matches its password only, and reads back the same")
    func roundTrip() throws {
        let hash = PasswordHash(password, cost: .init(rounds: 16, blockSize: 1, parallelism: 1))
        let stored = try #require(PasswordHash(text: hash.text))
        #expect(stored == hash && stored.matches(password) && !stored.matches(password + "x") && !stored.matches(""))
        #expect(PasswordHash(password, cost: hash.cost) != hash)
        #expect(!hash.text.contains(password))
    }

    @Test("the third example of RFC 7914 §12 comes out")
    func vector() {
        let hash = PasswordHash(
            "pleaseletmein", cost: .init(rounds: 16_384, blockSize: 8, parallelism: 1),
            salt: Array("SodiumChloride".utf8))
        #expect(SecretBytes.hex(hash.key) == "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2")
    }

    @Test("the cost of real passwords is what the system can do, and not nothing")
    func cost() {
        let hash = PasswordHash(password, cost: .init())
        #expect(hash.key.count == 32 && hash.cost.rounds * hash.cost.blockSize * 128 >= 32 * 1_048_576)
    }

    @Test(
        "rubbish in the store matches nothing",
        arguments: ["", "scrypt$1$2$3$x", "scrypt$16$1$1$AA==$", "plain$a$b$c$d$e"])
    func rubbish(text: String) {
        #expect(PasswordHash(text: text)?.matches("") != true)
    }
}

@Suite("First run")
struct SetupTests {
    @Test("the code makes one superuser, once")
    func once() async throws {
        let fixture = try await AdminFixture()
        let access = fixture.admin.access
        #expect(try await access.needsSetup())
        let local = AdminPrincipal.local(0)
        let code = try #require(try await fixture.send("GET", "/setup/code", as: local).json["code"]?.text)
        #expect(code.filter { $0 != "-" }.count == 32)
        #expect(try await access.setupCode() == code)
        await #expect(throws: AdminError.self) {
            try await access.completeSetup(
                code: (code.hasPrefix("0") ? "1" : "0") + code.dropFirst(), name: "anna", password: password,
                address: "192.0.2.1")
        }
        await #expect(throws: AdminError.self) {
            try await access.completeSetup(code: code, name: "anna", password: "short", address: "192.0.2.1")
        }
        let made = try await access.completeSetup(
            code: " " + code.uppercased() + " ", name: "anna", password: password, address: "192.0.2.1")
        #expect(made.session.role == .superuser && access.session(secret: made.secret) == made.session)
        #expect(try await fixture.send("GET", "/setup/code", as: local).json["code"] == nil)
        await #expect(throws: AdminError.self) {
            try await access.completeSetup(code: code, name: "eve", password: password, address: "192.0.2.1")
        }
        #expect(try await access.needsSetup() == false)
    }

    @Test("two who use the code at once make one superuser")
    func race() async throws {
        let fixture = try await AdminFixture()
        let access = fixture.admin.access
        let code = try #require(try await access.setupCode())
        let made = await withTaskGroup(of: Bool.self) { group in
            for name in ["anna", "bob", "eve"] {
                group.addTask {
                    (try? await access.completeSetup(
                        code: code, name: name, password: password, address: "192.0.2.1")) != nil
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(made == 1)
        #expect(
            try await fixture.send("GET", "/administrators").json["items"].map { "\($0)".contains("superuser") } == true
        )
    }
}

@Suite("Console sessions", .timeLimit(.minutes(1)))
struct ConsoleSessionTests {
    @Test("the cookie has every flag that protects it")
    func cookie() {
        let header = ConsoleCookie.header(secret: "x")
        #expect(header == "__Host-roost=x; Path=/; Secure; HttpOnly; SameSite=Strict")
        #expect(ConsoleCookie.removal.contains("Max-Age=0"))
    }

    @Test("a session reads; it changes only with its token, from its own pages")
    func forgery() async throws {
        let fixture = try await AdminFixture()
        try await fixture.administrator("anna", .superuser)
        try await fixture.administrator("bob", .superuser)
        let (session, cookie) = try await fixture.signIn("anna")
        let body = #"{"jid": "x@example.com", "password": "p"}"#
        func create(_ headers: [String: String]) async throws -> Int {
            try await fixture.send(
                "POST", "/users", body, headers: ["Cookie": "a=b; " + cookie].merging(headers) { $1 }, as: nil
            )
            .status
        }
        let caller = try await fixture.send("GET", "/whoami", headers: ["Cookie": cookie], as: nil)
        #expect(caller.json["name"] == "anna")
        #expect(try await create([:]) == 403)
        #expect(try await create(["X-CSRF-Token": session.csrf + "x"]) == 403)
        #expect(try await create(["X-CSRF-Token": try await fixture.signIn("bob").session.csrf]) == 403)
        let good = ["X-CSRF-Token": session.csrf]
        #expect(try await create(good.merging(["Sec-Fetch-Site": "cross-site"]) { $1 }) == 403)
        #expect(try await create(good.merging(["Sec-Fetch-Site": "same-site"]) { $1 }) == 403)
        #expect(try await create(good.merging(["Origin": "https://evil.example"]) { $1 }) == 403)
        #expect(try await create(good.merging(["Origin": "null"]) { $1 }) == 403)
        #expect(
            try await create(
                good.merging(["Origin": "https://admin.example:8443", "Sec-Fetch-Site": "same-origin"]) { $1 }) == 201)
    }

    @Test("a session ends when nothing happens, after its longest time, and with the sign-out")
    func ends() async throws {
        let fixture = try await AdminFixture()
        try await fixture.administrator("anna", .auditor)
        let (_, idle) = try await fixture.signIn("anna")
        fixture.time.advance(milliseconds: 29 * 60_000)
        #expect(try await fixture.send("GET", "/whoami", headers: ["Cookie": idle], as: nil).status == 200)
        fixture.time.advance(milliseconds: 31 * 60_000)
        #expect(try await fixture.send("GET", "/whoami", headers: ["Cookie": idle], as: nil).status == 401)
        let (_, long) = try await fixture.signIn("anna")
        for _ in 1...24 {
            fixture.time.advance(milliseconds: 29 * 60_000)
            #expect(try await fixture.send("GET", "/whoami", headers: ["Cookie": long], as: nil).status == 200)
        }
        fixture.time.advance(milliseconds: 29 * 60_000)
        #expect(try await fixture.send("GET", "/whoami", headers: ["Cookie": long], as: nil).status == 401)
        let (session, out) = try await fixture.signIn("anna")
        await fixture.admin.access.signOut(session)
        #expect(try await fixture.send("GET", "/whoami", headers: ["Cookie": out], as: nil).status == 401)
    }

    @Test("another role, another password, disabling and removing end the sessions")
    func changes() async throws {
        let fixture = try await AdminFixture()
        try await fixture.administrator("root", .superuser)
        for change in [#"{"role": "auditor"}"#, #"{"password": "\#(password)"}"#, #"{"isDisabled": true}"#] {
            try await fixture.administrator("anna", .helpDesk)
            let (_, cookie) = try await fixture.signIn("anna")
            #expect(try await fixture.send("PATCH", "/administrators/anna", change).status == 200)
            #expect(try await fixture.send("GET", "/whoami", headers: ["Cookie": cookie], as: nil).status == 401)
            if change.contains("isDisabled") {
                await #expect(throws: AdminError(.unauthenticated, "name or password is wrong")) {
                    try await fixture.signIn("anna")
                }
            }
            #expect(try await fixture.send("DELETE", "/administrators/anna").status == 204)
        }
    }

    @Test("the last superuser stays what it is")
    func lastSuperuser() async throws {
        let fixture = try await AdminFixture()
        try await fixture.administrator("anna", .superuser)
        #expect(try await fixture.send("DELETE", "/administrators/anna").status == 409)
        #expect(try await fixture.send("PATCH", "/administrators/anna", #"{"isDisabled": true}"#).status == 409)
        #expect(try await fixture.send("PATCH", "/administrators/anna", #"{"role": "auditor"}"#).status == 409)
        try await fixture.administrator("bob", .superuser)
        #expect(try await fixture.send("DELETE", "/administrators/anna").status == 204)
    }

    @Test("too many failures make a name and an address wait, whether the name exists or not")
    func throttle() async throws {
        let fixture = try await AdminFixture()
        try await fixture.administrator("anna", .superuser)
        let access = fixture.admin.access
        for name in ["anna", "nobody"] {
            for _ in 1...5 {
                await #expect(throws: AdminError(.unauthenticated, "name or password is wrong")) {
                    try await access.signIn(name: name, password: "x", address: "192.0.2.\(name.count)")
                }
            }
            do {
                _ = try await access.signIn(name: name, password: password, address: "198.51.100.1")
                Issue.record("\(name) came in")
            } catch let error as AdminError {
                #expect(error.condition == .tooManyRequests && error.retrySeconds == 60)
            }
        }
        for number in 1...20 {
            _ = try? await access.signIn(name: "x\(number)", password: "x", address: "203.0.113.1")
        }
        await #expect(throws: AdminError.self) {
            try await access.signIn(name: "other", password: "x", address: "203.0.113.1")
        }
        fixture.time.advance(milliseconds: 121_000)
        let (session, _) = try await access.signIn(name: "anna", password: password, address: "203.0.113.1")
        #expect(session.name == "anna")
    }
}

@Suite("API tokens", .timeLimit(.minutes(1)))
struct TokenTests {
    @Test("a token is what its role, scopes and mode say")
    func scopes() async throws {
        let fixture = try await AdminFixture()
        func status(_ token: String, _ method: String, _ path: String, _ body: String? = nil) async throws -> Int {
            try await fixture.send(method, path, body, headers: fixture.bearer(token), as: nil).status
        }
        let body = #"{"jid": "x@example.com", "password": "p"}"#
        let listing = try await fixture.token(.superuser, scopes: ["users.list", "sessions"])
        #expect(try await status(listing, "GET", "/users") == 200)
        #expect(try await status(listing, "GET", "/sessions") == 200)
        #expect(try await status(listing, "GET", "/status") == 403)
        #expect(try await status(listing, "POST", "/users", body) == 403)
        let reading = try await fixture.token(.superuser, isReadOnly: true)
        #expect(try await status(reading, "GET", "/tokens") == 200)
        #expect(try await status(reading, "POST", "/users", body) == 403)
        let desk = try await fixture.token(.helpDesk)
        #expect(try await status(desk, "POST", "/users", body) == 403)
        // A part of the rights is not a way to all of them.
        let making = try await fixture.token(.superuser, scopes: ["tokens", "administrators"])
        #expect(try await status(making, "POST", "/tokens", #"{"name": "y", "role": "superuser"}"#) == 403)
        #expect(
            try await status(
                making, "POST", "/administrators", #"{"name": "y", "password": "\#(password)", "role": "superuser"}"#)
                == 403)
        #expect(try await status(making, "GET", "/tokens") == 200)
    }

    @Test("an expired or revoked token opens nothing, and what is stored opens nothing either")
    func ends() async throws {
        let fixture = try await AdminFixture()
        let short = try await fixture.token(.auditor, days: 1)
        #expect(short.hasPrefix("roost_"))
        let read = try await fixture.send("GET", "/whoami", headers: fixture.bearer(short), as: nil)
        #expect(read.json["name"] == "token:t")
        let listed = try await fixture.send("GET", "/tokens")
        #expect(!String(decoding: listed.body, as: UTF8.self).contains(short.dropFirst(6)))
        fixture.time.advance(milliseconds: 86_400_001)
        #expect(try await fixture.send("GET", "/whoami", headers: fixture.bearer(short), as: nil).status == 401)
        let other = try await fixture.token(.auditor)
        let listedAgain = try await fixture.send("GET", "/tokens").json["items"]
        guard case .array(let items)? = listedAgain, let id = items.last?["id"]?.text else {
            return #expect(Bool(false))
        }
        #expect(try await fixture.send("DELETE", "/tokens/\(id)").status == 204)
        #expect(try await fixture.send("GET", "/whoami", headers: fixture.bearer(other), as: nil).status == 401)
        #expect(try await fixture.send("DELETE", "/tokens/\(id)").status == 404)
    }

    @Test("a token on the Unix socket limits the caller to what it may do")
    func onSocket() async throws {
        let fixture = try await AdminFixture()
        let token = try await fixture.token(.auditor)
        let answer = try await fixture.send("GET", "/whoami", headers: fixture.bearer(token), as: .local(0))
        #expect(answer.json["role"] == "auditor")
    }

    @Test("those who try tokens must wait; those who have one need not")
    func throttle() async throws {
        let fixture = try await AdminFixture()
        let token = try await fixture.token(.auditor)
        for _ in 1...20 { _ = try await fixture.send("GET", "/whoami", headers: fixture.bearer("roost_x"), as: nil) }
        let refused = try await fixture.send("GET", "/whoami", headers: fixture.bearer("roost_x"), as: nil)
        #expect(refused.status == 429 && refused["Retry-After"] == "60")
        #expect(refused.problem?.type == "urn:roost:problem:too-many-requests")
        #expect(try await fixture.send("GET", "/whoami", headers: fixture.bearer(token), as: nil).status == 200)
    }

    @Test(
        "a token that could not be is refused",
        arguments: [
            #"{"name": "", "role": "auditor"}"#, #"{"name": "x", "role": "king"}"#,
            #"{"name": "x", "role": "auditor", "scopes": ["nothing.such"]}"#,
            #"{"name": "x", "role": "auditor", "scopes": [""]}"#,
            #"{"name": "x", "role": "auditor", "expiresDays": 0}"#,
        ])
    func refused(body: String) async throws {
        let fixture = try await AdminFixture()
        #expect(try await fixture.send("POST", "/tokens", body).status == 422)
    }
}

@Suite("Audit", .timeLimit(.minutes(1)))
struct AuditTests {
    private func entries(_ fixture: AdminFixture, _ query: String = "") async throws -> [AuditEntry] {
        let answer = try await fixture.send("GET", "/audit" + query)
        return try JSONDecoder().decode(AdminPage<AuditEntry>.self, from: answer.body).items
    }

    @Test("who changed what, from what to what, and what was refused")
    func trail() async throws {
        let fixture = try await AdminFixture()
        _ = try await fixture.send("POST", "/users", #"{"jid": "x@example.com", "password": "p", "name": "X"}"#)
        _ = try await fixture.send("PATCH", "/users/x@example.com", #"{"name": "Y"}"#)
        let desk = AdminPrincipal(name: "desk", role: .helpDesk, origin: .token("t"))
        _ = try await fixture.send("DELETE", "/users/x@example.com", as: desk)
        _ = try await fixture.send("DELETE", "/users/none@example.com")
        _ = try await fixture.send("GET", "/users")
        let all = try await entries(fixture)
        #expect(all.map(\.operation) == ["users.delete", "users.delete", "users.update", "users.create"])
        #expect(all.map(\.outcome) == [.refused, .refused, .done, .done])
        #expect(all[0].summary == "notFound" && all[1].who == "desk" && all[1].role == "help-desk")
        #expect(all[2].before == "X" && all[2].after == "Y" && all[2].address == "192.0.2.1")
        #expect(try await entries(fixture, "?outcome=done").count == 2)
        #expect(try await entries(fixture, "?who=desk").count == 1)
        #expect(try await entries(fixture, "?operation=users.up").count == 1)
        #expect(try await entries(fixture, "?query=none@").count == 1)
        #expect(try await entries(fixture, "?query=%25").isEmpty)
        #expect(try await entries(fixture, "?since=2100-01-01T00:00:00Z").isEmpty)
        let first = try await fixture.send("GET", "/audit?limit=3")
        let cursor = try #require(first.json["next"]?.text)
        #expect(try await entries(fixture, "?limit=3&cursor=\(cursor)").map(\.operation) == ["users.create"])
    }

    @Test("a flood of refused attempts is bounded, and what succeeds is still written")
    func flood() async throws {
        let fixture = try await AdminFixture()
        let desk = AdminPrincipal(name: "desk", role: .helpDesk, origin: .token("t"))
        for _ in 1...(AuditTrail.refusalsPerMinute + 50) {
            _ = try await fixture.send("DELETE", "/users/x@example.com", as: desk)
        }
        _ = try await fixture.send("POST", "/users", #"{"jid": "x@example.com", "password": "p"}"#)
        let all = try await entries(fixture, "?limit=1000")
        #expect(all.count == AuditTrail.refusalsPerMinute + 1 && all.first?.operation == "users.create")
    }

    @Test("a change that is undone because its transaction fails is not told as done")
    func undone() async throws {
        let fixture = try await AdminFixture()
        let body = #"{"name": "anna", "password": "\#(password)", "role": "auditor"}"#
        _ = try await fixture.send("POST", "/administrators", body)
        _ = try await fixture.send("POST", "/administrators", body)
        #expect(try await entries(fixture).map(\.outcome) == [.refused, .done])
        #expect(try await entries(fixture).map(\.summary) == ["conflict", nil])
    }
}
