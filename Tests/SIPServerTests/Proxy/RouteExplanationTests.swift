import NIOCore
import SIPWire
import Testing
import XMPPWire

@testable import SIPServer

@Suite("Explanation of routes", .timeLimit(.minutes(1)))
struct RouteExplanationTests {
    private func explain(_ uri: String, from sender: String? = nil, _ bench: SIPBench) async throws -> RouteExplanation
    {
        let promise = bench.loop.makePromise(of: RouteExplanation.self)
        let wanted = try #require(SIPURI(uri))
        let from = try sender.map { try JID(parsing: $0) }
        try await bench.on { server in server.explainRoute(of: wanted, from: from) { promise.succeed($0) } }
        return try await promise.futureResult.get()
    }

    private static let trunks: @Sendable (inout SIPConfig) -> Void = { config in
        var one = TrunkSettings(name: "one", destinations: ["192.0.2.1;transport=tcp", "192.0.2.2:5070"])
        one.domains = ["phones.test"]
        one.prefix = "9"
        config.trunks = [one]
        config.routes = [
            RouteSettings(domain: "lost.test", trunk: "nowhere"), RouteSettings(prefix: "+49", trunk: "one"),
            RouteSettings(domain: "*.partner.test", trunk: "one"),
        ]
    }

    @Test(
        "a request goes where its address, the routes and the trunks say",
        arguments: [
            ("sip:anna@example.com", RouteExplanation.Verdict.user, "No contact"),
            ("sip:example.com", .user, "The server itself"),
            ("sip:nobody@example.com", .refused, "404"),
            ("sip:+4930123@example.com", .trunk, "sip:9+4930123@192.0.2.1"),
            ("tel:+4930123", .trunk, "one"),
            ("sip:x@phones.test", .trunk, "sip:x@phones.test"),
            ("sip:x@a.partner.test", .trunk, "sip:x@a.partner.test"),
            ("sip:x@lost.test", .refused, "404"),
            ("sip:x@elsewhere.test", .refused, "404"),
        ])
    func verdicts(uri: String, verdict: RouteExplanation.Verdict, text: String) async throws {
        try await withServer(["anna"], configure: Self.trunks) { bench in
            let found = try await explain(uri, bench)
            #expect(found.verdict == verdict && found.text.contains(text), "\(found)")
            if verdict == .trunk {
                #expect(found.targets == ["tcp 192.0.2.1:5060", "udp 192.0.2.2:5070"], "\(found.targets)")
            }
        }
    }

    @Test("strangers are refused unless the server is open to them, and never passed on to other strangers")
    func strangers() async throws {
        try await withServer(["anna"], configure: Self.trunks) { bench in
            let found = try await explain("sip:anna@example.com", from: "eve@elsewhere.test", bench)
            #expect(found.verdict == .refused && found.text.hasPrefix("403"))
            let relay = try await explain("sip:x@phones.test", from: "eve@elsewhere.test", bench)
            #expect(relay.verdict == .refused && relay.text.hasPrefix("403"))
        }
        try await withServer(["anna"], configure: { $0.acceptsForeign = true }) { bench in
            let own = try await explain("sip:anna@example.com", from: "eve@elsewhere.test", bench)
            #expect(own.verdict == .user)
            let foreign = try await explain("sip:x@192.0.2.9", bench)
            #expect(foreign.verdict == .dns && foreign.targets == ["udp 192.0.2.9:5060"])
            let relay = try await explain("sip:x@192.0.2.9", from: "eve@elsewhere.test", bench)
            #expect(relay.verdict == .refused)
        }
    }
}
