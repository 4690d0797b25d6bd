import Crypto
import Foundation
import NIOHTTP1
import Testing

@testable import SIPServer

@Suite("XCAP: who may, and how")
struct XCAPAccessTests {
    private static let lists = "/resource-lists/users/sip:anna@example.org/index"

    @Test("without a login there is a challenge, by digest, and by Basic only where nobody listens")
    func challenge() async throws {
        try await withXCAP(["anna"]) { host in
            let answer = try await host.ask(.GET, Self.lists, as: nil)
            #expect(answer.status == 401)
            let lines = answer.headers["www-authenticate"]
            #expect(lines.count == 3)
            #expect(lines.contains { $0.contains("algorithm=SHA-256") && $0.contains("realm=\"example.org\"") })
            #expect(lines.contains { $0.hasPrefix("Basic ") })
            let open = try await host.ask(.GET, Self.lists, isSecure: false)
            #expect(open.status == 401, "Basic over an open connection")
            #expect(!open.headers["www-authenticate"].contains { $0.hasPrefix("Basic ") })
        }
    }

    private func hex(_ text: String, _ isSHA: Bool) -> String {
        let bytes: [UInt8] =
            isSHA ? Array(SHA256.hash(data: Data(text.utf8))) : Array(Insecure.MD5.hash(data: Data(text.utf8)))
        return bytes.map { String(format: "%02x", $0) }.joined()
    }

    private func nonce(_ host: XCAPHost) async throws -> String {
        let line = try await host.ask(.GET, Self.lists, as: nil).headers.first(name: "www-authenticate") ?? ""
        let parts = line.components(separatedBy: "nonce=\"")
        return parts.count > 1 ? parts[1].components(separatedBy: "\"")[0] : ""
    }

    private func authorization(
        _ nonce: String, _ count: Int, uri: String, method: String = "GET", password: String = "pencil",
        isSHA: Bool = true
    ) -> HTTPHeaders {
        let nc = String(format: "%08x", count)
        let ha1 = hex("anna:example.org:\(password)", isSHA)
        let response = hex("\(ha1):\(nonce):\(nc):abc:auth:\(hex("\(method):\(uri)", isSHA))", isSHA)
        return [
            "authorization":
                "Digest username=\"anna\", realm=\"example.org\", nonce=\"\(nonce)\", uri=\"\(uri)\", "
                + "algorithm=\(isSHA ? "SHA-256" : "MD5"), qop=auth, nc=\(nc), cnonce=\"abc\", response=\"\(response)\""
        ]
    }

    @Test("digest with either algorithm logs in, once for each count; a used one is stale", arguments: [true, false])
    func digest(_ isSHA: Bool) async throws {
        try await withXCAP(["anna"]) { host in
            let nonce = try await nonce(host)
            let uri = "/xcap-root" + Self.lists
            let first = authorization(nonce, 1, uri: uri, isSHA: isSHA)
            #expect(try await host.send(.GET, Self.lists, first).status == 200)
            let again = try await host.send(.GET, Self.lists, first)
            #expect(again.status == 401)
            #expect(again.headers["www-authenticate"].contains { $0.contains("stale=true") })
            let next = authorization(nonce, 2, uri: uri, isSHA: isSHA)
            #expect(try await host.send(.GET, Self.lists, next).status == 200)
            let made = authorization("made-up", 1, uri: uri, isSHA: isSHA)
            #expect(try await host.send(.GET, Self.lists, made).status == 401)
            let wrong = authorization(nonce, 3, uri: uri, password: "pen", isSHA: isSHA)
            let refused = try await host.send(.GET, Self.lists, wrong)
            #expect(refused.status == 401 && !refused.headers["www-authenticate"].contains { $0.contains("stale") })
            let elsewhere = authorization(nonce, 4, uri: uri + "/~~/resource-lists", isSHA: isSHA)
            #expect(try await host.send(.GET, Self.lists, elsewhere).status == 401)
        }
    }

    @Test("too many failures are refused before the password is looked at")
    func throttle() async throws {
        var config = SIPConfig()
        config.failuresPerAccount = 3
        try await withXCAP(["anna", "bob"], config: config) { host in
            for _ in 0..<3 { #expect(try await host.ask(.GET, Self.lists, password: "wrong").status == 401) }
            let answer = try await host.ask(.GET, Self.lists)
            #expect(answer.status == 429)
            #expect(answer.headers.first(name: "retry-after") != nil)
            let other = "/resource-lists/users/sip:bob@example.org/index"
            #expect(try await host.ask(.GET, other, as: "bob").status == 200)
        }
    }

    @Test("users reach their own tree and no other; the tree of the server is everybody's")
    func trees() async throws {
        try await withXCAP(["anna", "bob"]) { host in
            #expect(try await host.ask(.GET, Self.lists).status == 200)
            #expect(try await host.ask(.GET, Self.lists, as: "anna@example.org").status == 200)
            #expect(
                try await host.ask(.GET, "/resource-lists/users/sip%3Aanna%40example.org/index").status == 200)
            for path in [
                "/resource-lists/users/sip:bob@example.org/index",
                "/resource-lists/users/sip:nobody@example.org/index",
                "/pres-rules/users/sip:anna@example.com/index",
            ] {
                #expect(try await host.ask(.GET, path).status == 403, "\(path)")
                #expect(try await host.ask(.PUT, path, type: "application/resource-lists+xml").status == 403)
            }
            let capabilities = try await host.ask(.GET, "/xcap-caps/global/index")
            #expect(capabilities.status == 200 && capabilities.has("<auid>pres-rules</auid>"))
            #expect(capabilities.headers.first(name: "content-type") == "application/xcap-caps+xml")
            #expect(try await host.ask(.PUT, "/xcap-caps/global/index").status == 405)
            #expect(try await host.ask(.GET, "/rls-services/users/sip:anna@example.org/index").has("presence"))
            #expect(try await host.ask(.PUT, "/rls-services/users/sip:anna@example.org/index").status == 405)
        }
    }

    @Test(
        "what is malformed has its status",
        arguments: [
            (HTTPMethod.POST, "", "", 405), (.OPTIONS, "", "", 405), (.DELETE, "", "", 405),
            (.GET, "/~~/resource-lists/list[", "", 400), (.GET, "/~~/x:resource-lists", "", 400),
            (.GET, "/~~/resource-lists/list[7]", "", 404), (.DELETE, "/~~/resource-lists/list[7]", "", 404),
            (.PUT, "/~~/resource-lists/namespace::*", "", 405), (.PUT, "", "text/plain", 415),
            (.PUT, "/~~/resource-lists/list[1]", "application/resource-lists+xml", 415),
        ])
    func malformed(_ method: HTTPMethod, _ node: String, _ type: String, _ status: UInt) async throws {
        try await withXCAP(["anna"]) { host in
            let answer = try await host.ask(method, Self.lists + node, type: type.isEmpty ? nil : type)
            #expect(answer.status == status)
            if status == 405 { #expect(answer.headers.first(name: "allow") != nil) }
        }
    }

    @Test("what is nowhere is not found")
    func nowhere() async throws {
        try await withXCAP(["anna"]) { host in
            for path in [
                "/foo/users/sip:anna@example.org/index", "/resource-lists/users/sip:anna@example.org/other", "/",
                "/resource-lists", "/resource-lists/global/index", "/resource-lists/users/%zz/index",
            ] {
                #expect(try await host.ask(.GET, path).status == 404, "\(path)")
            }
            let _: Bool = try await host.perform { parts, done in
                parts.mount.isOn = false
                done(true)
            }
            #expect(try await host.ask(.GET, Self.lists).status == 404)
        }
    }
}
