import Foundation
import Settings
import Testing

@testable import AdminServer

@Suite("Pages of the console")
struct ConsolePagesTests {
    private let settings = MemorySettings()

    private func fixture() async throws -> AdminFixture {
        var parts = AdminParts()
        parts.settings = settings
        return try await AdminFixture(pages: [Console()], parts: parts)
    }

    private func value(_ key: String, _ place: AdminSettingPlace = AdminSettingPlace()) async -> SettingValue? {
        await settings.settings(in: place).first { $0.key == key }?.value
    }

    private static let pages = [
        "/console/", "/console/users", "/console/users/new", "/console/users/import", "/console/diagnostics/sessions",
        "/console/settings", "/console/settings/presence", "/console/settings/messaging", "/console/settings/server",
        "/console/settings/changed", "/console/settings/history", "/console/administrators",
        "/console/administrators/new", "/console/administrators/tokens/new", "/console/audit", "/console/api",
        "/console/search?q=sharing", "/console/diagnostics/explain", "/console/setup/domain", "/console/setup/users",
        "/console/setup/policy",
        "/console/setup/done",
    ]

    @Test("the first run makes a superuser, users and a policy, and ends with what to do next")
    func firstRun() async throws {
        let fixture = try await fixture()
        let visitor = ConsoleVisitor(fixture)
        try await visitor.get("/console/")
        #expect(visitor.status == 303 && visitor.location == "/console/setup")
        try await visitor.follow()
        #expect(visitor.html.contains("Welcome to Roost"))
        let password = "correct horse battery"
        try await visitor.post(
            "/console/setup", ["code": "wrong", "name": "juliet", "password": password, "again": password])
        #expect(visitor.status == 403 && visitor.html.contains("not the setup code"))
        let code = try #require(try await fixture.admin.access.setupCode())
        try await visitor.post(
            "/console/setup", ["code": code, "name": "juliet", "password": password, "again": "other"])
        #expect(visitor.status == 422 && visitor.html.contains("passwords differ"))
        try await visitor.post(
            "/console/setup", ["code": code, "name": "juliet", "password": password, "again": password])
        try await visitor.follow()
        #expect(visitor.html.contains("example.com"))
        try await visitor.post("/console/setup/domain", [:])
        try await visitor.post("/console/setup/users", ["rows": "alice, long enough, Alice\r\nnonsense\r\nbob,secret"])
        #expect(visitor.status == 422 && visitor.html.contains("Line 2") && visitor.html.contains(">nonsense<"))
        #expect(await fixture.backend.users.keys.sorted() == ["alice@example.com", "bob@example.com"])
        try await visitor.post("/console/setup/users", ["skip": "yes", "rows": ""])
        try await visitor.follow()
        #expect(visitor.html.contains("Enable availability sharing"))
        try await visitor.post("/console/setup/policy", ["presence.sharing": "off"])
        try await visitor.follow()
        #expect(visitor.html.contains("The server is ready"))
        #expect(await value("presence.sharing") == .boolean(false))
        try await visitor.get("/console/setup")
        #expect(visitor.status == 303, "the code is good once")
    }

    @Test("every page is there for a superuser, in both languages", arguments: ["en", "ja"])
    func everyPage(language: String) async throws {
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, try await fixture())
        visitor.language = language
        for path in Self.pages {
            try await visitor.get(path)
            #expect(visitor.status == 200, "\(path): \(visitor.status) \(visitor.html.prefix(300))")
            #expect(visitor.html.contains("<html lang=\"\(language)\""))
            #expect(
                !visitor.html.contains("[page.") && !visitor.html.contains("[settings."), "a text is missing on \(path)"
            )
            #expect(!visitor.html.contains("style=\"") && !visitor.html.contains("onclick"))
        }
    }

    @Test("a role sees what it may do, and is refused the rest")
    func roles() async throws {
        let fixture = try await fixture()
        let helper = try await ConsoleVisitor.signedIn(as: .helpDesk, fixture)
        try await helper.get("/console/users")
        #expect(helper.html.contains("/console/users") && !helper.html.contains("/console/settings/presence"))
        #expect(!helper.html.contains("/console/users/new"))
        try await helper.get("/console/settings/presence")
        #expect(helper.status == 403)
        try await helper.post("/console/users/new", ["jid": "eve@example.com", "password": "secret"])
        #expect(helper.status == 403)
        let auditor = try await ConsoleVisitor.signedIn(as: .auditor, fixture)
        try await auditor.get("/console/settings/presence")
        #expect(auditor.status == 200 && !auditor.html.contains("Review changes"))
        #expect(auditor.html.contains(" disabled"))
        try await auditor.post("/console/settings/presence", ["has:presence.sharing": ""])
        #expect(auditor.status == 403)
        try await auditor.post("/console/settings/save", ["entry:presence.sharing": "false"])
        #expect(auditor.status == 403)
        #expect(await fixture.backend.users.isEmpty)
    }

    @Test("without a session every page leads to the sign-in, and back again")
    func signIn() async throws {
        let fixture = try await fixture()
        _ = try await ConsoleVisitor.signedIn(as: .superuser, fixture)
        let visitor = ConsoleVisitor(fixture)
        try await visitor.get("/console/users?q=a")
        #expect(visitor.location == "/console/sign-in?return=%2Fconsole%2Fusers%3Fq%3Da")
        try await visitor.follow()
        #expect(visitor.html.contains("value=\"/console/users?q=a\""))
        try await visitor.post("/console/sign-in", ["name": "visitor-superuser", "password": "wrong"])
        #expect(visitor.status == 401 && visitor.html.contains("Name or password is wrong"))
        try await visitor.post(
            "/console/sign-in",
            ["name": "visitor-superuser", "password": "correct horse battery", "return": "/console/users?q=a"])
        #expect(visitor.location == "/console/users?q=a")
        try await visitor.post("/console/sign-out", [:])
        try await visitor.get("/console/users")
        #expect(visitor.status == 303, "signed out")
    }

    @Test("a form without the token of the session changes nothing")
    func forgery() async throws {
        let fixture = try await fixture()
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, fixture)
        for token in ["", "wrong"] {
            try await visitor.post(
                "/console/users/new", ["jid": "eve@example.com", "password": "secret"], token: token)
            #expect(visitor.status == 403 && visitor.html.contains("too old"))
        }
        visitor.headers = ["Origin": "https://evil.example"]
        try await visitor.post("/console/preferences", ["theme": "dark"])
        #expect(visitor.status == 403)
        #expect(await fixture.backend.users.isEmpty)
    }

    @Test("users are created, found, given a password and removed; their names are escaped")
    func users() async throws {
        let fixture = try await fixture()
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, fixture)
        try await visitor.post(
            "/console/users/new", ["jid": "alice@example.com", "name": "<script>x</script>", "password": "secret"])
        try await visitor.follow()
        #expect(visitor.html.contains("alice@example.com has been created"))
        #expect(visitor.html.contains("&lt;script&gt;x") && !visitor.html.contains("<script>x"))
        try await visitor.post("/console/users/new", ["jid": "alice@example.com", "password": "secret"])
        #expect(visitor.status == 422 && visitor.html.contains("exists"))
        try await visitor.get("/console/users?q=ali")
        #expect(visitor.html.contains("/console/users/alice%40example.com"))
        try await visitor.post("/console/users/alice%40example.com/password", ["password": "another"])
        #expect(await fixture.backend.users["alice@example.com"]?.password == "another")
        try await visitor.post("/console/users/alice%40example.com/remove", ["confirmation": "bob"])
        #expect(visitor.status == 422)
        try await visitor.post("/console/users/alice%40example.com/remove", ["confirmation": "alice@example.com"])
        #expect(await fixture.backend.users.isEmpty)
        try await visitor.get("/console/users/nobody%40example.com")
        #expect(visitor.status == 404)
    }

    @Test("a change of a setting is reviewed, saved, told in the history, and taken back")
    func changing() async throws {
        let fixture = try await fixture()
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, fixture)
        let path = "/console/settings/presence"
        // The switch is off: browsers send nothing for it.
        try await visitor.post(
            path,
            ["has:presence.sharing": "", "has:presence.contacts_max": "", "limitless:presence.contacts_max": "on"])
        #expect(visitor.status == 200 && visitor.html.contains("2 changes"))
        #expect(visitor.html.contains("<del>on</del>") && visitor.html.contains("<ins>No limit</ins>"))
        #expect(await settings.settingsVersion() == 0, "a review changes nothing")
        try await visitor.post(
            "/console/settings/save",
            [
                "entry:presence.sharing": "false", "entry:presence.contacts_max": "0", "version": "0",
                "comment": "quiet week", "return": path,
            ])
        #expect(visitor.location == path)
        try await visitor.follow()
        #expect(visitor.html.contains("Saved as version 1"))
        #expect(visitor.html.contains("Changed; default on"))
        try await visitor.post(
            "/console/settings/save", ["entry:presence.sharing": "true", "version": "0", "return": path])
        try await visitor.follow()
        #expect(visitor.html.contains("somebody else"), "made from an old page")
        try await visitor.get("/console/settings/history")
        #expect(visitor.html.contains("quiet week") && visitor.html.contains("visitor-superuser"))
        try await visitor.get("/console/settings/history/0")
        #expect(visitor.html.contains("<ins>on</ins>"))
        try await visitor.post("/console/settings/history/0", [:])
        try await visitor.follow()
        #expect(visitor.html.contains("as version 2"))
        #expect(await value("presence.sharing") == .boolean(true))
    }

    @Test("what is wrong with a value stands beside its field, and what was typed stays")
    func settingProblems() async throws {
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, try await fixture())
        try await visitor.post(
            "/console/settings/presence",
            [
                "has:presence.contacts_max": "", "set:presence.contacts_max": "9999999",
                "has:presence.adhoc_seconds": "", "set:presence.adhoc_seconds": "60",
            ])
        #expect(visitor.status == 422)
        #expect(visitor.html.contains("id=\"s-presence-contacts_max-problem\""))
        #expect(!visitor.html.contains("id=\"s-presence-adhoc_seconds-problem\""))
        #expect(visitor.html.contains("value=\"9999999\"") && visitor.html.contains("value=\"60\""))
        try await visitor.post(
            "/console/settings/presence", ["has:presence.contacts_max": "", "set:presence.contacts_max": "many"])
        #expect(visitor.status == 422 && visitor.html.contains("Expected a whole number"))
    }

    @Test("a user has a policy of his own, which can be taken away again")
    func userPolicy() async throws {
        let fixture = try await fixture()
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, fixture)
        let path = "/console/settings/for/user/alice%40example.com"
        try await visitor.post(path, ["has:presence.sharing": ""])
        #expect(visitor.html.contains("alice@example.com"))
        try await visitor.post(
            "/console/settings/save",
            ["entry:presence.sharing": "false", "scope": "user", "subject": "alice@example.com", "return": path])
        try await visitor.follow()
        #expect(visitor.html.contains("name=\"inherit:presence.sharing\""))
        let place = AdminSettingPlace(.user, "alice@example.com")
        #expect(await value("presence.sharing", place) == .boolean(false))
        #expect(await value("presence.sharing") == .boolean(true))
    }

    @Test("secrets are never shown")
    func secrets() async throws {
        let fixture = try await fixture()
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, fixture)
        try await visitor.post(
            "/console/settings/save",
            ["entry:external_services.secret": "\"hush-hush\"", "return": "/console/settings/external_services"])
        for path in ["/console/settings/external_services", "/console/settings/history", "/console/audit"] {
            try await visitor.get(path)
            #expect(visitor.status == 200 && !visitor.html.contains("hush-hush"), "\(path)")
        }
    }

    @Test(
        "a page or a setting is found by either name, in either language, and by its key",
        arguments: [
            ("availability sharing", "s-presence-sharing"), ("アベイラビリティの共有", "s-presence-sharing"),
            ("presence.sharing", "s-presence-sharing"), ("control center", "/console/"),
            ("Messaging > Settings", "/console/settings/messaging"), ("メッセージング 設定", "/console/settings/messaging"),
            ("カット watchers", ""), ("最大サイズ 連絡先", "s-presence-contacts_max"),
        ])
    func search(query: String, expected: String) async throws {
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, try await fixture())
        try await visitor.get("/console/search?q=" + ConsoleForm.encoded(query))
        let results = visitor.html.split(separator: "<main").last ?? ""
        #expect(expected.isEmpty ? results.contains("Nothing found") : results.contains(expected), "\(results)")
    }

    @Test("language and appearance stay as chosen")
    func preferences() async throws {
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, try await fixture())
        try await visitor.post("/console/preferences", ["language": "ja", "return": "/console/users"])
        try await visitor.follow()
        #expect(visitor.html.contains("<html lang=\"ja\""))
        try await visitor.post("/console/preferences", ["theme": "dark"])
        try await visitor.follow()
        #expect(visitor.html.contains("data-theme=\"dark\"") && visitor.html.contains("lang=\"ja\""))
        try await visitor.post("/console/preferences", ["theme": "\"><script>", "language": "../x"])
        try await visitor.follow()
        #expect(visitor.html.contains("data-theme=\"dark\""))
    }

    @Test("a token is shown once, and revoked")
    func tokens() async throws {
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, try await fixture())
        try await visitor.post(
            "/console/administrators/tokens/new",
            ["name": "reports", "role": "auditor", "scopes": "users sessions.list", "days": "30"])
        let token = try #require(visitor.html.split(separator: "<code>").last?.prefix { $0 != "<" })
        #expect(token.hasPrefix("roost_"))
        try await visitor.get("/console/administrators")
        #expect(visitor.html.contains("reports") && !visitor.html.contains(token))
        let id = try #require(visitor.html.split(separator: "name=\"id\" value=\"").last?.prefix { $0 != "\"" })
        try await visitor.post("/console/administrators/tokens/revoke", ["id": String(id)])
        try await visitor.follow()
        #expect(visitor.html.contains("No tokens."))
    }

    @Test("files of the pages may be kept for ever, under an address that changes with them")
    func assets() async throws {
        let fixture = try await fixture()
        let visitor = try await ConsoleVisitor.signedIn(as: .superuser, fixture)
        try await visitor.get("/console/")
        let path = try #require(
            visitor.html.split(separator: "href=\"").first { $0.contains("console.css") }?.prefix { $0 != "\"" })
        let answer = try await fixture.send("GET", "/" + String(path), as: nil)
        #expect(answer.status == 200 && answer["Cache-Control"]?.contains("immutable") == true)
        #expect(answer["Content-Type"]?.hasPrefix("text/css") == true)
        #expect(try await fixture.send("GET", "//console/assets/x/en.json", as: nil).status == 404)
    }
}
