import Ground
import SIPWire
import Testing

@testable import SIPServer

@Suite("Trunks", .serialized)
struct TrunkTests {
    @Test("numbers and domains go to their trunk, and what comes from there needs no password")
    func routes() async throws {
        let manager = try UnboundPort.take()
        let spare = try UnboundPort.take()
        try await withServer(
            ["anna"],
            configure: { config in
                config.trustsEverybody = false
                var trunk = TrunkSettings(
                    name: "manager", destinations: ["127.0.0.1:\(manager)", "127.0.0.1:\(spare)"])
                trunk.addresses = [AddressRange("127.0.0.1")!]
                trunk.keepAliveSeconds = 0
                trunk.prefix = "9"
                config.trunks = [trunk]
                config.routes = [
                    RouteSettings(prefix: "+81", trunk: "manager"),
                    RouteSettings(domain: "*.branch.example", trunk: "manager"),
                ]
            }
        ) { bench in
            let anna = try Phone("anna", server: bench.udp)
            // From the address of the trunk nobody is asked for a password, but whoever registers is.
            #expect(try anna.register().statusCode == 401)
            Call.invite(anna, "sip:anna@example.com", callID: "in")
            #expect(try anna.final(.invite).statusCode == 480)
            #expect(try await bench.on { $0.trunks["manager"]?.requestsIn } == 1)
            let found = try await bench.on { server -> [String?] in
                [
                    ("sip:+81312345678@example.com", true), ("sip:alice@example.com", true), ("tel:+81-3-1234", false),
                    ("sip:bob@tokyo.branch.example", false), ("sip:bob@branch.example", false),
                ].map { server.trunks.route(of: SIPURI($0.0)!, isOwnDomain: $0.1)?.name }
            }
            #expect(found == ["manager", nil, "manager", "manager", nil])
            let uris = try await bench.on { server -> [String] in
                let trunk = server.trunks["manager"]!
                let place = trunk.destinations[0].uri
                return [
                    trunk.requestURI(for: SIPURI("sip:+81312345678@example.com")!, at: place, isOwn: true).string,
                    trunk.requestURI(for: SIPURI("tel:+81-3-1234")!, at: place, isOwn: false).string,
                    trunk.requestURI(for: SIPURI("sip:bob@tokyo.branch.example")!, at: place, isOwn: false).string,
                ]
            }
            #expect(
                uris == [
                    "sip:9+81312345678@127.0.0.1:\(manager)", "sip:9+8131234@127.0.0.1:\(manager);user=phone",
                    "sip:bob@tokyo.branch.example",
                ])
        }
    }

    @Test("a call goes out over a trunk, and to the next server when the first does not take it")
    func failover() async throws {
        try await withServer(["anna"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let first = try Phone("first", server: bench.udp)
            let second = try Phone("second", server: bench.udp)
            let ports = (first.port, second.port)
            try await bench.on { server in
                var config = server.config
                var trunk = TrunkSettings(
                    name: "manager", destinations: ["127.0.0.1:\(ports.0)", "127.0.0.1:\(ports.1)"])
                trunk.keepAliveSeconds = 0
                config.trunks = [trunk]
                config.routes = [RouteSettings(domain: "*", trunk: "manager")]
                server.reconfigure(config)
            }
            Call.invite(anna, "sip:carol@elsewhere.example", callID: "out")
            let invite = try first.request(.invite)
            #expect(invite.requestURIText.string == "sip:carol@elsewhere.example")
            first.answer(invite, 503)
            let other = try second.request(.invite)
            second.answer(other, 486)
            #expect(try anna.final(.invite).statusCode == 486)
            let state = try await bench.on { server in
                let trunk = server.trunks["manager"]!
                return (trunk.destinations.map(\.isUp), trunk.isUp, trunk.requestsOut)
            }
            #expect(state.0 == [false, true] && state.1 && state.2 == 2)
            // The one that is down is asked last.
            Call.invite(anna, "sip:carol@elsewhere.example", callID: "oncemore")
            let again = try second.wait("the call") { $0.callID.equals("oncemore") && $0.method == .invite }
            second.answer(again, 486)
        }
    }

    @Test("OPTIONS tell whether a trunk is there")
    func keepAlive() async throws {
        try await withServer(["anna"]) { bench in
            let manager = try Phone("manager", server: bench.udp)
            let port = manager.port
            try await bench.on { server in
                var config = server.config
                config.trunks = [TrunkSettings(name: "manager", destinations: ["127.0.0.1:\(port)"])]
                server.reconfigure(config)
                #expect(server.trunks["manager"]?.destinations[0].isUp == nil)
            }
            try await bench.tick()
            manager.answer(try manager.request(.options), 200)
            for _ in 0..<200 {
                if try await bench.on({ $0.trunks["manager"]?.destinations[0].isUp }) == true { break }
                _ = manager.isSilent(10)
            }
            #expect(try await bench.on { $0.trunks["manager"]?.destinations[0].isUp } == true)
        }
    }

    @Test(
        "names in certificates",
        arguments: [
            ("cm.example.com", "CM.example.com", true), ("*.example.com", "cm.example.com", true),
            ("*.example.com", "a.b.example.com", false), ("*.example.com", "example.com", false), ("cm", "cm2", false),
        ])
    func certificates(wanted: String, name: String, isCovered: Bool) {
        #expect(TrunkTable.covers(wanted, name) == isCovered)
    }
}

/// A port of UDP that nobody listens on.
enum UnboundPort {
    static func take() throws -> UInt16 {
        let phone = try Phone("nobody", server: 9)
        defer { phone.close() }
        return phone.port
    }
}
