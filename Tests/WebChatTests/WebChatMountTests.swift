import Foundation
import NIOCore
import NIOHTTP1
import Testing
import Transport

@testable import WebChat

@Suite struct WebChatMountTests {
    private let on = WebChatSettings(
        isOn: true,
        domains: [
            .init(name: "example.com"),
            .init(name: "example.org", allowsHistory: false, allowsCutAndPaste: false),
        ], banner: "Members \"only\"", httpsPort: 5443, version: "1.2.3")

    private func request(
        _ path: String, method: HTTPMethod = .GET, headers: HTTPHeaders = [:]
    ) -> HTTPRequest {
        HTTPRequest(
            method: method, path: path, headers: headers, address: "127.0.0.1", isSecure: true, usesTLS: false)
    }

    private func ask(_ path: String, method: HTTPMethod = .GET, headers: HTTPHeaders = [:]) -> HTTPResponse {
        WebChatMount(on).response(to: request(path, method: method, headers: headers))
    }

    private func text(_ response: HTTPResponse) -> String { String(buffer: response.body) }

    @Test func everyFileThatThePageNamesIsServedAndNothingElse() throws {
        let page = text(ask("/chat/"))
        #expect(page.contains("<!doctype html>"))
        for (name, asset) in WebChatAssets.all {
            let response = ask("/chat/" + name)
            #expect(response.status == .ok, "\(name)")
            #expect(response.headers.first(name: "content-type") == asset.type)
            guard asset.type.hasPrefix("text/javascript") else { continue }
            for line in text(response).split(separator: "\n") where line.contains("from \"./") {
                let module = line.split(separator: "\"").dropFirst().first.map { String($0.dropFirst(2)) } ?? ""
                #expect(WebChatAssets.all[module] != nil, "\(name) imports \(module)")
            }
        }
        for path in ["/chat/elsewhere.js", "/chat/../roost.yaml", "/chat//", "/chat/texts/fr.json"] {
            #expect(ask(path).status == .notFound, "\(path)")
        }
    }

    @Test func pagesAreProtectedAndNothingComesFromElsewhere() throws {
        for path in ["/chat/", "/chat/app.js", "/chat/config.json"] {
            let headers = ask(path).headers
            let policy = try #require(headers.first(name: "content-security-policy"))
            #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
            #expect(!policy.contains("unsafe") && !policy.contains("*"))
            #expect(headers.first(name: "x-frame-options") == "DENY")
            #expect(headers.first(name: "referrer-policy") == "no-referrer")
        }
        let page = text(ask("/chat/"))
        #expect(!page.contains("://") && !page.contains("style=") && !page.contains(" onclick"))
        for name in WebChatAssets.all.keys where name.hasSuffix(".js") {
            let script = text(ask("/chat/" + name))
            #expect(!script.contains("innerHTML") && !script.contains("insertAdjacentHTML"), "\(name)")
        }
    }

    @Test func theConfigurationTellsDomainsBannerAndPolicies() throws {
        let response = ask("/chat/config.json")
        #expect(response.headers.first(name: "cache-control") == "no-store")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(response.body.readableBytesView)) as? [String: Any])
        #expect(object["banner"] as? String == "Members \"only\"")
        #expect(object["https_port"] as? Int == 5443)
        #expect(object["websocket"] as? String == "/xmpp-websocket")
        #expect((object["languages"] as? [String])?.first == "en")
        let domains = try #require(object["domains"] as? [[String: Any]])
        #expect(domains.map { $0["name"] as? String } == ["example.com", "example.org"])
        #expect(domains.map { $0["allow_history"] as? Bool } == [true, false])
        #expect(domains.map { $0["allow_cut_paste"] as? Bool } == [true, false])
    }

    @Test func aFileThatTheBrowserHasIsNotSentAgain() throws {
        let tag = try #require(ask("/chat/app.js").headers.first(name: "etag"))
        let again = ask("/chat/app.js", headers: ["if-none-match": tag])
        #expect(again.status == .notModified && again.body.readableBytes == 0)
        #expect(ask("/chat/app.js", headers: ["if-none-match": "\"other\""]).status == .ok)
    }

    @Test func onlyReadingIsAllowed() {
        #expect(ask("/chat/", method: .POST).status == .methodNotAllowed)
        #expect(ask("/chat", method: .GET).headers.first(name: "location") == "/chat/")
    }

    @Test func whenItIsOffNothingIsThere() {
        let mount = WebChatMount(on)
        mount.settings.isOn = false
        for path in ["/chat", "/chat/", "/chat/config.json"] {
            #expect(mount.response(to: request(path)).status == .notFound, "\(path)")
        }
        #expect(WebChatEntrance(isOn: false).response(to: request("/")).status == .notFound)
    }

    @Test func theEntranceLeadsToTheChatAndAnswersForNothingElse() {
        let entrance = WebChatEntrance(isOn: true)
        #expect(entrance.response(to: request("/")).headers.first(name: "location") == "/chat/")
        #expect(entrance.response(to: request("/elsewhere")).status == .notFound)
        #expect(entrance.response(to: request("/", method: .POST)).status == .notFound)
    }

    @Test func cataloguesHaveTheSameTexts() throws {
        var keys: [String: Set<String>] = [:]
        for (language, bytes) in WebChatAssets.catalogues {
            let texts = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: String])
            keys[language] = Set(texts.keys)
            #expect(texts.values.allSatisfy { !$0.isEmpty }, "\(language)")
        }
        let first = try #require(keys[WebChatAssets.catalogues[0].language])
        for (language, own) in keys {
            #expect(own == first, "\(language): \(own.symmetricDifference(first).sorted())")
        }
    }
}
