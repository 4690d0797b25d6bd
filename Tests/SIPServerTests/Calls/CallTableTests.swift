import Ground
import IMCore
import PresenceWire
import SIPWire
import Testing
import XMPPWire

@testable import SIPServer

@Suite("Calls that pass through", .serialized)
struct CallTableTests {
    private static let quick: @Sendable (inout SIPConfig) -> Void = { $0.notifySeconds = 0 }
    private static let bob = "sip:bob@example.com"

    /// The lamp of somebody's own phone, or of somebody who sees the user's presence.
    private struct Lamp {
        let watched: Watched

        init(_ name: String, of user: String, _ bench: SIPBench) throws {
            watched = try Watched(
                try Phone(name, server: bench.udp), "sip:\(user)@example.com", event: "dialog")
            _ = try watched.next()
        }

        /// The calls of the next NOTIFY.
        func next() throws -> [DialogInfo.Dialog] { try DialogInfo(parsing: watched.next().body).dialogs }
    }

    private func status(_ user: String, _ bench: SIPBench) async throws -> String {
        // Behind whoever waits for the home already.
        try await bench.until { server, done in
            server.router.homes.withHome(SIPBench.jid(user)) { _ in done() }
        }
        return try await bench.on { server in
            guard let home = server.router.homes.loaded(SIPBench.jid(user)) else { return "not loaded" }
            let composed = server.router.composedPresence(of: home)
            return ([composed.state.rawValue] + composed.matched.map(\.source.description)).joined(separator: " ")
        }
    }

    /// What XMPP watchers see in place of telephones.
    private func synthetic(_ user: String, _ bench: SIPBench) async throws -> String? {
        try await bench.on { server in
            let home = server.router.homes.loaded(SIPBench.jid(user))
            return home?.endpoints.first { $0.resource == "elsewhere" }?.availability?.show
        }
    }

    @Test("both see the call come, ring, be answered and end; with whom is for their own phones")
    func whole() async throws {
        try await withServer(["anna", "bob", "carol"], configure: Self.quick) { bench in
            try await Anna.approveAll(bench)
            try await Anna.subscription(.subscribe, from: "carol", to: "bob", bench)
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            try bob.register()
            let annas = try Lamp("anna", of: "anna", bench)
            let bobs = try Lamp("bob", of: "bob", bench)
            let carols = try Lamp("carol", of: "bob", bench)
            Call.invite(anna, Self.bob, callID: "call-c1")
            let invite = try bob.request(.invite)
            let trying = try annas.next()
            #expect(trying.map(\.state) == [.trying] && trying[0].isInitiator == true)
            #expect(trying[0].callID == "call-c1" && trying[0].remote == Self.bob)
            #expect(try bobs.next().map(\.isInitiator) == [false])
            let foreign = try carols.next()
            #expect(foreign.map(\.state) == [.trying] && foreign[0].isInitiator == false)
            #expect(foreign[0].callID.isEmpty && foreign[0].remote.isEmpty && foreign[0].localTag.isEmpty)
            bob.answer(invite, 180)
            #expect(try anna.response(.invite).statusCode == 180)
            for lamp in [annas, bobs, carols] { #expect(try lamp.next().map(\.state) == [.early]) }
            #expect(try await status("bob", bench) == "offline")
            bob.answer(invite, 200, body: Call.offer)
            let accepted = try anna.final(.invite)
            for lamp in [annas, bobs, carols] { #expect(try lamp.next().map(\.state) == [.confirmed]) }
            let call = Call(caller: anna, callee: bob, invite: invite, accepted: accepted)
            call.acknowledge(accepted)
            _ = try bob.request(.ack)
            // Both are on the phone, and everybody may know why.
            for user in ["anna", "bob"] {
                #expect(try await status(user, bench) == "on-the-phone line/calls")
                #expect(try await synthetic(user, bench) == "dnd")
            }
            bob.send(call.fromCallee("BYE"))
            anna.answer(try anna.request(.bye), 200)
            for lamp in [annas, bobs, carols] { #expect(try lamp.next().map(\.state) == [.terminated]) }
            #expect(try await status("anna", bench) == "offline")
            #expect(try await synthetic("bob", bench) == nil)
            #expect(try await bench.on { $0.callCount } == 0)
        }
    }

    @Test("who is on the phone says so to SIP watchers beside what the own client publishes, as long as it is wanted")
    func presence() async throws {
        try await withServer(["anna", "bob", "carol"], configure: Self.quick) { bench in
            try await Anna.approveAll(bench)
            try await Anna.subscription(.subscribe, from: "carol", to: "bob", bench)
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            try bob.register()
            #expect(try bob.publish(Phone.document("bob", note: "at work")).statusCode == 200)
            let carol = try Watched(try Phone("carol", server: bench.udp), Self.bob)
            #expect(try carol.next().text.contains("at work"))
            let call = try Call.establish(anna, bob, uri: Self.bob, callID: "call-c2")
            let busy = try carol.next()
            #expect(busy.isOpen && busy.text.contains("on-the-phone"))
            try await bench.on { server in
                var config = server.config
                config.callsArePresence = false
                server.reconfigure(config)
            }
            #expect(!(try carol.next().text.contains("on-the-phone")))
            try await bench.on { server in
                var config = server.config
                config.callsArePresence = true
                server.reconfigure(config)
            }
            #expect(try carol.next().text.contains("on-the-phone"))
            anna.send(call.fromCaller("BYE"))
            bob.answer(try bob.request(.bye), 200)
            #expect(!(try carol.next().text.contains("on-the-phone")))
        }
    }

    @Test("a call that comes to nothing is over: refused, given up")
    func fails() async throws {
        try await withServer(["anna", "bob"], configure: Self.quick) { bench in
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            try bob.register()
            let lamp = try Lamp("bob", of: "bob", bench)
            Call.invite(anna, Self.bob, callID: "call-c3")
            let refused = try bob.request(.invite)
            #expect(try lamp.next().map(\.state) == [.trying])
            bob.answer(refused, 486)
            #expect(try anna.final(.invite).statusCode == 486)
            #expect(try lamp.next().map(\.state) == [.terminated])
            Call.invite(anna, Self.bob, callID: "call-c4", branch: "z9hG4bK-given-up")
            let invite = try bob.wait("the second INVITE") { $0.method == .invite && $0.callID.string == "call-c4" }
            // The one before is told as over for a while.
            #expect(try lamp.next().map(\.state) == [.terminated, .trying])
            bob.answer(invite, 180)
            #expect(try anna.response(.invite).statusCode == 180)
            #expect(try lamp.next().map(\.state) == [.terminated, .early])
            anna.send(
                anna.make(
                    "CANCEL", Self.bob, callID: "call-c4", cseq: invite.cseqNumber, branch: "z9hG4bK-given-up"))
            bob.answer(try bob.request(.cancel), 200)
            bob.answer(invite, 487)
            #expect(try anna.final(.invite).statusCode == 487)
            #expect(try lamp.next().map(\.state) == [.terminated, .terminated])
            #expect(try await bench.on { $0.callCount } == 0)
        }
    }

    @Test("a call of which nothing is heard ends by time; what the two have agreed on counts (RFC 4028)")
    func silence() async throws {
        let time = ManualTime()
        try await withServer(["anna", "bob"], time: time, configure: Self.quick) { bench in
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            try bob.register(expires: 7_200)
            func wait(_ seconds: Int64) async throws {
                time.advance(milliseconds: seconds * 1_000)
                try await bench.tick()
            }
            Call.invite(anna, Self.bob, callID: "call-c5")
            let invite = try bob.request(.invite)
            bob.answer(invite, 200, lines: ["Session-Expires: 1800;refresher=uac"], body: Call.offer)
            let accepted = try anna.final(.invite)
            let call = Call(caller: anna, callee: bob, invite: invite, accepted: accepted)
            call.acknowledge(accepted)
            _ = try bob.request(.ack)
            try await wait(1_700)
            #expect(try await status("anna", bench) == "on-the-phone line/calls")
            // A request with other tags is not of the call.
            anna.send(
                call.fromCaller("BYE").replacing(accepted.toTag.string, with: "another"))
            bob.answer(try bob.request(.bye), 481)
            #expect(try anna.final(.bye).statusCode == 481)
            #expect(try await status("anna", bench) == "on-the-phone line/calls")
            anna.send(call.fromCaller("UPDATE", lines: ["Session-Expires: 1800"]))
            bob.answer(try bob.request(.update), 200)
            _ = try anna.final(.update)
            try await wait(1_800)
            #expect(try await status("anna", bench) == "on-the-phone line/calls")
            try await wait(60)
            #expect(try await status("anna", bench) == "offline")
            #expect(try await bench.on { $0.callCount } == 0)
        }
    }

    @Test("calls over a trunk are those of the one of the two who is ours; only so many are kept")
    func trunk() async throws {
        try await Outland.open(configure: {
            $0.notifySeconds = 0
            $0.trackedCalls = 1
        }) { outland in
            let bench = outland.bench
            let (anna, carol) = (try Phone("anna", server: bench.udp), outland.phone)
            try await outland.bench.on { server in
                // Calls of anna come from the trunk's address too: by certificate, nobody does.
                var config = server.config
                config.trunks[0].addresses = []
                server.reconfigure(config)
            }
            Call.invite(anna, "sip:carol@pbx.example.net", callID: "call-c6")
            let invite = try carol.request(.invite)
            carol.answer(invite, 200, body: Call.offer)
            let accepted = try anna.final(.invite)
            let call = Call(caller: anna, callee: carol, invite: invite, accepted: accepted)
            call.acknowledge(accepted)
            _ = try carol.request(.ack)
            #expect(try await status("anna", bench) == "on-the-phone line/calls")
            Call.invite(anna, "sip:carol@pbx.example.net", callID: "call-c7")
            let second = try carol.wait("the second") { $0.method == .invite && $0.callID.string == "call-c7" }
            #expect(try await bench.on { $0.callCount } == 1)
            carol.answer(second, 486)
            carol.send(call.fromCallee("BYE"))
            anna.answer(try anna.request(.bye), 200)
            #expect(try await status("anna", bench) == "offline")
        }
    }
}
