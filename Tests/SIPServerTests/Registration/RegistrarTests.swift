import Foundation
import SIPWire
import Testing

@testable import SIPServer

@Suite("Registrar", .serialized)
struct RegistrarTests {
    private static let instance = "\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\""

    @Test("a contact is registered, listed, refreshed and removed; a foreign one stays")
    func life() async throws {
        try await withServer(["anna"]) { bench in
            let phone = try Phone("anna", server: bench.udp)
            let made = try phone.register()
            #expect(made.statusCode == 200)
            #expect(made.values(.contact) == ["<\(phone.contact)>;expires=600"])
            #expect(made.first(.date)?.string.hasSuffix(" GMT") == true)
            try phone.register("<sip:anna@192.0.2.7>;q=0.5", expires: 3_600)
            let listed = try phone.register("", expires: nil)
            #expect(listed.values(.contact).count == 2)
            #expect(listed.values(.contact).last == "<sip:anna@192.0.2.7>;expires=3600;q=0.500")
            #expect(try phone.register(expires: 0).values(.contact).count == 1)
            #expect(try phone.register("*", expires: 0).values(.contact).isEmpty)
            #expect(try await bench.on { $0.location.count } == 0)
        }
    }

    @Test("what is too short, too much, out of order or malformed is refused and changes nothing")
    func refusals() async throws {
        try await withServer(["anna"], configure: { $0.contacts = 2 }) { bench in
            let phone = try Phone("anna", server: bench.udp)
            let brief = try phone.register(expires: 30)
            #expect(brief.statusCode == 423 && brief.minExpires == 60)
            // One of two that is refused takes the other with it.
            let both = try phone.register("<sip:anna@192.0.2.1>, <sip:anna@192.0.2.2>;expires=5")
            #expect(both.statusCode == 423)
            #expect(try phone.register("*", expires: 600).statusCode == 400)
            #expect(try phone.register("", expires: nil).values(.contact).isEmpty)
            #expect(try phone.register(callID: "one", cseq: 5).statusCode == 200)
            #expect(try phone.register(callID: "one", cseq: 4).statusCode == 500)
            #expect(try phone.register(callID: "two", cseq: 1).statusCode == 200)
            #expect(try phone.register("<sip:anna@192.0.2.1>").statusCode == 200)
            let third = try phone.register("<sip:anna@192.0.2.2>")
            #expect(third.statusCode == 403 && third.reason.string == "Too Many Contacts")
            let nobody = try Phone("nobody", server: bench.udp)
            #expect(try nobody.register().statusCode == 404)
            phone.send(
                phone.make(
                    "REGISTER", "sip:example.com", to: "<sip:anna@elsewhere.example>",
                    lines: ["Contact: <\(phone.contact)>"]))
            #expect(try phone.final(.register).statusCode == 404)
        }
    }

    @Test("a password is asked for, and nobody registers for somebody else")
    func authentication() async throws {
        try await withServer(["anna", "bob"], configure: { $0.trustsEverybody = false }) { bench in
            let phone = try Phone("anna", server: bench.udp)
            let challenge = try phone.register()
            #expect(challenge.statusCode == 401)
            let accepted = try phone.register(
                lines: [try phone.authorization(challenge, "REGISTER", "sip:example.com", password: "secret")])
            #expect(accepted.statusCode == 200)
            let wrong = try phone.register(
                lines: [try phone.authorization(challenge, "REGISTER", "sip:example.com", password: "guessed")])
            #expect(wrong.statusCode == 401 || wrong.statusCode == 403)
            // With her own password, for bob.
            phone.send(
                phone.make(
                    "REGISTER", "sip:example.com", to: "<sip:bob@example.com>",
                    lines: [
                        "Contact: <\(phone.contact)>",
                        try phone.authorization(
                            try phone.register(callID: "again"), "REGISTER", "sip:example.com", password: "secret"),
                    ]))
            #expect(try phone.final(.register).statusCode == 403)
            #expect(try await bench.on { $0.location.bindings(of: SIPBench.jid("bob")).count } == 0)
        }
    }

    @Test("an instance gets a public and a temporary GRUU (RFC 5627)")
    func gruus() async throws {
        try await withServer(["anna"]) { bench in
            let phone = try Phone("anna", server: bench.udp)
            let contact = "<\(phone.contact)>;+sip.instance=\(Self.instance);audio"
            let made = try phone.register(contact, lines: ["Supported: gruu, path"])
            let parameters = try #require(made.contact?.parameters)
            #expect(
                parameters["pub-gruu"]?.string
                    == "sip:anna@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
            #expect(parameters.has("audio"))
            let temporary = try #require(parameters["temp-gruu"]?.string)
            #expect(temporary.hasPrefix("sip:tg.") && temporary.hasSuffix("@example.com;gr"))
            let other = try #require(
                try phone.register(contact, lines: ["Supported: gruu"]).contact?.parameters["temp-gruu"]?.string)
            #expect(other != temporary)
            // Without the option nothing is told.
            #expect(try phone.register(contact).contact?.parameters.has("pub-gruu") == false)

            let found = try await bench.on { server -> [Int] in
                [temporary, other, "sip:tg.AAAA@example.com;gr", "sip:anna@example.com;gr=urn:uuid:other"].map {
                    server.registrar.gruus.resolve(SIPURI($0)!, domain: Array("example.com".utf8), server.location)!
                        .bindings.count
                }
            }
            #expect(found == [1, 1, 0, 0])
            // The client begins anew: what it gave out before is void (§5.4).
            try phone.register(contact, callID: "anew")
            let void = try await bench.on { server in
                server.registrar.gruus.resolve(SIPURI(temporary)!, domain: Array("example.com".utf8), server.location)!
                    .bindings.count
            }
            #expect(void == 0)
        }
    }

    @Test(
        "flows are registered, replaced by their number, and refused behind a proxy that does not keep them (RFC 5626)")
    func outbound() async throws {
        try await withServer(["anna"]) { bench in
            let phone = try Phone("anna", server: bench.udp)
            let lines = ["Supported: outbound, path"]
            func contact(_ uri: String, _ flow: Int) -> String {
                "<\(uri)>;reg-id=\(flow);+sip.instance=\(Self.instance)"
            }
            let made = try phone.register(contact("sip:anna@10.0.0.1;ob", 1), lines: lines)
            #expect(made.statusCode == 200 && made.requires("outbound") && made.has(.flowTimer))
            try phone.register(contact("sip:anna@10.0.0.2;ob", 1), lines: lines)
            #expect(try phone.register(contact("sip:anna@10.0.0.3;ob", 2), lines: lines).values(.contact).count == 2)
            let both = try phone.register(
                contact("sip:anna@10.0.0.3;ob", 2) + ", " + contact("sip:anna@10.0.0.4;ob", 3), lines: lines)
            #expect(both.statusCode == 400)
            let hop = "Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKedge"
            let edge = try phone.register(contact("sip:anna@10.0.0.1;ob", 4), lines: lines + [hop])
            #expect(edge.statusCode == 439)
            let path = "Path: <sip:edge.example.com;lr;ob>"
            let kept = try phone.register(contact("sip:anna@10.0.0.1;ob", 4), lines: lines + [hop, path])
            #expect(kept.statusCode == 200 && kept.values(.path) == ["<sip:edge.example.com;lr;ob>"])
            let bindings = try await bench.on { server in
                server.location.bindings(of: SIPBench.jid("anna")).map { "\($0.regID) \($0.flow != nil)" }.sorted()
            }
            #expect(bindings == ["1 true", "2 true", "4 false"])
        }
    }

    @Test("a closed connection takes its flow with it")
    func closedFlow() async throws {
        try await withServer(["anna"]) { bench in
            let phone = try Phone("anna", server: bench.tcp, tcp: true)
            try phone.register(
                "<\(phone.contact);ob>;reg-id=1;+sip.instance=\(Self.instance)", lines: ["Supported: outbound"])
            #expect(try await bench.on { $0.location.count } == 1)
            let gone = bench.loop.makePromise(of: Void.self)
            try await bench.on { server in server.location.whenChanged.append { _ in gone.succeed(()) } }
            phone.close()
            try await gone.futureResult.get()
            #expect(try await bench.on { $0.location.count } == 0)
        }
    }

    @Test("registrations survive a restart, with the way to the client; removed ones do not")
    func restart() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let bob = try Phone("bob", server: bench.udp)
            try anna.register("<sip:anna@10.0.0.1>;+sip.instance=\(Self.instance);q=0.3", lines: ["User-Agent: Bell"])
            try bob.register()
            try await bench.tick()
            try await bench.settle()
            try bob.register(expires: 0)
            try await bench.restart()
            // What was stored is read when the server starts.
            try await bench.settle()
            try await bench.tick()
            let found = try await bench.on { server in
                server.location.bindings(of: SIPBench.jid("anna")).map {
                    "\($0.contact) \($0.instance) \($0.q) \($0.userAgent)"
                } + server.location.bindings(of: SIPBench.jid("bob")).map { "\($0.contact)" }
            }
            #expect(found == ["sip:anna@10.0.0.1 <urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6> 300 Bell"])
        }
    }

    @Test("the bindings of an account that is removed go")
    func removed() async throws {
        try await withServer(["anna"]) { bench in
            let phone = try Phone("anna", server: bench.udp)
            try phone.register()
            try await bench.on { $0.router.accountRemoved(SIPBench.jid("anna")) }
            #expect(try await bench.on { $0.location.count } == 0)
        }
    }

    @Test("many users register over one connection, come and go; when it ends, all of them are without it")
    func oneConnection() async throws {
        let names = (0..<40).map { "user\($0)" }
        try await withServer(names) { bench in
            let edge = try Phone("edge", server: bench.tcp, tcp: true)
            func register(_ name: String, _ expires: Int) throws {
                edge.send(
                    edge.make(
                        "REGISTER", "sip:example.com", to: "<sip:\(name)@example.com>", callID: name,
                        from: "<sip:\(name)@example.com>;tag=1",
                        lines: ["Contact: <sip:\(name)@127.0.0.1:\(edge.port);transport=tcp>", "Expires: \(expires)"]))
                #expect(try edge.final(.register).statusCode == 200)
            }
            for name in names { try register(name, 600) }
            for _ in 0..<50 {
                try register("user7", 0)
                try register("user7", 600)
            }
            let remembered = try await bench.on { $0.registrar.rememberedUsers }
            #expect((40...80).contains(remembered))
            edge.close()
            while try await bench.on({ $0.connectionCount }) > 0 { try await Task.sleep(for: .milliseconds(5)) }
            let flows = try await bench.on { server in
                names.map { server.location.bindings(of: SIPBench.jid($0)).map { $0.flow == nil } }
            }
            #expect(flows == names.map { _ in [true] })
        }
    }

    @Test("contacts that registered over a UDP socket that dies are reached over the next one")
    func rebound() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            let bob = try Phone("bob", server: bench.udp)
            // Its contact says nothing that anybody else could use.
            bob.behindTranslation = true
            try bob.register()
            try await bench.loseDatagrams()
            #expect(try await bench.on { $0.location.bindings(of: SIPBench.jid("bob"))[0].flow == nil })
            try await bench.bindDatagrams()
            try await bench.tick()
            Call.invite(anna, "sip:bob@example.com", callID: "again")
            bob.answer(try bob.request(.invite), 486)
            #expect(try anna.final(.invite).statusCode == 486)
        }
    }
}
