import Foundation
import HTTPTypes
import Testing

@testable import AdminServer

/// Somebody in front of the console: keeps cookies, and sends forms with the token of the page.
final class ConsoleVisitor {
    let fixture: AdminFixture
    private(set) var cookies: [String: String] = [:]
    private(set) var html = ""
    private(set) var status = 0
    private(set) var location = ""
    var language = "en"
    var headers: [String: String] = [:]

    init(_ fixture: AdminFixture) {
        self.fixture = fixture
    }

    /// A visitor who has signed in in a role.
    static func signedIn(as role: AdminRole, _ fixture: AdminFixture) async throws -> ConsoleVisitor {
        let name = "visitor-\(role.rawValue)"
        let password = "correct horse battery"
        _ = try await fixture.send(
            "POST", "/administrators", #"{"name":"\#(name)","password":"\#(password)","role":"\#(role.rawValue)"}"#)
        let visitor = ConsoleVisitor(fixture)
        try await visitor.post("/console/sign-in", ["name": name, "password": password])
        #expect(visitor.status == 303 && visitor.location == "/console/", "\(visitor.status) \(visitor.html)")
        return visitor
    }

    func get(_ path: String) async throws { try await send("GET", path, nil) }

    /// - Parameter token: nil for the one of the session.
    func post(_ path: String, _ fields: KeyValuePairs<String, String>, token: String? = nil) async throws {
        let csrf = token ?? self.token
        let encoded = (Array(fields) + [(key: "csrf", value: csrf)]).map {
            "\(ConsoleForm.encoded($0.key))=\(ConsoleForm.encoded($0.value))"
        }
        try await send("POST", path, encoded.joined(separator: "&"))
    }

    /// Follows the redirect of the last answer.
    func follow() async throws {
        #expect(status == 303, "no redirect: \(status) \(html)")
        try await get(location)
    }

    /// The token of the session, once it is known.
    private(set) var token = ""

    private func send(_ method: String, _ path: String, _ body: String?) async throws {
        var fields = headers
        fields["Cookie"] = cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
        fields["Accept-Language"] = language
        if body != nil { fields["Content-Type"] = "application/x-www-form-urlencoded" }
        let answer = try await fixture.send(method, "/" + path, body, headers: fields, as: nil)
        for field in answer.headers[values: .setCookie] {
            let pair = field.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            cookies[String(pair[0])] = field.contains("Max-Age=0") ? nil : String(pair[1])
        }
        (status, location) = (answer.status, answer["Location"] ?? "")
        html = String(decoding: answer.body, as: UTF8.self)
        if let part = html.split(separator: "name=\"csrf\" value=\"").dropFirst().first {
            token = String(part.prefix { $0 != "\"" })
        } else if status == 303, token.isEmpty, cookies[ConsoleCookie.name] != nil {
            try await fetchToken()
        }
        #expect(answer.headers[.contentSecurityPolicy]?.contains("script-src 'self'") == true)
    }

    private func fetchToken() async throws {
        let kept = (status, location, html)
        try await get("/console/api")
        (status, location, html) = kept
    }
}
