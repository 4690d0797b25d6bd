import SIPWire
import Testing
import XMPPWire

@testable import SIPServer

@Suite("Proxy", .serialized)
struct ProxyTests {
    private static let bob = "sip:bob@example.com"

    @Test(
        "anna calls bob: answered, held by a new INVITE, ended by bob",
        arguments: [(false, false), (true, false), (true, true)])
    func call(annaTCP: Bool, bobTCP: Bool) async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: annaTCP ? bench.tcp : bench.udp, tcp: annaTCP)
            let bob = try Phone("bob", server: bobTCP ? bench.tcp : bench.udp, tcp: bobTCP)
            try bob.register()
            let call = try Call.establish(anna, bob, uri: Self.bob, callID: "call-1")
            #expect(call.invite.requestURIText.string == bob.contact)
            #expect(call.invite.values(.via).count == 2 && call.invite.maxForwards == 69)
            #expect(call.invite.body.string == Call.offer && call.accepted.values(.via).count == 1)
            // bob's side first, so that what he sends passes both.
            let routes = call.invite.values(.recordRoute)
            #expect(routes.count == 2)
            #expect(routes[0].contains(bobTCP ? "transport=tcp" : "transport=udp"))
            #expect(routes[1].contains(annaTCP ? "transport=tcp" : "transport=udp"))

            anna.send(call.fromCaller("INVITE", lines: ["Contact: <\(anna.contact)>"]))
            let hold = try bob.wait("a new INVITE") { $0.method == .invite && !$0.toTag.isEmpty && $0.isRequest }
            #expect(!hold.has(.route))
            bob.answer(hold, 200)
            let held = try anna.wait("200 to it") { $0.statusCode == 200 && $0.cseqNumber == hold.cseqNumber }
            call.acknowledge(held)
            _ = try bob.wait("the ACK") { $0.method == .ack && $0.cseqNumber == hold.cseqNumber }

            bob.send(call.fromCallee("BYE"))
            let bye = try anna.request(.bye)
            #expect(bye.requestURIText.string == anna.contact && !bye.has(.route))
            anna.answer(bye, 200)
            #expect(try bob.final(.bye).statusCode == 200)
            #expect(try await bench.on { ($0.proxy as? SIPProxy)?.callCount } == 0)
        }
    }

    @Test("a call that is cancelled is cancelled at the other end")
    func cancelled() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            Call.invite(anna, Self.bob, callID: "call-2", branch: "z9hG4bK-cancelled")
            let invite = try bob.request(.invite)
            bob.answer(invite, 180)
            let ringing = try anna.response(.invite)
            anna.send(
                anna.make(
                    "CANCEL", Self.bob, callID: "call-2", cseq: invite.cseqNumber, branch: "z9hG4bK-cancelled"))
            #expect(try anna.final(.cancel).statusCode == 200)
            let cancel = try bob.request(.cancel)
            #expect(cancel.branch == invite.branch && ringing.statusCode == 180)
            bob.answer(cancel, 200)
            bob.answer(invite, 487)
            #expect(try anna.final(.invite).statusCode == 487)
            #expect(try bob.request(.ack).branch == invite.branch)
            #expect(try await bench.on { ($0.proxy as? SIPProxy)?.callCount } == 0)
        }
    }

    @Test("busy is passed back, and acknowledged hop by hop")
    func busy() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            Call.invite(anna, Self.bob, callID: "call-3")
            let invite = try bob.request(.invite)
            bob.answer(invite, 486)
            #expect(try bob.request(.ack).cseqNumber == invite.cseqNumber)
            let refused = try anna.final(.invite)
            #expect(refused.statusCode == 486 && refused.values(.via).count == 1)
        }
    }

    @Test("every phone rings; the one that answers has the call, the other is told to stop")
    func forked() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let desk = try Phone("bob", server: bench.udp)
            let mobile = try Phone("bob", server: bench.udp)
            try desk.register(callID: "desk")
            try mobile.register(callID: "mobile")
            Call.invite(anna, Self.bob, callID: "call-4")
            let (first, second) = (try desk.request(.invite), try mobile.request(.invite))
            #expect(first.branch != second.branch)
            #expect(first.first(.maxBreadth)?.string == "30")
            desk.answer(first, 180)
            mobile.answer(second, 180)
            mobile.answer(second, 200)
            #expect(try anna.final(.invite).statusCode == 200)
            let cancel = try desk.request(.cancel)
            desk.answer(cancel, 200)
            desk.answer(first, 487)
            _ = try desk.request(.ack)
            #expect(try await bench.on { ($0.proxy as? SIPProxy)?.callCount } == 0)
        }
    }

    @Test("the best of two refusals is passed back, with the challenges of both")
    func best() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let desk = try Phone("bob", server: bench.udp)
            let mobile = try Phone("bob", server: bench.udp)
            try desk.register(callID: "desk")
            try mobile.register(callID: "mobile")
            Call.invite(anna, Self.bob, callID: "call-5")
            desk.answer(try desk.request(.invite), 500)
            mobile.answer(try mobile.request(.invite), 486)
            #expect(try anna.final(.invite).statusCode == 486)
            Call.invite(anna, Self.bob, callID: "call-6")
            func isNew(_ message: SIPMessage) -> Bool { message.method == .invite && message.callID.equals("call-6") }
            desk.answer(try desk.wait("it", isNew), 407, lines: ["Proxy-Authenticate: Digest realm=\"a\", nonce=\"1\""])
            mobile.answer(
                try mobile.wait("it", isNew), 401, lines: ["WWW-Authenticate: Digest realm=\"b\", nonce=\"2\""])
            let challenged = try anna.wait("a challenge") { $0.callID.equals("call-6") && $0.statusCode > 400 }
            #expect(challenged.has(.wwwAuthenticate) && challenged.has(.proxyAuthenticate))
        }
    }

    @Test("contacts of a lower preference ring when the others have refused")
    func serial() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let desk = try Phone("bob", server: bench.udp)
            let mobile = try Phone("bob", server: bench.udp)
            try desk.register(callID: "desk")
            try mobile.register("<\(mobile.contact)>;q=0.2", callID: "mobile")
            Call.invite(anna, Self.bob, callID: "call-7")
            let first = try desk.request(.invite)
            #expect(mobile.isSilent())
            desk.answer(first, 486)
            let second = try mobile.request(.invite)
            mobile.answer(second, 200)
            #expect(try anna.final(.invite).statusCode == 200)
        }
    }

    @Test("a GRUU reaches its instance alone")
    func gruu() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let desk = try Phone("bob", server: bench.udp)
            let mobile = try Phone("bob", server: bench.udp)
            try desk.register("<\(desk.contact)>;+sip.instance=\"<urn:uuid:1>\"", callID: "desk")
            let made = try mobile.register(
                "<\(mobile.contact)>;+sip.instance=\"<urn:uuid:2>\"", callID: "mobile", lines: ["Supported: gruu"])
            let temporary = made.contacts?.list.first { $0.instance?.equals("<urn:uuid:2>") == true }?
                .parameters["temp-gruu"]?.string
            for (index, uri) in ["\(Self.bob);gr=urn:uuid:2", try #require(temporary)].enumerated() {
                Call.invite(anna, uri, callID: "gruu-\(index)")
                let invite = try mobile.wait("the call") { $0.method == .invite && $0.callID.string == "gruu-\(index)" }
                mobile.answer(invite, 603)
                #expect(
                    try anna.wait("its end") { $0.callID.string == "gruu-\(index)" && $0.statusCode >= 200 }.statusCode
                        == 603)
            }
            #expect(desk.isSilent())
            Call.invite(anna, "\(Self.bob);gr=urn:uuid:3", callID: "gruu-9")
            #expect(try anna.wait("its end") { $0.callID.equals("gruu-9") && $0.statusCode >= 200 }.statusCode == 480)
        }
    }

    @Test("the path of a contact becomes its route")
    func path() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let edge = try Phone("bob", server: bench.udp)
            try edge.register(
                "<sip:bob@10.1.1.1>", lines: ["Path: <sip:127.0.0.1:\(edge.port);lr>", "Supported: path"])
            Call.invite(anna, Self.bob, callID: "call-8")
            let invite = try edge.request(.invite)
            #expect(invite.requestURIText.string == "sip:bob@10.1.1.1")
            #expect(invite.values(.route) == ["<sip:127.0.0.1:\(edge.port);lr>"])
            edge.answer(invite, 486)
            #expect(try anna.final(.invite).statusCode == 486)
        }
    }

    @Test("who is not there, not registered, not known, blocked or not allowed")
    func refusals() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            func outcome(_ phone: Phone, _ uri: String, _ callID: String) throws -> UInt16 {
                Call.invite(phone, uri, callID: callID)
                return try phone.wait("the end") { $0.callID.string == callID && $0.statusCode >= 200 }.statusCode
            }
            #expect(try outcome(anna, "sip:nobody@example.com", "a") == 404)
            #expect(try outcome(anna, Self.bob, "b") == 480)
            #expect(try outcome(anna, "sip:carol@elsewhere.example", "c") == 404)
            let stranger = try Phone("mallory", server: bench.udp, domain: "elsewhere.example")
            #expect(try outcome(stranger, Self.bob, "d") == 403)
            #expect(try outcome(stranger, "sip:carol@third.example", "e") == 403)
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            let promise = bench.loop.makePromise(of: Void.self)
            try await bench.on { server in
                server.router.homes.withHome(SIPBench.jid("bob")) { home in
                    server.router.block([SIPBench.jid("anna")], home!) { _ in promise.succeed(()) }
                }
            }
            try await promise.futureResult.get()
            #expect(try outcome(anna, Self.bob, "f") == 480)
            #expect(bob.isSilent())
        }
    }

    @Test("a contact that leads back here is a loop, and not a way to more of the same")
    func loop() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let bob = try Phone("bob", server: bench.udp)
            try bob.register("<sip:bob@127.0.0.1:\(bench.udp)>")
            Call.invite(anna, Self.bob, callID: "loop")
            #expect(try anna.final(.invite).statusCode == 482)
            anna.send(anna.make("INVITE", Self.bob, callID: "broad", lines: ["Max-Breadth: 0"]))
            #expect(try anna.wait("440") { $0.callID.equals("broad") && $0.statusCode >= 200 }.statusCode == 440)
        }
    }

    @Test("requests that are no calls: the first answer counts, and silence is passed on as silence (RFC 4320)")
    func others() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            anna.send(anna.make("OPTIONS", Self.bob, callID: "options"))
            let request = try bob.request(.options)
            #expect(!request.has(.recordRoute))
            bob.answer(request, 200, lines: ["Allow: INVITE"])
            let answer = try anna.final(.options)
            #expect(answer.statusCode == 200 && answer.first(.allow)?.string == "INVITE")
        }
    }

    @Test("a phone that rings for too long is told to stop (timer C)")
    func timerC() async throws {
        try await withServer(["anna", "bob"], configure: { $0.ringSeconds = 0 }) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            Call.invite(anna, Self.bob, callID: "long")
            let invite = try bob.request(.invite)
            bob.answer(invite, 180)
            #expect(try anna.response(.invite).statusCode == 180)
            try await bench.tick()
            let cancel = try bob.request(.cancel)
            bob.answer(cancel, 200)
            bob.answer(invite, 487)
            #expect(try anna.final(.invite).statusCode == 408)
        }
    }

    @Test("a strict router's Request-URI is put right, and nobody's route leads through here to others")
    func routes() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            let call = try Call.establish(anna, bob, uri: Self.bob, callID: "strict")
            // RFC 3261 §16.12.1.2: our Record-Route in the Request-URI, and the target at the end of Route.
            let routes = call.accepted.values(.recordRoute).reversed().map { String($0.dropFirst().dropLast()) }
            anna.send(
                anna.make(
                    "BYE", routes[0], to: call.accepted.first(.to)!.string, callID: "strict",
                    from: call.accepted.first(.from)!.string,
                    lines: ["Route: <\(routes[1])>", "Route: <\(call.accepted.contactURI)>"]))
            let bye = try bob.request(.bye)
            #expect(bye.requestURIText.string == bob.contact && !bye.has(.route))
            bob.answer(bye, 200)
            #expect(try anna.final(.bye).statusCode == 200)
            let stranger = try Phone("mallory", server: bench.udp, domain: "elsewhere.example")
            for route in [
                "Route: <sip:127.0.0.1:\(bob.port);lr>", "Route: <\(routes[0])>, <sip:127.0.0.1:\(bob.port);lr>",
            ] {
                stranger.send(stranger.make("BYE", bob.contact, to: "<\(Self.bob)>;tag=x", lines: [route]))
                #expect(try stranger.final(.bye).statusCode == 403)
            }
        }
    }

    @Test("a phone is found again after the server was restarted")
    func restart() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let bob = try Phone("bob", server: bench.udp)
            // What it calls itself is of no use to anybody but itself.
            bob.behindTranslation = true
            try bob.register()
            try await bench.tick()
            try await bench.restart()
            try await bench.tick()
            Call.invite(anna, Self.bob, callID: "again")
            let invite = try bob.request(.invite)
            bob.answer(invite, 486)
            #expect(try anna.final(.invite).statusCode == 486)
        }
    }
}
