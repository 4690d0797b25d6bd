import Foundation
import Testing

@testable import AdminServer

private let anna = #"{"jid": "anna@example.com", "password": "s3cret", "name": "Anna"}"#

@Suite("HTTP API", .timeLimit(.minutes(1)))
struct APITests {
    @Test("a life of an account, with location, tag and nothing left")
    func account() async throws {
        let fixture = try await AdminFixture()
        let made = try await fixture.send("POST", "/users", anna)
        #expect(made.status == 201 && made["Location"] == "/api/v1/users/anna@example.com")
        let read = try await fixture.send("GET", "/users/anna%40example.com")
        #expect(read.status == 200 && read.json["name"] == "Anna" && read["ETag"]?.hasPrefix("\"") == true)
        let head = try await fixture.send("HEAD", "/users/anna@example.com")
        #expect(head.status == 200 && head.body.isEmpty && head["Content-Length"] == "\(read.body.count)")
        let same = try await fixture.send("GET", "/users/anna@example.com", headers: ["If-None-Match": read["ETag"]!])
        #expect(same.status == 304 && same.body.isEmpty)
        let changed = try await fixture.send("PATCH", "/users/anna@example.com", #"{"isAdmin": true}"#)
        #expect(changed.status == 200 && changed.json["isAdmin"] == true && changed.json["name"] == "Anna")
        #expect(try await fixture.send("DELETE", "/users/anna@example.com").status == 204)
        #expect(try await fixture.send("GET", "/users/anna@example.com").status == 404)
    }

    @Test("a change that is meant for another state is refused")
    func conditional() async throws {
        let fixture = try await AdminFixture()
        _ = try await fixture.send("POST", "/users", anna)
        let tag = try #require(try await fixture.send("GET", "/users/anna@example.com")["ETag"])
        let first = try await fixture.send(
            "PATCH", "/users/anna@example.com", #"{"name": "A."}"#, headers: ["If-Match": tag])
        #expect(first.status == 200)
        let second = try await fixture.send(
            "PATCH", "/users/anna@example.com", #"{"name": "B."}"#, headers: ["If-Match": tag])
        #expect(second.status == 412 && second.problem?.type == "urn:roost:problem:precondition-failed")
        #expect(try await fixture.send("GET", "/users/anna@example.com").json["name"] == "A.")
        let any = try await fixture.send("DELETE", "/users/anna@example.com", headers: ["If-Match": "*"])
        #expect(any.status == 204)
        let gone = try await fixture.send("DELETE", "/users/anna@example.com", headers: ["If-Match": "*"])
        #expect(gone.status == 412)
    }

    @Test("the same request with the same key is done once; another one with it is refused")
    func idempotency() async throws {
        let fixture = try await AdminFixture()
        let key = ["Idempotency-Key": "k1"]
        let first = try await fixture.send("POST", "/users", anna, headers: key)
        let again = try await fixture.send("POST", "/users", anna, headers: key)
        #expect(first.status == 201 && again.status == 201 && again.body == first.body)
        #expect(again["Location"] == first["Location"])
        // Without the key the second one is another request.
        #expect(try await fixture.send("POST", "/users", anna).status == 409)
        let other = try await fixture.send(
            "POST", "/users", #"{"jid": "bob@example.com", "password": "p"}"#, headers: key)
        #expect(other.status == 422)
        // Somebody else's key is another key.
        let elsewhere = try await fixture.send(
            "POST", "/users", #"{"jid": "bob@example.com", "password": "p"}"#, headers: key,
            as: AdminPrincipal(name: "other", role: .administrator, origin: .token("t")))
        #expect(elsewhere.status == 201)
        fixture.time.advance(milliseconds: IdempotencyKeys.life + 1)
        #expect(try await fixture.send("POST", "/users", anna, headers: key).status == 409)
    }

    @Test("a refusal is remembered too, a failure of the server is not")
    func idempotentRefusals() async throws {
        let fixture = try await AdminFixture()
        let key = ["Idempotency-Key": "k1"]
        _ = try await fixture.send("POST", "/users", anna)
        #expect(try await fixture.send("POST", "/users", anna, headers: key).status == 409)
        _ = try await fixture.send("DELETE", "/users/anna@example.com")
        #expect(try await fixture.send("POST", "/users", anna, headers: key).status == 409)
        let broken = #"{"jid": "broken@example.com", "password": "p"}"#
        #expect(try await fixture.send("POST", "/users", broken, headers: ["Idempotency-Key": "k2"]).status == 500)
        #expect(try await fixture.send("POST", "/users", anna, headers: ["Idempotency-Key": "k2"]).status == 201)
        let long = String(repeating: "k", count: 257)
        #expect(try await fixture.send("POST", "/users", anna, headers: ["Idempotency-Key": long]).status == 400)
    }

    @Test("pages lead to each other until the end")
    func paging() async throws {
        let fixture = try await AdminFixture()
        for number in 1...7 {
            try await fixture.backend.addUser(.init(jid: "u\(number)@example.com", password: "p"))
        }
        var target = "/users?limit=3&query=u"
        var seen: [String] = []
        for _ in 1...3 {
            let page = try await fixture.send("GET", target)
            guard case .array(let items)? = page.json["items"] else { return #expect(Bool(false)) }
            seen += items.compactMap { $0["jid"]?.text }
            guard let link = page["Link"] else { break }
            #expect(link.hasSuffix("; rel=\"next\""))
            target = String(link.dropFirst("</api/v1".count).prefix { $0 != ">" })
            #expect(target.contains("query=u"))
        }
        #expect(seen == (1...7).map { "u\($0)@example.com" })
    }

    @Test(
        "every kind of error is a problem document of its own type",
        arguments: [
            ("GET", "/none", nil, [:], 404, "not-found"),
            ("GET", "/users/x%ZZ", nil, [:], 404, "not-found"),
            ("PUT", "/users", nil, [:], 405, "method-not-allowed"),
            ("TRACE", "/status", nil, [:], 405, "method-not-allowed"),
            ("GET", "/users?limit=0", nil, [:], 400, "bad-request"),
            ("GET", "/users?limit=x", nil, [:], 400, "bad-request"),
            ("GET", "/users?unknown=1", nil, [:], 400, "bad-request"),
            ("GET", "/users?limit=1&limit=2", nil, [:], 400, "bad-request"),
            ("GET", "/users?query=%FF", nil, [:], 400, "bad-request"),
            ("GET", "/audit?since=yesterday", nil, [:], 400, "bad-request"),
            ("GET", "/status", "{}", [:], 400, "bad-request"),
            ("POST", "/users", "{", [:], 400, "bad-request"),
            ("POST", "/users", nil, [:], 400, "bad-request"),
            ("POST", "/users", "{}", [:], 422, "invalid"),
            ("POST", "/users", "<a/>", ["Content-Type": "application/xml"], 415, "unsupported-media-type"),
            ("POST", "/users", #"{"jid": "nobody", "password": "p"}"#, [:], 422, "invalid"),
            ("POST", "/users", #"{"jid": "broken@example.com", "password": "p"}"#, [:], 500, "internal-error"),
            ("GET", "/users/x@example.com", nil, [:], 404, "not-found"),
            ("GET", "/status", nil, ["Authorization": "Basic eDp5"], 401, "unauthenticated"),
            ("GET", "/status", nil, ["Authorization": "Bearer roost_x"], 401, "unauthenticated"),
        ] as [(String, String, String?, [String: String], Int, String)])
    func problems(
        method: String, path: String, body: String?, headers: [String: String], status: Int, type: String
    ) async throws {
        let fixture = try await AdminFixture()
        let answer = try await fixture.send(method, path, body, headers: headers)
        #expect(answer.status == status, "\(String(decoding: answer.body, as: UTF8.self))")
        #expect(answer["Content-Type"] == "application/problem+json")
        let problem = try #require(answer.problem)
        #expect(problem.type == "urn:roost:problem:" + type && problem.status == status)
        #expect(!problem.title.isEmpty && !problem.detail.isEmpty && problem.request == "0123456789abcdef")
        if status == 405 { #expect(answer["Allow"]?.contains("GET") == true) }
    }

    @Test("a body beyond its bound is refused without content length too")
    func tooLarge() async throws {
        let fixture = try await AdminFixture()
        let body = "{\"name\": \"" + String(repeating: "a", count: AdminLimits.bodyBytes) + "\"}"
        let answer = try await fixture.send("PATCH", "/users/x@example.com", body)
        #expect(answer.status == 413 && answer.problem?.type == "urn:roost:problem:too-large")
    }

    @Test("fields that are wrong are pointed to, without their values")
    func pointers() async throws {
        let fixture = try await AdminFixture()
        let answer = try await fixture.send(
            "POST", "/users/import",
            #"{"users": [{"jid": "a@b", "password": "p"}, {"jid": 5, "password": ["hunter2"]}]}"#)
        #expect(answer.status == 422)
        #expect(Set(answer.problem?.errors?.compactMap(\.pointer) ?? []) == ["#/users/1/jid", "#/users/1/password"])
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("hunter2"))
        let query = try await fixture.send("GET", "/users?limit=5000")
        #expect(query.problem?.errors?.first?.parameter == "limit")
    }

    @Test("every answer has the headers that protect")
    func headers() async throws {
        let fixture = try await AdminFixture()
        for path in ["/status", "/none", "//", "/openapi.json"] {
            let answer = try await fixture.send("GET", path)
            #expect(answer["X-Content-Type-Options"] == "nosniff")
            #expect(answer["Strict-Transport-Security"]?.hasPrefix("max-age=") == true)
            #expect(answer["Cache-Control"] == "no-store")
            let policy = try #require(answer["Content-Security-Policy"])
            #expect(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-inline"))
            #expect(answer["Access-Control-Allow-Origin"] == nil)
        }
    }

    @Test("passwords reach neither the log nor the audit nor an answer")
    func secrets() async throws {
        let capture = LogCapture()
        let fixture = try await AdminFixture(logger: capture.logger)
        var answers = ""
        for (method, path, body) in [
            ("POST", "/users", #"{"jid": "anna@example.com", "password": "hunter2"}"#),
            ("POST", "/users", #"{"jid": "broken@example.com", "password": "hunter2"}"#),
            ("POST", "/users", #"{"jid": 5, "password": "hunter2"}"#),
            ("PUT", "/users/anna@example.com/password", #"{"password": "hunter2"}"#),
            ("PUT", "/users/none@example.com/password", #"{"password": "hunter2"}"#),
            ("POST", "/administrators", #"{"name": "eve", "password": "hunter2hunter2", "role": "auditor"}"#),
        ] {
            answers += String(decoding: try await fixture.send(method, path, body).body, as: UTF8.self)
        }
        answers += String(decoding: try await fixture.send("GET", "/audit").body, as: UTF8.self)
        #expect(!answers.contains("hunter2"), "\(answers)")
        #expect(capture.lines.all.contains { $0.contains("users.create") })
        #expect(!capture.lines.all.contains { $0.contains("hunter2") })
    }
}

@Suite("OpenAPI document")
struct OpenAPITests {
    @Test(
        "it describes every operation with its parameters, bodies, answers and roles, and refers to nothing that is missing"
    )
    func document() async throws {
        let fixture = try await AdminFixture()
        let answer = try await fixture.send("GET", "/openapi.json", as: nil)
        #expect(answer.status == 200 && answer.json["openapi"] == "3.1.0")
        guard case .object(let paths)? = answer.json["paths"],
            case .object(let schemas)? = answer.json["components"]?["schemas"]
        else { return #expect(Bool(false)) }
        for operation in AdminOperations.all {
            let described = paths[operation.path]?[operation.method.rawValue.lowercased()]
            #expect(described?["operationId"] == .string(operation.name))
            #expect((described?["requestBody"] != nil) == (operation.body != nil), "\(operation.name)")
        }
        let text = String(decoding: answer.body, as: UTF8.self)
        for reference in text.matches(of: /"#\/components\/schemas\/([^"]+)"/) {
            #expect(schemas[String(reference.1)] != nil, "\(reference.1)")
        }
        for (name, schema) in schemas {
            #expect(name.contains(/^[A-Za-z0-9._-]+$/) && schema != .null, "\(name)")
        }
    }

    @Test("every path has parameters for its gaps, and only those")
    func parameters() {
        for operation in AdminOperations.all {
            let gaps = Set(operation.path.matches(of: /\{([^}]*)\}/).map { String($0.1) })
            #expect(gaps == Set(operation.parameters.filter { $0.place == .path }.map(\.name)), "\(operation.name)")
        }
    }
}
