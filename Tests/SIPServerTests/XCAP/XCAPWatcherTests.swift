import Foundation
import IMCore
import NIOCore
import NIOHTTP1
import Testing
import Transport
import XMPPWire

@testable import SIPServer
@testable import SIPWire

@Suite("Presence rules and watchers of both protocols", .serialized)
struct XCAPWatcherTests {
    /// Puts anna's rules as her SIP client does.
    private func put(_ rules: String, _ bench: SIPBench) async throws -> UInt {
        let text =
            "<ruleset xmlns='urn:ietf:params:xml:ns:common-policy' xmlns:pr='urn:ietf:params:xml:ns:pres-rules'>"
            + rules + "</ruleset>"
        let promise = bench.loop.makePromise(of: UInt.self)
        try await bench.on { server in
            let mount = XCAPMount(server)
            var headers = HTTPHeaders()
            headers.add(name: "content-type", value: "application/auth-policy+xml")
            headers.add(name: "authorization", value: "Basic " + Data("anna:secret".utf8).base64EncodedString())
            let request = HTTPRequest(
                method: .PUT, path: "/xcap-root/pres-rules/users/sip:anna@example.com/index", query: nil,
                headers: headers, body: ByteBuffer(string: text), address: "127.0.0.1", isSecure: true, usesTLS: true)
            mount.answer(request) { response in
                // The mount lives until it has answered.
                withExtendedLifetime(mount) { promise.succeed(response.status.code) }
            }
        }
        return try await promise.futureResult.get()
    }

    private func rule(_ handling: String, _ user: String) -> String {
        "<rule id='r-\(user)'><conditions><identity><one id='sip:\(user)@example.com'/></identity></conditions><actions>"
            + "<pr:sub-handling>\(handling)</pr:sub-handling></actions></rule>"
    }

    private func sees(_ viewer: String, _ bench: SIPBench) async throws -> WatcherRight {
        let promise = bench.loop.makePromise(of: WatcherRight.self)
        try await bench.on { server in
            let router = server.router
            router.homes.withHome(SIPBench.jid("anna")) { anna in
                router.homes.withHome(SIPBench.jid(viewer)) { home in
                    promise.succeed(anna.map { router.watcherRight(of: $0, for: SIPBench.jid(viewer), home) } ?? .none)
                }
            }
        }
        return try await promise.futureResult.get()
    }

    @Test(
        "a rule keeps a SIP watcher out politely, allowing brings the user back, taking it back ends the subscription")
    func rules() async throws {
        try await withServer(["anna", "bob"], configure: { $0.notifySeconds = 0 }) { bench in
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            #expect(try anna.publish(Phone.document("anna", note: "here")).statusCode == 200)
            let watched = try Watched(bob, anna.address)
            #expect(try watched.next().state.hasPrefix("pending"))
            #expect(try await put(rule("allow", "bob"), bench) == 200)
            let open = try watched.next()
            #expect(open.state.hasPrefix("active") && open.isOpen)
            for handling in ["polite-block", "block"] {
                #expect(try await put(rule(handling, "bob"), bench) == 200)
                let closed = try watched.next()
                #expect(closed.state.hasPrefix("active") && !closed.isOpen && !closed.text.contains("here"))
                #expect(try await sees("bob", bench) == .hidden)
                // What happens meanwhile is nothing to him.
                #expect(try anna.publish(Phone.document("anna", note: "secret")).statusCode == 200)
                #expect(try await put(rule("allow", "bob"), bench) == 200)
                let back = try watched.next()
                #expect(back.isOpen && back.cseqNumber == closed.cseqNumber + 1)
            }
            #expect(try await put(rule("confirm", "bob"), bench) == 200)
            #expect(try watched.next().state == "terminated;reason=rejected")
        }
    }

    @Test("a block of XMPP holds for SIP watchers and is in the rules; putting rules without it lifts it for both")
    func blocks() async throws {
        try await withServer(["anna", "bob"], configure: { $0.notifySeconds = 0 }) { bench in
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            #expect(try anna.publish(Phone.document("anna", note: "here")).statusCode == 200)
            let watched = try Watched(bob, anna.address)
            #expect(try watched.next().state.hasPrefix("pending"))
            try await Anna.subscription(.subscribed, from: "anna", to: "bob", bench)
            #expect(try watched.next().isOpen)
            try await Anna.block(true, "bob", by: "anna", bench)
            #expect(!(try watched.next().isOpen))
            #expect(try await sees("bob", bench) == .hidden)
            #expect(try await put(rule("allow", "bob"), bench) == 200)
            #expect(try watched.next().isOpen)
            #expect(try await sees("bob", bench) == .sees)
        }
    }
}
