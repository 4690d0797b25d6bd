import Foundation
import Ground
import IMCore
import PresenceWire
import Testing
import XMPPWire

@testable import SIPServer
@testable import SIPWire

@Suite("PUBLISH") struct PublishTests {
    @Test("initial, refresh, modify and remove; a tag counts once (RFC 3903 §6)")
    func operations() async throws {
        try await withServer(["anna"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let first = try anna.publish(Phone.document("anna"))
            #expect(first.statusCode == 200 && !first.tag.isEmpty && first.expires == 600)
            let refreshed = try anna.publish("", tag: first.tag)
            #expect(refreshed.statusCode == 200 && refreshed.tag != first.tag)
            #expect(try anna.publish("", tag: first.tag).statusCode == 412)
            let modified = try anna.publish(Phone.document("anna", note: "tea"), tag: refreshed.tag)
            #expect(modified.statusCode == 200)
            let count = try await bench.on { $0.router.homes.loaded(SIPBench.jid("anna"))?.publications.count }
            #expect(count == 1)
            #expect(try anna.publish("", tag: modified.tag, expires: 0).statusCode == 200)
            #expect(try anna.publish("", tag: modified.tag, expires: 0).statusCode == 412)
        }
    }

    @Test("what is wrong is refused with the right status")
    func refusals() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let body = Phone.document("anna")
            let brief = try anna.publish(body, expires: 10)
            #expect(brief.statusCode == 423 && brief.minExpires == 60)
            let type = try anna.publish("x", type: "text/plain")
            #expect(type.statusCode == 415 && type.values(.accept) == ["application/pidf+xml"])
            let event = try anna.publish(body, event: "weather")
            #expect(event.statusCode == 489 && event.has(.allowEvents))
            #expect(try anna.publish(body, to: "sip:bob@example.com").statusCode == 403)
            #expect(try anna.publish("<presence>").statusCode == 400)
            #expect(try anna.publish("").statusCode == 400)
            #expect(try anna.publish(body, to: "sip:nobody@example.com").statusCode == 403)
            let deep = String(repeating: "<x>", count: 60) + String(repeating: "</x>", count: 60)
            let tooDeep = body.replacingOccurrences(of: "</presence>", with: deep + "</presence>")
            #expect(try anna.publish(tooDeep).statusCode == 413)
        }
    }

    @Test("a publication survives a restart, with its tag")
    func restart() async throws {
        try await withServer(["anna"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let first = try anna.publish(Phone.document("anna", activity: "away"))
            try await bench.restart()
            try await bench.tick()
            try await bench.settle()
            #expect(try anna.publish("", tag: first.tag).statusCode == 200)
            let state = try await bench.on { server in
                server.router.homes.loaded(SIPBench.jid("anna")).map { server.router.composedPresence(of: $0).state }
            }
            #expect(state == .away)
        }
    }

    @Test("a trunk that may tells the state of lines, in PIDF and in dialog-info; one that may not is refused")
    func trunk() async throws {
        for mayPublish in [true, false] {
            try await withServer(
                ["anna"],
                configure: { config in
                    var trunk = TrunkSettings(name: "pbx", destinations: [])
                    trunk.addresses = [AddressRange("127.0.0.1")].compactMap { $0 }
                    trunk.publishesLineState = mayPublish
                    config.trunks = [trunk]
                }
            ) { bench in
                let exchange = try Phone("exchange", server: bench.udp, domain: "pbx.example.net")
                let answer = try exchange.publish(
                    Phone.document("anna", activity: "on-the-phone"), to: "sip:anna@example.com")
                #expect(answer.statusCode == (mayPublish ? 200 : 403))
                guard mayPublish else { return }
                let composed: @Sendable () async throws -> [String] = {
                    try await bench.on { server in
                        guard let home = server.router.homes.loaded(SIPBench.jid("anna")) else { return [] }
                        let composed = server.router.composedPresence(of: home)
                        return [composed.state.rawValue] + composed.matched.map(\.source.description)
                    }
                }
                #expect(try await composed() == ["on-the-phone", "line/pbx/t"])
                _ = try exchange.publish("", to: "sip:anna@example.com", tag: answer.tag, expires: 0)
                #expect(try await composed().first == "offline")
                var info = DialogInfo(
                    version: 0, entity: "sip:anna@example.com", dialogs: [.init(id: "1", state: .confirmed)])
                let calls = try exchange.publish(
                    String(decoding: info.bytes, as: UTF8.self), to: "sip:anna@example.com", event: "dialog",
                    type: "application/dialog-info+xml")
                #expect(try await composed().first == "on-the-phone")
                info.dialogs[0].state = .terminated
                _ = try exchange.publish(
                    String(decoding: info.bytes, as: UTF8.self), to: "sip:anna@example.com", tag: calls.tag,
                    event: "dialog", type: "application/dialog-info+xml")
                #expect(try await composed().first == "offline")
            }
        }
    }
}
