import Ground
import IMCore
import SIPWire
import Testing
import XMPPWire

@testable import SIPServer

@Suite("Messages to people behind trunks", .serialized)
struct ForeignMessageTests {
    /// A server with anna signed in over XMPP, and a trunk to pbx.example.net.
    private func withTrunk(_ body: (SIPBench, Phone, RemoteDesk) async throws -> Void) async throws {
        try await withServer(["anna"]) { bench in
            let trunk = try Phone("carol", server: bench.udp, domain: "pbx.example.net")
            let port = trunk.port
            try await bench.on { server in
                var config = server.config
                var settings = TrunkSettings(name: "pbx", destinations: ["127.0.0.1:\(port);transport=udp"])
                settings.addresses = [AddressRange("127.0.0.1")].compactMap { $0 }
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
