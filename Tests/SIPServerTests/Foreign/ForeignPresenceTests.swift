import IMCore
import SIPWire
import Testing
import XMPPWire

@testable import SIPServer

@Suite("Presence of people of foreign SIP domains", .serialized)
struct ForeignPresenceTests {
    /// anna has asked, the other side has agreed to tell.
    private func asked(_ outland: Outland, expires: Int = 600) async throws -> SIPMessage {
        try await outland.send(.subscribe, from: "anna")
        let subscribe = try outland.phone.request(.subscribe)
        outland.phone.answer(subscribe, 200, lines: ["Expires: \(expires)"])
        return subscribe
    }

    @Test("a request becomes SUBSCRIBE in the user's name, the answer to it an approval, and documents presence")
    func whole() async throws {
        try await Outland.open { outland in
            let anna = try await RemoteDesk.signIn("anna", on: outland.bench)
            let subscribe = try await asked(outland)
            #expect(subscribe.requestURIText.string == "sip:carol@pbx.example.net")
            #expect(subscribe.from?.uri.text.string == "sip:anna@example.com")
            #expect(subscribe.first(.event)?.string == "presence" && subscribe.expires == 3_600)
            #expect(try outland.notify(subscribe, 1, "pending;expires=600").statusCode == 200)
            #expect(try await outland.relation(of: "anna") == "none+asked")
            // RFC 8048 §5.2.1: active is approval.
            let away = Outland.document(show: "away", note: "lunch")
            #expect(try outland.notify(subscribe, 2, "active;expires=600", away).statusCode == 200)
            #expect(try await outland.relation(of: "anna") == "to")
            let shown = try Desk.element(try await anna.next())
            #expect(shown["from"] == "carol@pbx.example.net/desk" && shown["type"] == nil)
            #expect(shown.child("show", namespace: "jabber:client")?.text == "away")
            #expect(shown.child("status", namespace: "jabber:client")?.text == "lunch")
            // The same again is nothing new; another tuple in its place is.
            try outland.notify(subscribe, 3, "active;expires=600", away)
            try outland.notify(subscribe, 4, "active;expires=600", Outland.document(id: "ID-phone"))
            let gone = try Desk.element(try await anna.next())
            #expect(gone["from"] == "carol@pbx.example.net/desk" && gone["type"] == "unavailable")
            let other = try Desk.element(try await anna.next())
            #expect(other["from"] == "carol@pbx.example.net/phone" && other["type"] == nil)
            try outland.notify(subscribe, 5, "active;expires=600", Outland.document("closed", id: "ID-phone"))
            let closed = try Desk.element(try await anna.next())
            #expect(closed["from"] == "carol@pbx.example.net/phone" && closed["type"] == "unavailable")
        }
    }

    @Test("what is no NOTIFY of the dialog is refused: an older one, one of another branch, one of another package")
    func strict() async throws {
        try await Outland.open { outland in
            let subscribe = try await asked(outland)
            #expect(try outland.notify(subscribe, 5, "active;expires=600").statusCode == 200)
            #expect(try outland.notify(subscribe, 5, "active;expires=600").statusCode == 500)
            #expect(try outland.notify(subscribe, 6, "active;expires=600", tag: "fork").statusCode == 481)
            #expect(try outland.notify(subscribe, 6, "active", event: "dialog").statusCode == 489)
            #expect(try outland.notify(subscribe, 6, "active", "hello", type: "text/plain").statusCode == 415)
            #expect(try outland.notify(subscribe, 6, "active").statusCode == 200)
            #expect(
                try outland.notify(
                    subscribe, 7, "active", Outland.document().replacing("presence", with: "absence")
                ).statusCode
                    == 200)
            #expect(try await outland.relation(of: "anna") == "to")
        }
    }

    @Test("it is refreshed in its dialog, and unsubscribing ends it there")
    func refreshes() async throws {
        try await Outland.open { outland in
            let anna = try await RemoteDesk.signIn("anna", on: outland.bench)
            let subscribe = try await asked(outland)
            try outland.notify(subscribe, 1, "active;expires=600", Outland.document())
            _ = try await anna.next()
            try await outland.wait(479)
            #expect(outland.phone.isSilent())
            try await outland.wait(2)
            let refresh = try outland.phone.request(.subscribe)
            #expect(refresh.callID == subscribe.callID && refresh.cseqNumber == subscribe.cseqNumber + 1)
            #expect(refresh.requestURIText.string == outland.phone.contact && !refresh.toTag.isEmpty)
            outland.phone.answer(refresh, 200, lines: ["Expires: 600"])
            try await outland.send(.unsubscribe, from: "anna")
            let end = try outland.phone.request(.subscribe)
            #expect(end.callID == subscribe.callID && end.expires == 0)
            outland.phone.answer(end, 200, lines: ["Expires: 0"])
            let gone = try Desk.element(try await anna.next())
            #expect(gone["type"] == "unavailable" && gone["from"] == "carol@pbx.example.net/desk")
            #expect(try outland.notify(subscribe, 2, "terminated;reason=timeout").statusCode == 200)
            #expect(try outland.notify(subscribe, 3, "active").statusCode == 481)
            #expect(try await outland.count() == 0)
        }
    }

    @Test("who is rejected, by answer or by NOTIFY, is unsubscribed; who does not exist is an error too")
    func rejected() async throws {
        try await Outland.open { outland in
            let anna = try await RemoteDesk.signIn("anna", on: outland.bench)
            let first = try await asked(outland)
            try outland.notify(first, 1, "active;expires=600")
            #expect(try await outland.relation(of: "anna") == "to")
            try outland.notify(first, 2, "terminated;reason=rejected")
            #expect(try await outland.relation(of: "anna") == "none")
            try await outland.send(.subscribe, from: "anna")
            let second = try outland.phone.request(.subscribe)
            #expect(second.callID != first.callID)
            outland.phone.answer(second, 403)
            try await outland.settle(after: second)
            #expect(try await outland.relation(of: "anna") == "none")
            try await outland.send(.subscribe, from: "anna", to: "nobody")
            outland.phone.answer(try outland.phone.request(.subscribe), 404)
            let error = try Desk.element(try await anna.next())
            #expect(error["type"] == "error" && error["from"] == "nobody@pbx.example.net")
            let condition = error.child("error", namespace: "jabber:client")?.elements.first?.name
            #expect(condition == "item-not-found")
            #expect(try await outland.relation(of: "anna", to: "nobody") == "none")
            #expect(try await outland.count() == 0)
        }
    }

    @Test("a dialog that is lost is begun anew: at once, later, or later each time (RFC 6665 §4.1.3)")
    func again() async throws {
        try await Outland.open { outland in
            _ = try await RemoteDesk.signIn("anna", on: outland.bench)
            let first = try await asked(outland)
            try outland.notify(first, 1, "active;expires=600")
            try await outland.wait(481)
            outland.phone.answer(try outland.phone.request(.subscribe), 481)
            try await outland.settle(after: first)
            try await outland.wait(2)
            let second = try outland.phone.request(.subscribe)
            #expect(second.callID != first.callID && second.toTag.isEmpty)
            outland.phone.answer(second, 200, lines: ["Expires: 600"])
            try outland.notify(second, 1, "active;expires=600")
            try await outland.wait(60)
            try outland.notify(second, 2, "terminated;reason=deactivated")
            try await outland.wait(2)
            let third = try outland.phone.request(.subscribe)
            #expect(third.callID != second.callID)
            outland.phone.answer(third, 200, lines: ["Expires: 600"])
            try outland.notify(third, 1, "active;expires=600")
            try outland.notify(third, 2, "terminated;reason=giveup;retry-after=100")
            try await outland.wait(98)
            #expect(outland.phone.isSilent())
            try await outland.wait(3)
            let fourth = try outland.phone.request(.subscribe)
            outland.phone.answer(fourth, 500)
            try await outland.settle(after: fourth)
            try await outland.wait(58)
            #expect(outland.phone.isSilent())
            try await outland.wait(3)
            outland.phone.answer(try outland.phone.request(.subscribe), 500)
            try await outland.settle(after: fourth)
            try await outland.wait(70)
            #expect(outland.phone.isSilent())
            #expect(try await outland.relation(of: "anna") == "to")
        }
    }

    @Test("another client of the user is told what is known; when none is left, nobody watches until one comes")
    func comesAndGoes() async throws {
        try await Outland.open { outland in
            let desk = try await RemoteDesk.signIn("anna", on: outland.bench)
            let subscribe = try await asked(outland)
            try outland.notify(subscribe, 1, "active;expires=600", Outland.document(note: "here"))
            _ = try await desk.next()
            let tablet = try await RemoteDesk.signIn("anna", "tablet", on: outland.bench)
            let shown = try Desk.element(try await tablet.next())
            #expect(shown.child("status", namespace: "jabber:client")?.text == "here")
            #expect(outland.phone.isSilent())
            try await desk.leave()
            try await tablet.leave()
            try await outland.wait(481)
            let end = try outland.phone.request(.subscribe)
            #expect(end.expires == 0 && end.callID == subscribe.callID)
            outland.phone.answer(end, 200, lines: ["Expires: 0"])
            #expect(try await outland.count() == 0)
            #expect(try await outland.relation(of: "anna") == "to")
            _ = try await RemoteDesk.signIn("anna", on: outland.bench)
            let back = try outland.phone.request(.subscribe)
            #expect(back.callID != subscribe.callID && back.expires == 3_600)
            outland.phone.answer(back, 200)
        }
    }

    @Test("after a restart the dialogs go on, and an open request stays open")
    func restart() async throws {
        try await Outland.open { outland in
            let anna = try await RemoteDesk.signIn("anna", on: outland.bench)
            let approved = try await asked(outland)
            try outland.notify(approved, 1, "active;expires=600", Outland.document())
            _ = try await anna.next()
            try await outland.send(.subscribe, from: "bob", to: "dave")
            let open = try outland.phone.request(.subscribe)
            outland.phone.answer(open, 200, lines: ["Expires: 600"])
            try outland.notify(open, 1, "pending;expires=600")
            try await outland.wait(1)
            try await outland.bench.settle()
            try await outland.bench.restart()
            try await outland.connect()
            try await outland.wait(1)
            try await outland.bench.settle()
            #expect(try await outland.count() == 2)
            // dave answers while bob is away.
            try outland.notify(open, 2, "active;expires=600")
            #expect(try await outland.relation(of: "bob", to: "dave", is: "to"))
            // anna comes back, and is told when the dialog has been refreshed.
            let again = try await RemoteDesk.signIn("anna", on: outland.bench)
            try await outland.wait(2)
            let refresh = try outland.phone.request(.subscribe)
            #expect(refresh.callID == approved.callID && refresh.cseqNumber > approved.cseqNumber)
            outland.phone.answer(refresh, 200, lines: ["Expires: 600"])
            try outland.notify(approved, 2, "active;expires=600", Outland.document())
            let shown = try Desk.element(try await again.next())
            #expect(shown["from"] == "carol@pbx.example.net/desk")
        }
    }

    @Test("users watch so many people of other domains, and no more")
    func bounded() async throws {
        try await Outland.open(configure: { $0.foreignWatchesPerUser = 1 }) { outland in
            let anna = try await RemoteDesk.signIn("anna", on: outland.bench)
            _ = try await asked(outland)
            try await outland.send(.subscribe, from: "anna", to: "dave")
            let error = try Desk.element(try await anna.next())
            #expect(error["type"] == "error" && error["from"] == "dave@pbx.example.net")
            #expect(try await outland.relation(of: "anna", to: "dave") == "none")
            #expect(try await outland.count() == 1)
        }
    }

    @Test("a SUBSCRIBE from there is the roster's request: pending, active with the approval, ended with its end")
    func watched() async throws {
        try await Outland.open { outland in
            let anna = try await RemoteDesk.signIn("anna", on: outland.bench)
            let watched = try Watched(outland.phone, "sip:anna@example.com")
            #expect(try watched.next().state.hasPrefix("pending"))
            let request = try Desk.element(try await anna.next())
            #expect(request["type"] == "subscribe" && request["from"] == "carol@pbx.example.net")
            #expect(try await outland.relation(of: "anna") == "none+asking")
            try await outland.send(.subscribed, from: "anna")
            let active = try watched.next()
            #expect(active.state.hasPrefix("active") && active.isOpen)
            try await outland.send(.unsubscribed, from: "anna")
            #expect(try watched.next().state == "terminated;reason=rejected")
            #expect(try await outland.relation(of: "anna") == "none")
        }
    }
}

extension Outland {
    /// What comes behind an answer has been answered: so the server has it.
    fileprivate func settle(after request: SIPMessage) async throws {
        phone.send(phone.make("OPTIONS", "sip:example.com"))
        _ = try phone.final(.options)
    }
}
