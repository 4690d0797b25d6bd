import SIPWire
import Testing

@testable import SIPServer

/// A phone in a message session with a user of the server.
struct ChatCall {
    let phone: Phone
    let answer: SIPMessage
    let media: SDPSession.Media
    let own: String

    static func offer(_ phone: Phone, _ own: String, setup: String = "a=setup:actpass\r\n") -> String {
        """
        v=0\r
        o=- 1 1 IN IP4 127.0.0.1\r
        s=-\r
        c=IN IP4 127.0.0.1\r
        t=0 0\r
        m=message 7777 TCP/MSRP *\r
        a=accept-types:text/plain message/cpim application/im-iscomposing+xml\r
        a=accept-wrapped-types:text/plain\r
        a=path:\(own)\r
        \(setup)
        """
    }

    /// Invites, and acknowledges the answer.
    init(_ phone: Phone, to user: String, offer: String? = nil, lines: [String] = []) throws {
        self.phone = phone
        own = "msrp://127.0.0.1:7777/\(phone.name)0001;tcp"
        phone.send(
            phone.make(
                "INVITE", "sip:\(user)@example.com", callID: "call-\(phone.name)-\(user)",
                lines: ["Contact: <\(phone.contact)>", "Content-Type: application/sdp"] + lines,
                body: offer ?? Self.offer(phone, own)))
        answer = try phone.final(.invite)
        try #require(answer.status == .ok)
        let description = try #require(SDPSession(answer.body))
        media = description.media[0]
        phone.send(inDialog("ACK", cseq: answer.cseqNumber))
    }

    func inDialog(
        _ method: String, cseq: UInt32? = nil, lines: [String] = [], body: String = ""
    ) -> String {
        phone.make(
            method, answer.contactURI, to: answer.first(.to)?.string, callID: answer.callID.string, cseq: cseq,
            lines: lines, body: body)
    }

    var theirs: String { media.path[0].text.string }

    func connect(_ port: UInt16) throws -> MSRPSocket {
        let socket = try MSRPSocket(to: port)
        socket.send(
            "MSRP begin001 SEND\r\nTo-Path: \(theirs)\r\nFrom-Path: \(own)\r\nMessage-ID: b\r\nByte-Range: 1-0/0\r\n"
                + "-------begin001$\r\n")
        #expect(try socket.response("begin001") == 200)
        return socket
    }
}

@Suite("Message sessions", .serialized)
struct SessionTests {
    @Test("what is said in a session reaches the user, and the user's answers go through it") func bothWays()
        async throws
    {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try await bench.signIn("bob")
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register()
            let call = try ChatCall(anna, to: "bob")
            #expect(call.media.isMSRP)
            #expect(call.media.setup?.string == "passive")
            let socket = try call.connect(bench.msrp)
            socket.say("Wherefore?", "say00001", to: call.theirs, from: call.own)
            #expect(try socket.response("say00001") == 200)
            let stanza = try bob.wait(for: "Wherefore?")
            #expect(stanza.contains("<thread>call-anna-bob</thread>"))
            #expect(stanza.contains("type='chat'"))
            let from = try #require(stanza.firstMatch(of: /from='(anna@example.com\/[^']*)'/)?.1)
            try await bench.write("bob", to: String(from), "<body>Because &amp; so</body>")
            let frame = try socket.message()
            #expect(frame.body?.string == "Because & so")
            // Where messages are: how they came, and which way they went.
            #expect(try await bench.trail("call-anna-bob").contains("accepted MSRP"))
            #expect(try await bench.trail("x1").contains("handed MSRP to \(call.own)"))
            #expect(frame.contentType?.string == "text/plain")
            #expect(try await bench.on { $0.sessions?.count } == 1)
        }
    }

    @Test("chunks make one message, and it is answered when it is stored") func chunks() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try await bench.signIn("bob")
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register()
            let call = try ChatCall(anna, to: "bob")
            let socket = try call.connect(bench.msrp)
            socket.say("Good ", "part0001", to: call.theirs, from: call.own, range: "1-5/10", flag: "+")
            #expect(try socket.response("part0001") == 200)
            socket.say("night", "part0002", to: call.theirs, from: call.own, range: "6-10/10")
            #expect(try socket.response("part0002") == 200)
            _ = try bob.wait(for: "Good night")
        }
    }

    @Test("typing, receipts and the end are told in both directions") func states() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try await bench.signIn("bob")
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register()
            let call = try ChatCall(anna, to: "bob")
            let socket = try call.connect(bench.msrp)
            let composing =
                "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>active</state></isComposing>"
            socket.say(
                composing, "type0001", to: call.theirs, from: call.own, type: "application/im-iscomposing+xml")
            _ = try bob.wait(for: "<composing")
            // A success report becomes a request for a receipt.
            socket.say("There?", "say00002", to: call.theirs, from: call.own, lines: ["Success-Report: yes"])
            let stanza = try bob.wait(for: "There?")
            #expect(stanza.contains("urn:xmpp:receipts"))
            let from = try #require(stanza.firstMatch(of: /from='(anna@example.com\/[^']*)'/)?.1)
            try await bench.write(
                "bob", to: String(from), "<composing xmlns='http://jabber.org/protocol/chatstates'/>")
            #expect(try socket.message().body?.string.contains("<state>active</state>") == true)
            anna.send(call.inDialog("BYE"))
            #expect(try anna.final(.bye).status == .ok)
            _ = try bob.wait(for: "<gone")
            #expect(try await bench.on { $0.sessions?.count } == 0)
        }
    }

    @Test("a receipt is told as a success report, to whom asked for one (RFC 4975 §7.1.2)") func successReports()
        async throws
    {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try await bench.signIn("bob")
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register()
            let call = try ChatCall(anna, to: "bob")
            let socket = try call.connect(bench.msrp)
            func receipt(_ id: String, to: Substring) async throws {
                try await bench.write("bob", to: String(to), "<received xmlns='urn:xmpp:receipts' id='\(id)'/>")
            }
            socket.say("Good ", "part0001", to: call.theirs, from: call.own, id: "q1", range: "1-5/10", flag: "+")
            #expect(try socket.response("part0001") == 200)
            socket.say(
                "night", "part0002", to: call.theirs, from: call.own, id: "q1", lines: ["Success-Report: yes"],
                range: "6-10/10")
            #expect(try socket.response("part0002") == 200)
            let first = try bob.wait(for: "Good night")
            // What all chunks say, the first one says.
            #expect(!first.contains("urn:xmpp:receipts"))
            socket.say("There?", "say00002", to: call.theirs, from: call.own, id: "q2", lines: ["Success-Report: yes"])
            #expect(try socket.response("say00002") == 200)
            let stanza = try bob.wait(for: "There?")
            #expect(stanza.contains("id='q2'") && stanza.contains("<request xmlns='urn:xmpp:receipts'/>"))
            let from = try #require(stanza.firstMatch(of: /from='(anna@example.com\/[^']*)'/)?.1)
            // Nobody asked for that one.
            try await receipt("q1", to: from)
            try await receipt("q2", to: from)
            let report = try #require(try socket.report(before: "none"))
            #expect(report.messageID.string == "q2" && report.status == 200)
            #expect(report.range?.start == 1 && report.range?.end == 6 && report.range?.total == 6)
            #expect(report.toPath.first?.text.string == call.own && report.fromPath.first?.text.string == call.theirs)
            // And once.
            try await receipt("q2", to: from)
            socket.say("x", "say00003", to: call.theirs, from: call.own, id: "q3")
            #expect(try socket.report(before: "say00003") == nil)
        }
    }

    @Test("what fails after it was answered is told as a failure report, but to whom wants none") func failureReports()
        async throws
    {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            let bob = try Phone("bob", server: bench.udp)
            try anna.register()
            try bob.register()
            let call = try ChatCall(anna, to: "bob")
            let socket = try call.connect(bench.msrp)
            socket.say(
                "No report", "say00001", to: call.theirs, from: call.own, id: "f1", lines: ["Failure-Report: no"])
            bob.answer(try bob.request(.message), 603)
            socket.say(
                "Report", "say00002", to: call.theirs, from: call.own, id: "f2", lines: ["Failure-Report: partial"])
            bob.answer(try bob.request(.message), 603)
            let report = try #require(try socket.report(before: "none"))
            #expect(report.messageID.string == "f2" && report.status == 403)
        }
    }

    @Test("a user who has gone ends the session with BYE") func gone() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try await bench.signIn("bob")
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register()
            let call = try ChatCall(anna, to: "bob")
            let socket = try call.connect(bench.msrp)
            socket.say("Adieu", "say00003", to: call.theirs, from: call.own)
            let stanza = try bob.wait(for: "Adieu")
            let from = try #require(stanza.firstMatch(of: /from='(anna@example.com\/[^']*)'/)?.1)
            try await bench.write("bob", to: String(from), "<gone xmlns='http://jabber.org/protocol/chatstates'/>")
            let bye = try anna.request(.bye)
            #expect(bye.callID.string == "call-anna-bob")
            anna.answer(bye, 200)
        }
    }

    @Test("strangers, wrong names and too much are refused") func refusals() async throws {
        try await withServer(["anna", "bob"], configure: { $0.contentBytes = 100 }) { bench in
            _ = try await bench.signIn("bob")
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register()
            let call = try ChatCall(anna, to: "bob")
            let stranger = try MSRPSocket(to: bench.msrp)
            stranger.say("Hi", "none0001", to: "msrp://127.0.0.1:1/nobody;tcp", from: call.own)
            #expect(try stranger.response("none0001") == 481)
            #expect(try stranger.next() == nil)
            let socket = try call.connect(bench.msrp)
            socket.say("Hi", "wrong001", to: call.theirs, from: "msrp://127.0.0.1:1/other;tcp")
            #expect(try socket.response("wrong001") == 403)
            socket.say(String(repeating: "x", count: 200), "large001", to: call.theirs, from: call.own)
            #expect(try socket.response("large001") == 413)
            socket.say("x", "image001", to: call.theirs, from: call.own, type: "image/png")
            #expect(try socket.response("image001") == 415)
        }
    }

    @Test("nobody there, and media of other kinds") func offers() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register()
            let own = "msrp://127.0.0.1:7777/anna0001;tcp"
            func invite(_ user: String, _ body: String) throws -> SIPStatus {
                anna.send(
                    anna.make(
                        "INVITE", "sip:\(user)@example.com", callID: "other-\(user)-\(body.count)",
                        lines: ["Contact: <\(anna.contact)>", "Content-Type: application/sdp"], body: body))
                return try anna.final(.invite).status
            }
            #expect(try invite("nobody", ChatCall.offer(anna, own)) == .notFound)
            let encrypted = ChatCall.offer(anna, own).replacing("TCP/MSRP", with: "TCP/TLS/MSRP")
            #expect(try invite("bob", encrypted) == .notAcceptableHere)
            // Audio is for phones of bob's, of which there is none.
            let audio = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
            #expect(try invite("bob", audio) == .temporarilyUnavailable)
        }
    }

    @Test("a contact that takes sessions gets the INVITE itself") func proxied() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register()
            let bob = try Phone("bob", server: bench.tcp, tcp: true)
            try bob.register("<\(bob.contact)>;message")
            anna.send(
                anna.make(
                    "INVITE", "sip:bob@example.com", callID: "direct",
                    lines: ["Contact: <\(anna.contact)>", "Content-Type: application/sdp"],
                    body: ChatCall.offer(anna, "msrp://127.0.0.1:7777/anna0001;tcp")))
            let invite = try bob.request(.invite)
            #expect(invite.callID.string == "direct")
            bob.answer(invite, 603)
            #expect(try anna.final(.invite).status == .decline)
        }
    }

    @Test("a session is opened to a contact that takes them") func opened() async throws {
        try await withServer(["anna", "bob"]) { bench in
            _ = try await bench.signIn("bob")
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register("<\(anna.contact)>;message")
            try await bench.write("bob", to: "anna@example.com", "<body>Come down</body><thread>t-77</thread>")
            let invite = try anna.request(.invite)
            #expect(invite.callID.string == "t-77")
            let offer = try #require(SDPSession(invite.body)?.media.first)
            #expect(offer.isMSRP)
            let listener = try MSRPSocket()
            let own = "msrp://127.0.0.1:\(listener.port)/anna0002;tcp"
            anna.answer(
                invite, 200, body: ChatCall.offer(anna, own, setup: "a=setup:passive\r\n"))
            _ = try anna.request(.ack)
            try listener.accept()
            let frame = try listener.message()
            #expect(frame.body?.string == "Come down")
            #expect(frame.toPath.first?.session.string == "anna0002")
        }
    }

    @Test("the Microsoft form: first message in the INVITE, the others in the dialog") func microsoft() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try await bench.signIn("bob")
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register()
            let offer =
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 5060 sip null\r\n"
                + "a=accept-types:text/plain text/html multipart/alternative\r\n"
            let call = try ChatCall(
                anna, to: "bob", offer: offer,
                lines: ["Ms-Text-Format: text/plain; charset=UTF-8;msgr=WAA=;ms-body=Rmlyc3Qgb2YgYWxs"])
            #expect(call.media.isMicrosoftForm)
            _ = try bob.wait(for: "First of all")
            anna.send(call.inDialog("MESSAGE", lines: ["Content-Type: text/plain"], body: "Second"))
            #expect(try anna.final(.message).status == .ok)
            let stanza = try bob.wait(for: "Second")
            anna.send(
                call.inDialog(
                    "INFO", lines: ["Content-Type: application/xml"],
                    body: "<KeyboardActivity><status status=\"type\"/></KeyboardActivity>"))
            #expect(try anna.final(.info).status == .ok)
            _ = try bob.wait(for: "<composing")
            let from = try #require(stanza.firstMatch(of: /from='(anna@example.com\/[^']*)'/)?.1)
            try await bench.write("bob", to: String(from), "<body>Third</body>")
            let message = try anna.request(.message)
            #expect(message.body.string == "Third")
            #expect(message.callID.string == "call-anna-bob")
            #expect(!message.toTag.isEmpty)
            anna.answer(message, 200)
            let came = try await bench.trail("call-anna-bob")
            #expect(came.contains("accepted MESSAGE in a session of the Microsoft form"))
            let went = try await bench.trail("x1")
            #expect(went.contains("handed MESSAGE in a session of the Microsoft form to \(anna.contact)"))
        }
    }
}

@Suite("Words of the Microsoft dialect")
struct MicrosoftFormTests {
    @Test(
        "the first message is read, quoted or not",
        arguments: [
            "text/plain; charset=UTF-8;msgr=WAA=;ms-body=SGk=", "text/plain;ms-body=\"SGk=\"", "text/html; ms-body=SGk",
        ])
    func first(text: String) { #expect(MicrosoftForm.firstMessage(SIPBytes(text))?.body == Array("Hi".utf8)) }

    @Test("what is none is none", arguments: ["", "text/plain", "text/plain;ms-body=***", "x"])
    func none(text: String) { #expect(MicrosoftForm.firstMessage(SIPBytes(text)) == nil) }

    @Test("typing") func typing() {
        #expect(MicrosoftForm.typing(MicrosoftForm.activity(isTyping: true)) == true)
        #expect(MicrosoftForm.typing(MicrosoftForm.activity(isTyping: false)) == false)
        #expect(MicrosoftForm.typing(SIPBytes("<x/>")) == nil)
    }
}
