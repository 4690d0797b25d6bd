import Ground
import PresenceWire
import SIPWire
import Testing
import XMPPWire

@testable import IMCore
@testable import SIPServer

@Suite("Changes of XCAP documents (RFC 5875)", .serialized)
struct XCAPDiffTests {
    private func documents(_ message: SIPMessage) throws -> [String: XCAPDiff.Document] {
        let diff = try XCAPDiff(parsing: message.body)
        #expect(diff.root == "https://localhost/xcap-root/")
        return Dictionary(uniqueKeysWithValues: diff.documents.map { ($0.selector, $0) })
    }

    @Test("a user's own devices learn that contact list or rules are others, with the tags before and after")
    func told() async throws {
        let time = ManualTime()
        try await withServer(["anna", "bob"], time: time, configure: { $0.notifySeconds = 0 }) { bench in
            let anna = try Phone("anna", server: bench.udp)
            let watched = try Watched(anna, anna.address, event: "xcap-diff")
            let first = try documents(watched.next())
            let lists = "resource-lists/users/sip:anna@example.com/index"
            let rules = "pres-rules/users/sip:anna@example.com/index"
            #expect(first.keys.contains(lists) && first.keys.contains(rules))
            #expect(first.values.allSatisfy { $0.previous.isEmpty && !$0.new.isEmpty })
            // A block is another document of rules, whoever makes it.
            try await Anna.block(true, "bob", by: "anna", bench)
            let blocked = try documents(watched.next())
            #expect(blocked[rules]?.previous == first[rules]?.new && blocked[rules]?.new != first[rules]?.new)
            #expect(blocked[lists]?.new == first[lists]?.new && blocked[lists]?.previous == "")
            // A contact of XMPP is another contact list.
            try await bench.until { server, done in
                server.router.homes.withHome(SIPBench.jid("anna")) { home in
                    guard let home else { return done() }
                    server.router.setRosterItem(
                        .init(contact: SIPBench.jid("romeo"), name: "Romeo", groups: []), home
                    ) { _ in done() }
                }
            }
            time.advance(milliseconds: 6_000)
            try await bench.tick()
            let added = try documents(watched.next())
            #expect(added[lists]?.previous == first[lists]?.new && added[lists]?.new != first[lists]?.new)
            #expect(added[rules]?.new == blocked[rules]?.new && added[rules]?.previous == "")
        }
    }

    @Test("other people's documents are nobody's affair, and there are none without XCAP")
    func refused() async throws {
        try await withServer(["anna", "bob"]) { bench in
            let bob = try Phone("bob", server: bench.udp)
            let lines = ["Event: xcap-diff", "Contact: <\(bob.contact)>"]
            #expect(try Watched.ask(bob, "sip:anna@example.com", "d1", lines).statusCode == 403)
            try await bench.on { server in
                var config = server.config
                config.isXCAPOn = false
                server.reconfigure(config)
            }
            #expect(try Watched.ask(bob, bob.address, "d2", lines).statusCode == 489)
        }
    }
}
