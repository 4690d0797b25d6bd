import NIOCore
import Resolving
import SIPWire
import Testing

@testable import SIPServer

@Suite("Failover (RFC 3263 §4.3)", .serialized)
struct FailoverTests {
    /// A name server for `away.example`: first a TCP port that refuses, then `servers` over UDP in their order.
    private func nameServer(refused: UInt16, _ servers: [UInt16]) async throws -> NameServer {
        let names = try await NameServer()
        try await names.tell(
            "away.example", .naptr,
            [
                NameServer.naptr(10, 10, "s", "SIP+D2T", "_sip._tcp.away.example"),
                NameServer.naptr(10, 20, "s", "SIP+D2U", "_sip._udp.away.example"),
            ])
        try await names.tell("_sip._tcp.away.example", .srv, [NameServer.srv(1, 0, refused, "host.away.example")])
        try await names.tell(
            "_sip._udp.away.example", .srv,
            servers.enumerated().map { NameServer.srv(UInt16($0 + 1), 0, $1, "host.away.example") })
        try await names.tell("host.away.example", .a, [NameServer.a(127, 0, 0, 1)])
        return names
    }

    @Test("refused, silent and busy servers: the next one is tried, and they are asked later or not at all")
    func targets() async throws {
        // Long enough for an answer of ours when everything is slow, and the one that is silent is waited for.
        try await withServer([], configure: { $0.timers.t1 = 100 }) { bench in
            let silent = try Phone("silent", server: bench.udp)
            let busy = try Phone("busy", server: bench.udp)
            let ready = try Phone("ready", server: bench.udp)
            let names = try await nameServer(
                refused: try UnboundPort.take(), [silent.port, busy.port, ready.port])
            let address = names.address
            try await bench.on { server in
                var config = server.config
                config.nameServers = [address]
                server.reconfigure(config)
            }
            let target = SIPTarget.uri(try #require(SIPURI("sip:away.example")))
            let outcome = try await bench.send(.message, "sip:x@away.example", to: target) {
                _ = try silent.request(.message)
                busy.answer(try busy.request(.message), 503, lines: ["Retry-After: 60 (restarting)"])
                ready.answer(try ready.request(.message), 200)
            }
            #expect(outcome == "200")
            while !silent.isSilent(50) { _ = try? silent.request(.message) }
            let again = try await bench.send(.message, "sip:y@away.example", to: target) {
                let request = try ready.wait("the second one") { $0.requestURIText.equals("sip:y@away.example") }
                ready.answer(request, 200)
            }
            #expect(again == "200")
            #expect(silent.isSilent(20) && busy.isSilent(20))
            try await names.stop()
        }
    }

    @Test("a call over a trunk that is a name goes to the next of its servers; in the end to nobody: 503")
    func trunk() async throws {
        try await withServer(["anna"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let busy = try Phone("busy", server: bench.udp)
            let ready = try Phone("ready", server: bench.udp)
            let names = try await nameServer(refused: try UnboundPort.take(), [busy.port, ready.port])
            let address = names.address
            try await bench.on { server in
                var config = server.config
                config.nameServers = [address]
                var trunk = TrunkSettings(name: "manager", destinations: ["away.example"])
                trunk.keepAliveSeconds = 0
                config.trunks = [trunk]
                config.routes = [RouteSettings(domain: "*", trunk: "manager")]
                server.reconfigure(config)
            }
            Call.invite(anna, "sip:carol@elsewhere.example", callID: "out")
            busy.answer(try busy.request(.invite), 503, lines: ["Retry-After: 90"])
            ready.answer(try ready.request(.invite), 486)
            #expect(try anna.final(.invite).statusCode == 486)
            func end(_ callID: String) throws -> SIPMessage {
                Call.invite(anna, "sip:carol@elsewhere.example", callID: callID)
                let invite = try ready.wait("the call") { $0.callID.string == callID && $0.method == .invite }
                ready.answer(invite, 503, lines: ["Retry-After: 30"])
                return try anna.wait("its end") { $0.callID.string == callID && $0.statusCode >= 200 }
            }
            #expect(try end("busy").statusCode == 503)
            // Everybody rests: nobody is asked, and the caller hears for how long.
            Call.invite(anna, "sip:carol@elsewhere.example", callID: "late")
            let refused = try anna.wait("its end") { $0.callID.equals("late") && $0.statusCode >= 200 }
            #expect(refused.statusCode == 503)
            #expect((1...30).contains(Int(refused.retryAfter ?? 0)))
            let problem = try await bench.on { $0.trunks["manager"]?.destinations[0].lastError }
            #expect(problem == "503 Service Unavailable, not before 30 s have gone by")
            try await names.stop()
        }
    }

    @Test("what wished for rest is not asked, what was silent comes last, until the time is over")
    func resting() throws {
        func hop(_ port: UInt16) -> SIPHop {
            SIPHop(transport: .udp, address: TransportAddress(ip: "192.0.2.1", port: port)!)
        }
        func ports(_ servers: inout RestingServers, _ uptime: Int64) -> [UInt16] {
            servers.choose([hop(1), hop(2), hop(3)], uptime).map(\.address.port)
        }
        var servers = RestingServers()
        servers.failed(hop(1), 0)
        servers.wished(hop(2), seconds: 100, 0)
        #expect(ports(&servers, 1) == [3, 1])
        #expect(ports(&servers, 60_000) == [1, 3])
        #expect(ports(&servers, 100_000) == [1, 2, 3])
        servers.wished(hop(3), seconds: .max, 0)
        #expect(ports(&servers, 3_599_999) == [1, 2])
        #expect(ports(&servers, 3_600_000) == [1, 2, 3])
        servers.failed(hop(2), 0)
        servers.answered(hop(2))
        #expect(ports(&servers, 1) == [1, 2, 3])
        for port in 1...5_000 as ClosedRange<UInt16> { servers.wished(hop(port), seconds: 10, 0) }
        #expect(ports(&servers, 1).count == 3)
    }
}
