import Ground
import SIPWire
import Testing

@testable import SIPServer

@Suite("Session timers of message sessions (RFC 4028)", .serialized)
struct SessionTimerTests {
    @Test("a session lasts as long as the client refreshes it, and ends with BYE when it does not")
    func theirs() async throws {
        let time = ManualTime()
        try await withServer(["anna", "bob"], time: time) { bench in
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register()
            let timer = ["Supported: timer", "Session-Expires: 100;refresher=uac"]
            let call = try ChatCall(anna, to: "bob", lines: timer)
            #expect(call.answer.first(.sessionExpires)?.string == "100;refresher=uac")
            #expect(call.answer.requires("timer"))
            let socket = try call.connect(bench.msrp)
            for method in ["UPDATE", "INVITE"] {
                time.advance(milliseconds: 60_000)
                try await bench.tick()
                let offer = method == "INVITE" ? ChatCall.offer(anna, call.own) : ""
                anna.send(
                    call.inDialog(
                        method,
                        lines: timer + ["Contact: <\(anna.contact)>"]
                            + (offer.isEmpty ? [] : ["Content-Type: application/sdp"]), body: offer))
                let answer = try anna.final(method == "INVITE" ? .invite : .update)
                #expect(answer.statusCode == 200 && answer.requires("timer"))
                #expect(answer.first(.sessionExpires)?.string == "100;refresher=uac")
                if method == "INVITE" { anna.send(call.inDialog("ACK", cseq: answer.cseqNumber)) }
            }
            anna.send(call.inDialog("UPDATE", lines: ["Supported: timer", "Session-Expires: 60"]))
            let brief = try anna.final(.update)
            #expect(brief.statusCode == 422 && brief.first(.minSE)?.string == "90")
            time.advance(milliseconds: 60_000)
            try await bench.tick()
            #expect(anna.isSilent(50))
            time.advance(milliseconds: 10_000)
            try await bench.tick()
            anna.answer(try anna.request(.bye), 200)
            #expect(try await bench.on { $0.sessions?.count } == 0)
            withExtendedLifetime(socket) {}
        }
    }

    @Test("where the client wants it so, the server refreshes, until the client knows nothing of the session")
    func ours() async throws {
        let time = ManualTime()
        try await withServer(["anna", "bob"], time: time) { bench in
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register()
            let call = try ChatCall(
                anna, to: "bob",
                lines: ["Supported: timer", "Session-Expires: 200;refresher=uas", "Allow: INVITE, ACK, UPDATE"])
            #expect(call.answer.first(.sessionExpires)?.string == "200;refresher=uas")
            let socket = try call.connect(bench.msrp)
            for status in [200, 500, 481] {
                time.advance(milliseconds: 101_000)
                try await bench.tick()
                let update = try anna.request(.update)
                #expect(update.first(.sessionExpires)?.string == "200;refresher=uac")
                anna.answer(update, status, lines: status == 200 ? ["Session-Expires: 200;refresher=uac"] : [])
                guard status != 481 else { break }
                // An answer behind it says that this one was taken.
                anna.send(anna.make("OPTIONS", "sip:example.com"))
                _ = try anna.final(.options)
            }
            anna.answer(try anna.request(.bye), 481)
            #expect(try await bench.on { $0.sessions?.count } == 0)
            withExtendedLifetime(socket) {}
        }
    }

    @Test("who begins with less than the shortest time is told the shortest; who knows no timers gets none")
    func tooBrief() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            try anna.register()
            anna.send(
                anna.make(
                    "INVITE", "sip:bob@example.com", callID: "brief",
                    lines: [
                        "Contact: <\(anna.contact)>", "Content-Type: application/sdp", "Require: timer",
                        "Session-Expires: 89",
                    ], body: ChatCall.offer(anna, "msrp://127.0.0.1:7777/anna0001;tcp")))
            let refused = try anna.final(.invite)
            #expect(refused.statusCode == 422 && refused.first(.minSE)?.string == "90")
            let call = try ChatCall(anna, to: "bob", lines: ["Session-Expires: 1800"])
            #expect(!call.answer.has(.sessionExpires))
        }
    }
}
