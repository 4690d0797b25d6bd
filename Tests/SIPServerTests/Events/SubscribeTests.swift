import Foundation
import Ground
import IMCore
import PresenceWire
import Testing
import XMPPWire

@testable import SIPServer
@testable import SIPWire

@Suite("SUBSCRIBE and NOTIFY") struct SubscribeTests {
    private static func quick(_ config: inout SIPConfig) { config.notifySeconds = 0 }

    @Test("what is wrong is refused with the right status")
    func refusals() async throws {
        try await withServer(["anna"]) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let contact = "Contact: <\(anna.contact)>"
            func ask(_ target: String, _ lines: [String]) throws -> SIPMessage {
                try Watched.ask(anna, target, UUID().uuidString, lines)
            }
            let event = try ask(anna.address, ["Event: weather", contact])
            #expect(event.statusCode == 489)
            #expect(Set(event.values(.allowEvents)).isSuperset(of: ["presence", "presence.winfo", "dialog", "reg"]))
            #expect(try ask(anna.address, [contact]).statusCode == 489)
            #expect(try ask("sip:nobody@example.com", ["Event: presence", contact]).statusCode == 404)
            #expect(try ask(anna.address, ["Event: presence"]).statusCode == 400)
            let brief = try ask(anna.address, ["Event: presence", contact, "Expires: 5"])
            #expect(brief.statusCode == 423 && brief.minExpires == 60)
            #expect(try ask(anna.address, ["Event: presence", contact, "Accept: text/plain"]).statusCode == 406)
            let list = try ask("sip:anna@example.com;list=contacts", ["Event: presence", contact])
            #expect(list.statusCode == 421)
            let watched = try Watched(anna, anna.address)
            try watched.next()
            #expect(try watched.again(600, tag: "other").statusCode == 481)
            #expect(try watched.again(600, cseq: 1).statusCode == 500)
            #expect(try watched.again(600, event: "presence;id=2").statusCode == 481)
        }
    }

    @Test("a NOTIFY follows at once, after a refresh, and at the end with the last state")
    func dialog() async throws {
        try await withServer(["anna"], configure: Self.quick) { bench in
            let anna = try Phone("anna", server: bench.udp)
            _ = try anna.publish(Phone.document("anna", note: "here"))
            let watched = try Watched(anna, anna.address, event: "presence;id=7")
            let first = try watched.next()
            #expect(first.state.hasPrefix("active;expires=") && first.text.contains("here"))
            #expect(first.first(.event)?.string == "presence;id=7")
            #expect(first.requestURIText.string == anna.contact)
            let refreshed = try watched.again(700)
            #expect(refreshed.statusCode == 200 && refreshed.expires == 700)
            let second = try watched.next()
            #expect(second.cseqNumber == first.cseqNumber + 1 && second.fromTag.string == watched.remoteTag)
            #expect(try watched.again(0).statusCode == 200)
            let last = try watched.next()
            #expect(last.state == "terminated;reason=timeout" && last.text.contains("here"))
            #expect(try watched.again(600).statusCode == 481)
            #expect(try await bench.on { $0.events?.count } == 0)
        }
    }

    @Test("a fetch gets one NOTIFY and leaves nothing, in the roster neither")
    func fetch() async throws {
        try await withServer(["anna", "bob"], configure: Self.quick) { bench in
            let bob = try Phone("bob", server: bench.udp)
            let watched = try Watched(bob, "sip:anna@example.com", expires: 0)
            let only = try watched.next()
            #expect(only.state == "terminated;reason=timeout" && !only.isOpen)
            let left = try await bench.on { server in
                (server.events?.count ?? 1) + (server.router.homes.loaded(SIPBench.jid("bob"))?.roster.count ?? 1)
            }
            #expect(left == 0)
        }
    }

    @Test("asking is the roster's request: pending until approved, refused is the end")
    func approval() async throws {
        try await withServer(["anna", "bob", "eve"], configure: Self.quick) { bench in
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            _ = try anna.publish(Phone.document("anna", note: "secret"))
            let watchers = try Watched(anna, anna.address, event: "presence.winfo")
            #expect(try WatcherInfo(parsing: watchers.next().body).lists[0].watchers.isEmpty)
            let watched = try Watched(bob, "sip:anna@example.com")
            let first = try watched.next()
            #expect(first.state.hasPrefix("pending;") && !first.text.contains("secret"))
            func listed() throws -> [String] {
                let info = try WatcherInfo(parsing: watchers.next().body)
                return ["\(info.version)"] + info.lists[0].watchers.map { "\($0.uri) \($0.status)" }
            }
            #expect(try listed() == ["1", "sip:bob@example.com pending"])
            try await Anna.subscription(.subscribed, from: "anna", to: "bob", bench)
            let second = try watched.next()
            #expect(second.state.hasPrefix("active;") && second.text.contains("secret"))
            #expect(try listed() == ["2", "sip:bob@example.com active"])
            let to = try await bench.on {
                $0.router.homes.loaded(SIPBench.jid("bob"))?.roster[SIPBench.jid("anna")]?.subscription.attribute
            }
            #expect(to == "to")
            try await Anna.subscription(.unsubscribed, from: "anna", to: "bob", bench)
            #expect(try watched.next().state == "terminated;reason=rejected")
            #expect(try listed().last == "sip:bob@example.com terminated")
        }
    }

    @Test("who is blocked sees somebody who is not there, and sees again after")
    func blocking() async throws {
        try await withServer(["anna", "bob"], configure: Self.quick) { bench in
            try await Anna.approveAll(bench)
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            _ = try anna.publish(Phone.document("anna"))
            let watched = try Watched(bob, "sip:anna@example.com")
            let first = try watched.next()
            #expect(first.state.hasPrefix("active;") && first.isOpen)
            try await Anna.block(true, "bob", by: "anna", bench)
            let blocked = try watched.next()
            #expect(blocked.state.hasPrefix("active;") && !blocked.isOpen)
            try await Anna.block(false, "bob", by: "anna", bench)
            #expect(try watched.next().isOpen)
        }
    }

    @Test("watchers get what was published byte for byte, and what is the same only once")
    func changes() async throws {
        try await withServer(["anna", "bob"], configure: Self.quick) { bench in
            try await Anna.approveAll(bench)
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.tcp, tcp: true))
            let watched = try Watched(bob, "sip:anna@example.com")
            #expect(try !watched.next().isOpen)
            let body = Phone.document(
                "anna",
                note: "tea & <cake>".replacingOccurrences(of: "&", with: "&amp;")
                    .replacingOccurrences(of: "<", with: "&lt;"))
            let first = try anna.publish(body)
            #expect(try watched.next().text == body)
            let second = try anna.publish(body, tag: first.tag)
            _ = try anna.publish("", tag: second.tag)
            #expect(bob.isSilent())
        }
    }

    @Test("changes within the pace are told together when it is over; the last state always")
    func pace() async throws {
        let time = ManualTime()
        try await withServer(["anna"], time: time, configure: { $0.notifySeconds = 5 }) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let watched = try Watched(anna, anna.address)
            try watched.next()
            var tag = try anna.publish(Phone.document("anna", note: "one")).tag
            tag = try anna.publish(Phone.document("anna", note: "two"), tag: tag).tag
            #expect(anna.isSilent())
            time.advance(milliseconds: 5_000)
            try await bench.tick()
            time.advance(milliseconds: 1_000)
            try await bench.tick()
            #expect(try watched.next().text.contains("two"))
            time.advance(milliseconds: 6_000)
            _ = try anna.publish(Phone.document("anna", note: "three"), tag: tag)
            #expect(try watched.next().text.contains("three"))
            time.advance(milliseconds: 700_000)
            try await bench.tick()
            #expect(try watched.next().state == "terminated;reason=timeout")
        }
    }

    @Test("one NOTIFY at a time; a watcher that does not know the dialog is forgotten")
    func outstanding() async throws {
        try await withServer(["anna"], configure: Self.quick) { bench in
            let anna = try Phone("anna", server: bench.tcp, tcp: true)
            let watched = try Watched(anna, anna.address)
            let held = try anna.request(.notify)
            var tag = try anna.publish(Phone.document("anna", note: "one")).tag
            tag = try anna.publish(Phone.document("anna", note: "two"), tag: tag).tag
            #expect(anna.isSilent())
            anna.answer(held, 200)
            let next = try watched.next(481)
            #expect(next.text.contains("two") && next.cseqNumber == held.cseqNumber + 1)
            _ = try anna.publish(Phone.document("anna", note: "three"), tag: tag)
            #expect(try await bench.on { $0.events?.count } == 0)
            #expect(try watched.again(600).statusCode == 481)
        }
    }

    @Test("subscriptions go on after a restart, in the same dialog")
    func restart() async throws {
        try await withServer(["anna", "bob"], configure: Self.quick) { bench in
            try await Anna.approveAll(bench)
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            let tag = try anna.publish(Phone.document("anna", note: "before")).tag
            let watched = try Watched(bob, "sip:anna@example.com")
            let first = try watched.next()
            try await bench.tick()
            try await bench.settle()
            try await bench.restart()
            try await bench.tick()
            let again = try watched.next()
            #expect(again.cseqNumber > first.cseqNumber && again.fromTag.string == watched.remoteTag)
            #expect(again.state.hasPrefix("active;") && again.text.contains("before"))
            _ = try anna.publish(Phone.document("anna", note: "after"), tag: tag)
            #expect(try watched.next().text.contains("after"))
            #expect(try watched.again(600).statusCode == 200)
            try watched.next()
        }
    }

    @Test("the contact list is one subscription (RFC 4662)")
    func list() async throws {
        try await withServer(["anna", "bob", "romeo"], configure: Self.quick) { bench in
            try await Anna.approveAll(bench)
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            for contact in ["bob", "romeo"] {
                try await Anna.subscription(.subscribe, from: "anna", to: contact, bench)
            }
            try await bench.settle()
            let tag = try bob.publish(Phone.document("bob", note: "one")).tag
            let watched = try Watched(
                anna, "sip:anna@example.com;list=contacts", lines: ["Supported: eventlist"])
            func parts(_ message: SIPMessage) throws -> (ResourceListInformation, [RelatedParts.Part]) {
                let boundary = message.contentType?.boundary?.string ?? ""
                let all = RelatedParts(parsing: message.body.array, boundary: boundary)?.parts ?? []
                return (try ResourceListInformation(parsing: all.first?.body ?? []), Array(all.dropFirst()))
            }
            let first = try watched.next()
            #expect(first.values(.require) == ["eventlist"])
            let (whole, documents) = try parts(first)
            #expect(whole.isFull && whole.resources.map(\.uri) == ["sip:bob@example.com", "sip:romeo@example.com"])
            #expect(documents.count == 2 && String(decoding: documents[0].body, as: UTF8.self).contains("one"))
            _ = try bob.publish(Phone.document("bob", note: "two"), tag: tag)
            let (partial, changed) = try parts(watched.next())
            #expect(!partial.isFull && partial.version > whole.version)
            #expect(partial.resources.map(\.uri) == ["sip:bob@example.com"] && changed.count == 1)
            try await Anna.block(true, "anna", by: "bob", bench)
            let (blocked, gone) = try parts(watched.next())
            #expect(blocked.isFull && !String(decoding: gone[0].body, as: UTF8.self).contains("open"))
        }
    }

    @Test("registrations, waiting messages and calls are told to whom they are about")
    func otherPackages() async throws {
        try await withServer(["anna", "bob"], configure: Self.quick) { bench in
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            let registered = try Watched(anna, anna.address, event: "reg")
            #expect(try RegistrationDocument(parsing: registered.next().body).contacts.isEmpty)
            try bob.register()
            let summary = try Watched(anna, anna.address, event: "message-summary")
            #expect(MessageSummary(parsing: try summary.next().body)?.unread == 0)
            let calls = try Watched(anna, anna.address, event: "dialog")
            #expect(try DialogInfo(parsing: calls.next().body).dialogs.isEmpty)
            for event in ["reg", "message-summary", "presence.winfo", "dialog"] {
                let answer = try Watched.ask(
                    bob, anna.address, UUID().uuidString, ["Event: \(event)", "Contact: <\(bob.contact)>"])
                #expect(answer.statusCode == 403)
            }
            anna.send(
                anna.make(
                    "REGISTER", "sip:example.com", to: "<\(anna.address)>", callID: "r",
                    lines: ["Contact: <\(anna.contact)>", "Expires: 600"]))
            let told = try RegistrationDocument(parsing: registered.next().body)
            #expect(told.contacts.map(\.uri) == [anna.contact] && told.version == 1)
        }
    }

    @Test("a watcher has at most so many subscriptions")
    func limit() async throws {
        try await withServer(["anna"], configure: { $0.subscriptionsPerUser = 2 }) { bench in
            let anna = try Phone("anna", server: bench.udp)
            for _ in 0..<2 { try Watched(anna, anna.address).next() }
            let answer = try Watched.ask(
                anna, anna.address, UUID().uuidString, ["Event: presence", "Contact: <\(anna.contact)>"])
            #expect(answer.statusCode == 403)
        }
    }
}
