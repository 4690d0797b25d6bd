import SIPWire
import Testing

@testable import SIPServer

@Suite("Partial notification (RFC 5263)", .serialized)
struct PartialTests {
    private static let both = ["Accept: application/pidf+xml, application/pidf-diff+xml"]

    private func version(_ message: SIPMessage) -> Int? {
        let text = message.text
        guard let range = text.firstRange(of: " version=\"") else { return nil }
        // The declaration has one too.
        let rest =
            text[range.upperBound...].hasPrefix("1.0")
            ? text[range.upperBound...].dropFirst(3) : text[range.lowerBound...]
        guard let own = rest.firstRange(of: " version=\"") else { return nil }
        return Int(rest[own.upperBound...].prefix { $0.isNumber })
    }

    @Test("the whole state first, then what has changed, numbered; the whole again after a refresh")
    func partial() async throws {
        try await withServer(["anna", "bob"], configure: { $0.notifySeconds = 0 }) { bench in
            try await Anna.approveAll(bench)
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            let note = String(repeating: "a long story ", count: 40)
            func document(_ basic: String) -> String {
                Phone.document("anna", basic: basic, note: "here").replacing(
                    "</presence>",
                    with:
                        "<tuple id=\"long\"><status><basic>open</basic></status><note>\(note)</note></tuple></presence>"
                )
            }
            let first = try anna.publish(document("open"))
            let watched = try Watched(bob, anna.address, lines: Self.both)
            let full = try watched.next()
            #expect(full.contentType?.matches("application/pidf-diff+xml") ?? false)
            #expect(full.text.contains("<p:pidf-full") && full.text.contains("a long story") && version(full) == 0)
            #expect(try anna.publish(document("closed"), tag: first.tag).statusCode == 200)
            let change = try watched.next()
            #expect(change.contentType?.matches("application/pidf-diff+xml") ?? false)
            #expect(change.text.contains("<p:replace sel=\"*/tuple[@id='t']\">") && version(change) == 1)
            #expect(!change.text.contains("a long story") && change.text.contains("<basic>closed</basic>"))
            #expect(try watched.again(600).statusCode == 200)
            let again = try watched.next()
            #expect(again.text.contains("<p:pidf-full") && version(again) == 2)
            // Whoever asks for whole documents only gets those from then on.
            let plain = try Watched(bob, anna.address, lines: ["Accept: application/pidf+xml"])
            #expect(try plain.next().contentType?.matches("application/pidf+xml") ?? false)
        }
    }

    @Test("after an answer that asks to wait, the whole state is told: nobody knows what arrived")
    func lost() async throws {
        try await withServer(["anna", "bob"], configure: { $0.notifySeconds = 0 }) { bench in
            try await Anna.approveAll(bench)
            let (anna, bob) = (try Phone("anna", server: bench.udp), try Phone("bob", server: bench.udp))
            let first = try anna.publish(Phone.document("anna", note: String(repeating: "x", count: 900)))
            let watched = try Watched(bob, anna.address, lines: Self.both)
            let full = try watched.next()
            #expect(full.text.contains("<p:pidf-full"))
            let second = try anna.publish(
                Phone.document("anna", basic: "closed", note: String(repeating: "x", count: 900)), tag: first.tag)
            let change = try bob.request(.notify)
            bob.answer(change, 503, lines: ["Retry-After: 1"])
            // What comes behind it has been answered: so the server has it.
            bob.send(bob.make("OPTIONS", "sip:example.com"))
            _ = try bob.final(.options)
            _ = try anna.publish(
                Phone.document("anna", note: String(repeating: "y", count: 900)), tag: second.tag)
            #expect(try watched.next().text.contains("<p:pidf-full"))
        }
    }
}
