import Ground
import IMCore
import Testing
import XMPPWire

@testable import SIPServer
@testable import SIPWire

@Suite("Lines at presence gateways") struct LineWatcherTests {
    private static func state(_ bench: SIPBench) async throws -> String {
        try await bench.on { server in
            server.router.homes.loaded(SIPBench.jid("anna")).map {
                server.router.composedPresence(of: $0).state.rawValue
            } ?? "not loaded"
        }
    }

    /// The server with anna's home in memory, and a gateway that it watches.
    private static func watched(_ bench: SIPBench, time: ManualTime) async throws -> (Phone, SIPMessage) {
        let gateway = try Phone("gateway", server: bench.udp, domain: "pbx.example.net")
        let port = gateway.port
        try await bench.until { server, done in
            server.router.homes.withHome(SIPBench.jid("anna")) { _ in
                var config = server.config
                var trunk = TrunkSettings(name: "pbx", destinations: ["127.0.0.1:\(port)"])
                trunk.isPresenceGateway = true
                trunk.keepAliveSeconds = 0
                config.trunks = [trunk]
                server.reconfigure(config)
                done()
            }
        }
        time.advance(milliseconds: 1_000)
        try await bench.tick()
        return (gateway, try gateway.request(.subscribe))
    }

    private static func notify(
        _ gateway: Phone, _ subscribe: SIPMessage, _ cseq: UInt32, _ state: String, _ body: String
    ) throws -> SIPMessage {
        gateway.send(
            gateway.make(
                "NOTIFY", subscribe.contactURI, to: subscribe.first(.from)?.string, callID: subscribe.callID.string,
                cseq: cseq, from: "<\(subscribe.to?.uri.text.string ?? "")>;tag=gw",
                lines: [
                    "Event: presence", "Subscription-State: \(state)", "Contact: <\(gateway.contact)>",
                    "Content-Type: application/pidf+xml",
                ], body: body))
        return try gateway.final(.notify)
    }

    @Test("a user's line is asked for, and what the gateway tells is the user's status")
    func watches() async throws {
        let time = ManualTime()
        try await withServer(["anna"], time: time) { bench in
            let (gateway, subscribe) = try await Self.watched(bench, time: time)
            #expect(subscribe.requestURIText.string == "sip:anna@127.0.0.1:\(gateway.port)")
            #expect(subscribe.first(.event)?.string == "presence" && subscribe.expires == 3_600)
            // A NOTIFY may come before the answer (RFC 6665 §4.1.2.4).
            let talking = Phone.document("anna", activity: "on-the-phone")
            #expect(try Self.notify(gateway, subscribe, 1, "active;expires=600", talking).statusCode == 200)
            #expect(try await Self.state(bench) == "on-the-phone")
            gateway.answer(subscribe, 200, lines: ["Expires: 600"])
            #expect(try Self.notify(gateway, subscribe, 1, "active;expires=600", talking).statusCode == 500)
            let idle = Phone.document("anna")
            #expect(try Self.notify(gateway, subscribe, 2, "active;expires=600", idle).statusCode == 200)
            #expect(try await Self.state(bench) == "offline")
            // Refreshed in the dialog before it ends.
            time.advance(milliseconds: 500_000)
            try await bench.tick()
            let refresh = try gateway.request(.subscribe)
            #expect(refresh.callID == subscribe.callID && refresh.cseqNumber == subscribe.cseqNumber + 1)
            #expect(refresh.requestURIText.string == gateway.contact && !refresh.toTag.isEmpty)
            gateway.answer(refresh, 200, lines: ["Expires: 600"])
        }
    }

    @Test("a gateway that refuses is asked again later, in another dialog; one that ends the dialog at once")
    func again() async throws {
        let time = ManualTime()
        try await withServer(["anna"], time: time) { bench in
            let (gateway, first) = try await Self.watched(bench, time: time)
            gateway.answer(first, 480)
            // What comes behind it has been answered: so the server has it.
            gateway.send(gateway.make("OPTIONS", "sip:example.com"))
            _ = try gateway.final(.options)
            time.advance(milliseconds: 61_000)
            try await bench.tick()
            let second = try gateway.request(.subscribe)
            #expect(second.callID != first.callID)
            gateway.answer(second, 200, lines: ["Expires: 600"])
            #expect(
                try Self.notify(gateway, second, 1, "terminated;reason=deactivated", Phone.document("anna"))
                    .statusCode == 200)
            time.advance(milliseconds: 2_000)
            try await bench.tick()
            let third = try gateway.request(.subscribe)
            #expect(third.callID != second.callID)
            gateway.answer(third, 200, lines: ["Expires: 600"])
        }
    }
}
