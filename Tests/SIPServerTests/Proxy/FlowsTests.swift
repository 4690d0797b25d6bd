import SIPWire
import Testing

@testable import SIPServer

@Suite("Several flows of one instance (RFC 5626 §7)", .serialized)
struct FlowsTests {
    /// Two connections of one phone of bob's; the second registered last.
    private func phones(_ bench: SIPBench, _ time: Int = 0) throws -> (Phone, Phone) {
        let phones = try (1...2).map { number in
            let phone = try Phone("bob", server: bench.tcp, tcp: true)
            let answer = try phone.register(
                "<\(phone.contact)>;+sip.instance=\"<urn:uuid:1>\";reg-id=\(number)", callID: "flow-\(number)-\(time)",
                lines: ["Supported: outbound, path"])
            #expect(answer.statusCode == 200)
            return phone
        }
        return (phones[0], phones[1])
    }

    private func instances(_ bench: SIPBench) async throws -> [UInt32] {
        try await bench.on { $0.location.bindings(of: SIPBench.jid("bob")).map(\.regID) }
    }

    @Test("one flow is tried; when it is dead by what its edge says, the other one")
    func failed() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let (first, second) = try phones(bench)
            #expect(try await instances(bench) == [2, 1])
            Call.invite(anna, "sip:bob@example.com", callID: "dead")
            let invite = try second.request(.invite)
            #expect(first.isSilent(50))
            second.answer(invite, 430)
            let other = try first.request(.invite)
            #expect(other.callID.equals("dead") && other.branch != invite.branch)
            first.answer(other, 200)
            #expect(try anna.final(.invite).statusCode == 200)
            // What is dead is no longer registered (§5.3).
            #expect(try await instances(bench) == [1])
        }
    }

    @Test("a connection that ends while it is tried makes room for the other one, for calls and other requests")
    func closed() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let (first, second) = try phones(bench)
            Call.invite(anna, "sip:bob@example.com", callID: "lost")
            _ = try second.request(.invite)
            second.close()
            first.answer(try first.request(.invite), 603)
            #expect(try anna.final(.invite).statusCode == 603)
            let (third, fourth) = try phones(bench, 1)
            anna.send(anna.make("OPTIONS", "sip:bob@example.com", callID: "options"))
            _ = try fourth.request(.options)
            fourth.close()
            third.answer(try third.request(.options), 200)
            #expect(try anna.final(.options).statusCode == 200)
        }
    }

    @Test("whatever else an instance answers is its answer; with no flow left the caller is told so")
    func decided() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let (first, second) = try phones(bench)
            Call.invite(anna, "sip:bob@example.com", callID: "busy")
            second.answer(try second.request(.invite), 486)
            #expect(try anna.final(.invite).statusCode == 486)
            #expect(first.isSilent(50))
            Call.invite(anna, "sip:bob@example.com", callID: "nobody")
            second.answer(try second.wait("it") { $0.callID.equals("nobody") && $0.method == .invite }, 430)
            first.answer(try first.request(.invite), 430)
            let end = try anna.wait("the end") { $0.callID.equals("nobody") && $0.statusCode >= 200 }
            #expect(end.statusCode == 480)
            #expect(try await instances(bench) == [])
        }
    }
}
