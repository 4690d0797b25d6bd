import Foundation
import IMCore
import SIPWire
import Testing
import XMPPWire

@testable import SIPServer

@Suite("Messages of every type and size between phones", .serialized)
struct LargeMessageTests {
    private static let bob = "sip:bob@example.com"
    private static let long = String(repeating: "long ", count: 800)

    @Test("a long MESSAGE goes to a phone on UDP over TCP, and as a datagram where there is no TCP")
    func switched() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            let deaf = try Phone("bob", server: bench.udp)
            try anna.register()
            try deaf.register()
            anna.say(Self.long, to: Self.bob, callID: "c1")
            let first = try deaf.request(.message)
            #expect(first.body.string == Self.long)
            deaf.answer(first, 200)
            #expect(try anna.final(.message).statusCode == 200)
            try deaf.register(expires: 0)
            let listener = try StreamPhone()
            let bob = try Phone("bob", server: bench.udp, at: listener.port)
            try bob.register()
            anna.say(Self.long, to: Self.bob, callID: "c2")
            let second = try listener.request()
            #expect(second.body.string == Self.long && second.requestURIText.string == bob.contact)
            listener.answer(second, 200)
            #expect(try anna.final(.message).statusCode == 200)
            // What fits stays where it was.
            anna.say("short", to: Self.bob, callID: "c3")
            let third = try bob.request(.message)
            #expect(third.body.string == "short")
            bob.answer(third, 200)
        }
    }

    @Test("behind address translation nothing but the flow is used; what no datagram carries is refused with 513")
    func translated() async throws {
        try await withServer(["anna", "bob"], durability: .process, configure: { $0.contentBytes = 100_000 }) { bench in
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            let listener = try MSRPSocket()
            let bob = try Phone("bob", server: bench.udp, at: listener.port)
            bob.behindTranslation = true
            try anna.register()
            try bob.register()
            anna.say(Self.long, to: Self.bob, callID: "c1")
            let message = try bob.request(.message)
            #expect(message.body.string == Self.long)
            bob.answer(message, 200)
            #expect(try anna.final(.message).statusCode == 200)
            anna.say(String(repeating: "x", count: 65_100), to: Self.bob, callID: "c2")
            let refused = try anna.final(.message)
            #expect(refused.statusCode == 513, "\(refused.bytes)")
            #expect(throws: Phone.Silence.self) { try listener.accept(within: 0) }
        }
    }

    @Test("a large INVITE of one phone reaches the other, whatever UDP says of its size")
    func proxied() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            let listener = try StreamPhone()
            let bob = try Phone("bob", server: bench.udp, at: listener.port)
            try bob.register()
            anna.send(anna.make("INVITE", Self.bob, lines: ["Contact: <\(anna.contact)>"], body: Self.long))
            let invite = try listener.request()
            #expect(invite.body.string == Self.long)
            listener.answer(invite, 486)
            #expect(try anna.final(.invite).statusCode == 486)
        }
    }

    @Test("a body that nobody here reads goes to the recipient's phones as it came, and their answer comes back")
    func anyType() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let phones = [try Phone("bob", server: bench.udp), try Phone("bob", server: bench.udp)]
            for phone in phones { try phone.register() }
            let picture = "\u{1}PNG\r\n\r\nbytes"
            anna.say(picture, to: Self.bob, type: "image/png", lines: ["Content-Encoding: gzip", "X-Own: kept"])
            for phone in phones {
                let message = try phone.request(.message)
                #expect(message.body.string == picture)
                #expect(message.first(.contentType)?.string == "image/png")
                #expect(message.first(.contentEncoding)?.string == "gzip")
                #expect(message.lineCount(.via) == 2)
                phone.answer(message, 200)
            }
            #expect(try anna.final(.message).statusCode == 200)
            anna.say(picture, to: Self.bob, type: "image/png", callID: "again")
            for phone in phones { phone.answer(try phone.request(.message), 415, lines: ["Accept: text/plain"]) }
            let refused = try anna.final(.message)
            #expect(refused.statusCode == 415 && refused.values(.accept) == ["text/plain"])
        }
    }

    @Test("where no phone can take it the answer is 415 with what would be taken: offline, XMPP alone, blocked, nobody")
    func noType() async throws {
        try await withServer(["anna", "bob", "carol"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let carol = try Phone("carol", server: bench.udp)
            try carol.register()
            _ = try await RemoteDesk.signIn("bob", on: bench)
            try await bench.on { server in
                server.router.homes.withHome(SIPBench.jid("carol")) { home in
                    if let home { server.router.block([SIPBench.jid("anna")], home) { _ in } }
                }
            }
            for name in ["bob", "carol", "nobody"] {
                anna.say("x", to: "sip:\(name)@example.com", type: "image/png", callID: name)
                let answer = try anna.final(.message)
                #expect(answer.statusCode == 415, "\(name)")
                #expect(answer.values(.accept).contains("text/plain"))
            }
            #expect(carol.isSilent())
        }
    }

    @Test("who has blocked somebody does not write to them, whatever the type")
    func ownRules() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            try bob.register()
            try await bench.on { server in
                server.router.homes.withHome(SIPBench.jid("anna")) { home in
                    if let home { server.router.block([SIPBench.jid("bob")], home) { _ in } }
                }
            }
            for type in ["image/png", "text/plain"] {
                anna.say("x", to: Self.bob, type: type, callID: type)
                #expect(try anna.final(.message).statusCode == 406)
            }
            #expect(bob.isSilent())
        }
    }
}
