import SIPWire
import Testing

@testable import SIPServer

@Suite("Session timers of calls (RFC 4028 §8)", .serialized)
struct CallTimerTests {
    private static let bob = "sip:bob@example.com"

    private func end(_ phone: Phone, _ callID: String) throws -> SIPMessage {
        try phone.wait("the end") { $0.callID.string == callID && $0.statusCode >= 200 }
    }

    @Test("what the ends agree on passes unchanged, and 422 comes back with its Min-SE")
    func passed() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            let lines = ["Session-Expires: 1800;refresher=uac", "Min-SE: 120", "Supported: timer, replaces"]
            Call.invite(anna, Self.bob, callID: "passed", lines: lines)
            let invite = try bob.request(.invite)
            for line in lines {
                let name = line.prefix { $0 != ":" }
                let header = name == "Min-SE" ? SIPHeader.minSE : name == "Supported" ? .supported : .sessionExpires
                #expect(invite.first(header)?.string == String(line.dropFirst(name.count + 2)))
            }
            bob.answer(invite, 422, lines: ["Min-SE: 3600"])
            let refused = try end(anna, "passed")
            #expect(refused.statusCode == 422 && refused.first(.minSE)?.string == "3600")
            Call.invite(anna, Self.bob, callID: "none", lines: ["Supported: timer"])
            let plain = try bob.wait("it") { $0.callID.equals("none") && $0.method == .invite }
            #expect(!plain.has(.sessionExpires))
            bob.answer(plain, 200, lines: ["Session-Expires: 600;refresher=uas"])
            #expect(try end(anna, "none").first(.sessionExpires)?.string == "600;refresher=uas")
        }
    }

    @Test(
        "where the administrator wants refreshes, calls get a time, and the caller refreshes for a callee that cannot")
    func wanted() async throws {
        try await withServer(["anna", "bob"], configure: { $0.sessionSeconds = 600 }) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let bob = try Phone("bob", server: bench.udp)
            try bob.register()
            func call(_ callID: String, _ lines: [String], answer: [String] = []) throws -> (SIPMessage, SIPMessage) {
                Call.invite(anna, Self.bob, callID: callID, lines: lines)
                let invite = try bob.wait("the call") { $0.callID.string == callID && $0.method == .invite }
                bob.answer(invite, 200, lines: answer)
                return (invite, try end(anna, callID))
            }
            let (made, answered) = try call("made", ["Supported: timer"])
            #expect(made.values(.sessionExpires) == ["600"])
            #expect(answered.values(.sessionExpires) == ["600;refresher=uac"] && answered.requires("timer"))
            let (shorter, theirs) = try call(
                "shorter", ["Supported: timer", "x: 3600;refresher=uas", "Min-SE: 900"],
                answer: ["Session-Expires: 900;refresher=uas"])
            #expect(shorter.values(.sessionExpires) == ["900;refresher=uas"])
            #expect(theirs.values(.sessionExpires) == ["900;refresher=uas"] && !theirs.requires("timer"))
            let (kept, _) = try call("kept", ["Supported: timer", "Session-Expires: 300"])
            #expect(kept.values(.sessionExpires) == ["300"])
            // Neither end knows timers: nobody is told to refresh.
            let (old, silent) = try call("old", [])
            #expect(old.values(.sessionExpires) == ["600"] && !silent.has(.sessionExpires) && !silent.has(.require))
            Call.invite(anna, Self.bob, callID: "brief", lines: ["Supported: timer", "Session-Expires: 30"])
            let refused = try end(anna, "brief")
            #expect(refused.statusCode == 422 && refused.first(.minSE)?.string == "90")
        }
    }
}
