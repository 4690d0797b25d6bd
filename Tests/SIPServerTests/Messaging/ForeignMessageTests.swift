import Ground
import IMCore
import SIPWire
import Testing
import XMPPWire

@testable import SIPServer

@Suite("Messages to people behind trunks", .serialized)
struct ForeignMessageTests {
    /// A server with anna signed in over XMPP, and a trunk to pbx.example.net.
    ///
    /// - Parameter sends: whatever comes from its address is the trunk's; false where phones of ours are there too.
    private func withTrunk(
        sends: Bool = true, _ body: (SIPBench, Phone, RemoteDesk) async throws -> Void
    ) async throws {
        try await withServer(["anna"]) { bench in
            let trunk = try Phone("carol", server: bench.udp, domain: "pbx.example.net")
            let port = trunk.port
            try await bench.on { server in
                var config = server.config
                var settings = TrunkSettings(name: "pbx", destinations: ["127.0.0.1:\(port);transport=udp"])
                if sends { settings.addresses = [AddressRange("127.0.0.1")].compactMap { $0 } }
                settings.domains = ["pbx.example.net"]
                settings.keepAliveSeconds = 0
                config.trunks = [settings]
                server.reconfigure(config)
            }
            try await body(bench, trunk, try await RemoteDesk.signIn("anna", on: bench))
        }
    }

    @Test("a client's message goes out with the whole address, and a refusal comes back as an error")
    func out() async throws {
        try await withTrunk { _, trunk, anna in
            try await anna.send(
                "<body>hello out there</body><thread>t7</thread>", to: "carol@pbx.example.net", id: "f1")
            let message = try trunk.request(.message)
            #expect(message.requestURIText.string == "sip:carol@pbx.example.net")
            #expect(message.from?.uri.text.string == "sip:anna@example.com;gr=desk")
            #expect(message.callID.string == "t7")
            #expect(message.body.string == "hello out there")
            // The next one waits for the answer.
            try await anna.send("<body>second</body>", to: "carol@pbx.example.net", id: "f2")
            #expect(trunk.isSilent())
            trunk.answer(message, 404)
            let error = try Desk.element(try await anna.next())
            #expect(error["type"] == "error" && error["id"] == "f1")
            #expect(error["from"] == "carol@pbx.example.net")
            let condition = error.child("error", namespace: "jabber:client")?.elements.first?.name
            #expect(condition == "item-not-found")
            let second = try trunk.request(.message)
            #expect(second.body.string == "second")
            trunk.answer(second, 202)
        }
    }

    @Test("a message from behind the trunk is from the address there, and a trunk does not speak for our users")
    func comesIn() async throws {
        try await withTrunk { _, trunk, anna in
            trunk.say("hello in there", to: "sip:anna@example.com;gr=desk")
            #expect(try trunk.final(.message).statusCode == 200)
            let message = try Desk.element(try await anna.next())
            #expect(message["from"] == "carol@pbx.example.net")
            #expect(message["to"] == "anna@example.com/desk")
            #expect(message.child("body", namespace: "jabber:client")?.text == "hello in there")
            trunk.send(
                trunk.make(
                    "MESSAGE", "sip:anna@example.com", callID: "other", from: "<sip:anna@example.com>;tag=x",
                    lines: ["Content-Type: text/plain"], body: "as anna"))
            #expect([401, 403].contains(try trunk.final(.message).statusCode))
        }
    }

    @Test("a phone's message goes out as it came, with copies and archive; nobody writes to whom he blocks")
    func phoneOut() async throws {
        try await withTrunk(sends: false) { bench, trunk, desk in
            let phone = try Phone("anna", server: bench.tcp, tcp: true)
            try phone.register()
            phone.say("hello over there", to: "sip:carol@pbx.example.net", lines: ["Subject: News", "X-Own: kept"])
            let message = try trunk.request(.message)
            #expect(message.requestURIText.string == "sip:carol@pbx.example.net")
            #expect(message.body.string == "hello over there" && message.first(.subject)?.string == "News")
            trunk.answer(message, 202)
            #expect(try phone.final(.message).statusCode == 202)
            // The other client sees what was said.
            let copy = try await desk.next()
            #expect(copy.contains("<sent xmlns='urn:xmpp:carbons:2'>") && copy.contains("hello over there"))
            try await bench.settle()
            let kept = try await bench.database.read { transaction in
                try transaction.query("SELECT sender, recipient FROM messages", []).map { [$0.text(0), $0.text(1)] }
            }
            #expect(kept == [["anna@example.com", "carol@pbx.example.net"]])
            phone.say("a picture", to: "sip:carol@pbx.example.net", type: "image/png", callID: "p")
            let picture = try trunk.request(.message)
            #expect(picture.first(.contentType)?.string == "image/png")
            trunk.answer(picture, 200)
            #expect(try phone.final(.message).statusCode == 200)
            try await bench.on { server in
                let carol = JID(preparedLocal: "carol", domain: "pbx.example.net", resource: nil)
                server.router.homes.withHome(SIPBench.jid("anna")) { home in
                    if let home { server.router.block([carol], home) { _ in } }
                }
            }
            phone.say("not to you", to: "sip:carol@pbx.example.net", callID: "b")
            #expect(try phone.final(.message).statusCode == 406)
            #expect(trunk.isSilent())
        }
    }

    @Test("instant messages that are switched off are so for phones too, wherever they write")
    func switchedOff() async throws {
        try await withTrunk(sends: false) { bench, trunk, _ in
            try await bench.on { server in
                var values = UserPolicy.Values()
                values.messaging.isEnabled = false
                var table = PolicyTable()
                table.deployment = UserPolicy(values)
                server.router.policiesChanged(table)
            }
            let phone = try Phone("anna", server: bench.tcp, tcp: true)
            phone.say("x", to: "sip:carol@pbx.example.net")
            #expect(try phone.final(.message).statusCode == 403)
            #expect(trunk.isSilent())
        }
    }

    @Test("a domain that no trunk leads to stays unknown")
    func nowhere() async throws {
        try await withTrunk { _, _, anna in
            try await anna.send("<body>x</body>", to: "carol@elsewhere.example", id: "f3")
            let error = try Desk.element(try await anna.next())
            let condition = error.child("error", namespace: "jabber:client")?.elements.first?.name
            #expect(condition == "remote-server-not-found")
        }
    }
}
