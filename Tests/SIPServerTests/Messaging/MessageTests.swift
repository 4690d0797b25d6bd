import Foundation
import IMCore
import SIPWire
import Testing
import XMPPWire

@testable import SIPServer

extension Phone {
    /// Sends a MESSAGE; the answer is to be waited for.
    func say(
        _ text: String, to uri: String, type: String = "text/plain", callID: String? = nil, lines: [String] = []
    ) {
        send(make("MESSAGE", uri, callID: callID, lines: lines + ["Content-Type: \(type)"], body: text))
    }

    /// Returns when the server has what was sent before: it came the same way.
    func hasArrived() throws {
        send(make("OPTIONS", "sip:\(domain)"))
        _ = try final(.options)
    }
}

@Suite("Messages between phones and clients", .serialized)
struct MessageTests {
    private static let bob = "sip:bob@example.com"
    private static let anna = "sip:anna@example.com"

    @Test("a MESSAGE reaches a registered phone and is answered with 200", arguments: [false, true])
    func delivered(_ tcp: Bool) async throws {
        try await withServer(["anna", "bob"]) { bench in
            let port = tcp ? bench.tcp : bench.udp
            let (anna, bob) = (try Phone("anna", server: port, tcp: tcp), try Phone("bob", server: port, tcp: tcp))
            try anna.register()
            try bob.register()
            anna.say("Grüße <b>", to: Self.bob, type: "text/plain;charset=UTF-8", callID: "talk@host")
            let message = try bob.request(.message)
            #expect(message.body.string == "Grüße <b>")
            #expect(message.from?.uri.text.string == Self.anna)
            #expect(message.to?.uri.text.string == Self.bob)
            #expect(message.callID.string == "talk@host")
            #expect(message.requestURIText.string == bob.contact)
            #expect(message.first(.contentType)?.string == "text/plain;charset=UTF-8")
            bob.answer(message, 200)
            #expect(try anna.final(.message).statusCode == 200)
        }
    }

    @Test(
        "what nobody is there to take is stored with 202 and delivered in order when a phone registers, over a restart")
    func stored() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            for number in 1...3 {
                anna.say("number \(number)", to: Self.bob, callID: "c\(number)")
                #expect(try anna.final(.message).statusCode == 202)
            }
            try await bench.restart()
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            for number in 1...3 {
                let message = try bob.request(.message)
                #expect(message.body.string == "number \(number)")
                #expect(message.first(.date)?.string.hasSuffix(" GMT") == true)
                bob.answer(message, 200)
            }
            try bob.hasArrived()
            try await bench.settle()
            let left = try await bench.database.read { try JournalStore.countAll(in: $0) }
            #expect(left == 0)
        }
    }

    @Test("what cannot be delivered is answered with the status that says why")
    func refusals() async throws {
        try await withServer(["anna", "bob"], configure: { $0.contentBytes = 1_000 }) { bench in
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            func status(_ uri: String, _ text: String = "x", _ type: String = "text/plain", _ lines: [String] = [])
                throws -> SIPMessage
            {
                anna.say(text, to: uri, type: type, callID: UUID().uuidString, lines: lines)
                return try anna.final(.message)
            }
            #expect(try status("sip:nobody@example.com").statusCode == 404)
            #expect(try status(Self.bob, String(repeating: "x", count: 1_001)).statusCode == 513)
            let unknown = try status(Self.bob, "x", "image/png")
            #expect(unknown.statusCode == 415)
            #expect(unknown.values(.accept).contains("text/plain"))
            let packed = try status(Self.bob, "x", "text/plain", ["Content-Encoding: gzip"])
            #expect(packed.statusCode == 415 && packed.values(.acceptEncoding) == ["identity", "deflate", "gzip"])
            #expect(try status(Self.bob, "x", "message/cpim").statusCode == 400)
            anna.send(
                anna.make(
                    "MESSAGE", Self.bob, to: "<\(Self.bob)>;tag=gone", lines: ["Content-Type: text/plain"], body: "x"))
            #expect(try anna.final(.message).statusCode == 481)
        }
    }

    @Test("who is blocked is told the same as who writes to nobody")
    func blocked() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            try bob.register()
            try await bench.on { server in
                server.router.homes.withHome(SIPBench.jid("bob")) { home in
                    if let home { server.router.block([SIPBench.jid("anna")], home) { _ in } }
                }
            }
            anna.say("x", to: Self.bob)
            #expect(try anna.final(.message).statusCode == 404)
            #expect(bob.isSilent())
        }
    }

    @Test("every phone of a user gets a copy, each as a request of its own")
    func forked() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let phones = [try Phone("bob", server: bench.udp), try Phone("bob", server: bench.udp)]
            for phone in phones { try phone.register() }
            anna.say("both", to: Self.bob)
            let copies = try phones.map { try $0.request(.message) }
            #expect(copies.map(\.body.string) == ["both", "both"])
            #expect(copies[0].fromTag != copies[1].fromTag)
            for (phone, copy) in zip(phones, copies) { phone.answer(copy, 200) }
            #expect(try anna.final(.message).statusCode == 200)
        }
    }

    @Test("the next message waits for the answer to the one before (RFC 3428 §8)")
    func oneByOne() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            let anna = try await RemoteDesk.signIn("anna", on: bench)
            for number in 1...5 {
                try await anna.send("<body>\(number)</body>", to: "bob@example.com", id: "m\(number)")
            }
            for number in 1...5 {
                let message = try bob.request(.message)
                #expect(message.body.string == "\(number)")
                if number == 1 { #expect(bob.isSilent()) }
                bob.answer(message, 200)
            }
        }
    }

    @Test("a contact that is not there now gets the message when it is back")
    func away() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            try bob.register(callID: "same")
            anna.say("later", to: Self.bob)
            bob.answer(try bob.request(.message), 480)
            _ = try anna.final(.message)
            try bob.hasArrived()
            try await bench.settle()
            #expect(try await bench.database.read { try JournalStore.countAll(in: $0) } == 1)
            try bob.register(callID: "same")
            let message = try bob.request(.message)
            #expect(message.body.string == "later")
            bob.answer(message, 200)
            try await bench.settle()
        }
    }

    @Test("what a phone refuses for good comes back to the client of the sender as an error")
    func bounced() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            let anna = try await RemoteDesk.signIn("anna", on: bench)
            try await anna.send("<body>no</body>", to: "bob@example.com", id: "m9")
            bob.answer(try bob.request(.message), 603)
            let error = try Desk.element(try await anna.next())
            #expect(error["type"] == "error" && error["id"] == "m9" && error["from"] == "bob@example.com")
            let reason = error.child("error", namespace: "jabber:client")
            #expect(reason?.elements.first?.name == "service-unavailable")
            let long = String(repeating: "long ", count: 13_100)
            try await anna.send("<body>\(long)</body>", to: "bob@example.com", id: "m10")
            let tooLong = try Desk.element(try await anna.next())
            let cause = tooLong.child("error", namespace: "jabber:client")
            #expect(cause?.elements.first?.name == "policy-violation")
            try await bench.settle()
            #expect(try await bench.database.read { try JournalStore.countAll(in: $0) } == 0)
        }
    }

    @Test("anna's client and bob's phone just chat: receipts, threads, carbons, locks")
    func chat() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            let desk = try await RemoteDesk.signIn("anna", "desk", on: bench)
            let laptop = try await RemoteDesk.signIn("anna", "laptop", on: bench)
            try await desk.send(
                "<body>Hi &amp; hello</body><thread>t1</thread><request xmlns='urn:xmpp:receipts'/>",
                to: "bob@example.com", id: "m1")
            #expect(try await laptop.next().contains("<sent xmlns='urn:xmpp:carbons:2'>"))
            let message = try bob.request(.message)
            #expect(message.body.string == "Hi & hello")
            #expect(message.callID.string == "t1")
            bob.answer(message, 200)
            // His answer to the request is the receipt.
            let receipt = try await desk.next()
            #expect(receipt.contains("<received xmlns='urn:xmpp:receipts' id='m1'/>"))
            #expect(try await laptop.next().contains("<received xmlns='urn:xmpp:receipts' id='m1'/>"))
            bob.say("Hello yourself", to: Self.anna, callID: "t1")
            #expect(try bob.final(.message).statusCode == 200)
            let answer = try Desk.element(try await desk.next())
            #expect(answer["from"]?.hasPrefix("bob@example.com/sip-") == true)
            #expect(answer["type"] == "chat")
            #expect(answer.child("thread", namespace: "jabber:client")?.text == "t1")
            #expect(answer.child("stanza-id", namespace: "urn:xmpp:sid:0") != nil)
            #expect(try await laptop.next().contains("Hello yourself"))
        }
    }

    @Test("typing goes both ways, and a phone that does not know it is spared")
    func typing() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            let anna = try await RemoteDesk.signIn("anna", on: bench)
            let states = "xmlns='http://jabber.org/protocol/chatstates'"
            try await anna.send("<composing \(states)/>", to: "bob@example.com")
            let active = try bob.request(.message)
            #expect(active.first(.contentType)?.string == "application/im-iscomposing+xml")
            #expect(active.body.string.contains("<state>active</state>"))
            bob.answer(active, 200)
            try await anna.send("<paused \(states)/>", to: "bob@example.com")
            let idle = try bob.request(.message)
            #expect(idle.body.string.contains("<state>idle</state>"))
            bob.answer(idle, 415)
            try await anna.send("<composing \(states)/>", to: "bob@example.com")
            #expect(bob.isSilent())
            bob.say(
                idle.body.string.replacingOccurrences(of: "idle", with: "active"), to: Self.anna,
                type: "application/im-iscomposing+xml")
            #expect(try bob.final(.message).statusCode == 200)
            #expect(try await anna.next().contains("<composing xmlns='http://jabber.org/protocol/chatstates'/>"))
        }
    }

    @Test("notifications of RFC 5438 are receipts and markers")
    func notifications() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            let anna = try await RemoteDesk.signIn("anna", on: bench)
            let envelope = [
                "From: <im:bob@example.com>", "To: <im:anna@example.com>", "NS: imdn <urn:ietf:params:imdn>",
                "imdn.Message-ID: x1", "imdn.Disposition-Notification: positive-delivery, display", "",
                "Content-Type: text/plain", "", "Read this",
            ].joined(separator: "\r\n")
            bob.say(envelope, to: Self.anna, type: "message/cpim")
            #expect(try bob.final(.message).statusCode == 200)
            let text = try Desk.element(try await anna.next())
            #expect(text["id"] == "x1")
            #expect(text.child("body", namespace: "jabber:client")?.text == "Read this")
            #expect(text.child("request", namespace: "urn:xmpp:receipts") != nil)
            try await anna.send(
                "<displayed xmlns='urn:xmpp:chat-markers:0' id='x1'/>", to: try #require(text["from"]), id: "r1")
            let told = try bob.request(.message)
            #expect(told.first(.contentType)?.string == "message/cpim")
            #expect(told.body.string.contains("<message-id>x1</message-id>"))
            #expect(told.body.string.contains("<displayed/>"))
            bob.answer(told, 200)
            // A phone that sends envelopes is asked for notifications itself.
            try await anna.send("<body>ok</body><request xmlns='urn:xmpp:receipts'/>", to: "bob@example.com", id: "m5")
            let asked = try bob.request(.message)
            #expect(asked.body.string.contains("imdn.Message-ID: m5"))
            bob.answer(asked, 200)
        }
    }

    @Test("a client that asks a phone what it is gets an answer")
    func discovery() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            let anna = try await RemoteDesk.signIn("anna", on: bench)
            try await anna.send("<body>x</body>", to: "bob@example.com")
            bob.answer(try bob.request(.message), 200)
            let address = try await bench.on { server -> String in
                let home = server.router.homes.loaded(SIPBench.jid("bob"))
                return home?.endpoints.first.map { String(decoding: $0.address, as: UTF8.self) } ?? ""
            }
            try await bench.on { server in
                guard let home = server.router.homes.loaded(SIPBench.jid("anna")), let desk = home.endpoints.first,
                    let request = try? Desk.element(
                        "<iq type='get' id='q' from='anna@example.com/desk' to='\(address)'>"
                            + "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
                else { return }
                server.router.send(request, from: desk)
            }
            let answer = try await anna.next()
            #expect(answer.contains("type='result'") && answer.contains("urn:xmpp:receipts"))
        }
    }

    @Test("a temporary GRUU leads to its instance alone, of text and of anything else")
    func temporaryGRUU() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let (first, second) = (try Phone("bob", server: bench.udp), try Phone("bob", server: bench.udp))
            func register(_ phone: Phone, _ instance: String) throws -> SIPMessage {
                try phone.register(
                    "<\(phone.contact)>;+sip.instance=\"<urn:uuid:\(instance)>\"", lines: ["Supported: gruu"])
            }
            let made = try register(first, "1")
            _ = try register(second, "2")
            let temporary = try #require(made.contact?.parameters["temp-gruu"]?.string)
            for type in ["text/plain", "image/png"] {
                anna.say("for you alone", to: temporary, type: type, callID: type)
                let message = try first.request(.message)
                #expect(message.body.string == "for you alone" && message.requestURIText.string == first.contact)
                first.answer(message, 200)
                #expect(try anna.final(.message).statusCode == 200)
            }
            #expect(second.isSilent())
            anna.say("x", to: "sip:tg.AAAA@example.com;gr", callID: "nobody")
            #expect(try anna.final(.message).statusCode == 404)
        }
    }

    @Test("the trail of a message tells of the phone")
    func explained() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            try bob.register()
            anna.say("x", to: Self.bob, callID: "find-me")
            bob.answer(try bob.request(.message), 200)
            _ = try anna.final(.message)
            try bob.hasArrived()
            let steps = try await bench.trail("find-me")
            #expect(steps.contains("accepted MESSAGE over UDP"))
            #expect(steps.contains("handed MESSAGE over UDP to sip:bob@127.0.0.1:\(bob.port)"))
            #expect(steps.contains("settled SIP 200 OK"))
        }
    }

    @Test("spoofed senders are refused")
    func spoofed() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            anna.send(
                anna.make(
                    "MESSAGE", Self.bob, from: "<sip:eve@elsewhere.example>;tag=1", lines: ["Content-Type: text/plain"],
                    body: "x"))
            #expect(try anna.final(.message).statusCode == 403)
            anna.send(
                anna.make(
                    "MESSAGE", Self.bob, from: "<sip:nobody@example.com>;tag=1", lines: ["Content-Type: text/plain"],
                    body: "x"))
            #expect(try anna.final(.message).statusCode == 403)
        }
    }
}
