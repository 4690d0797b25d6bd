import Testing
import XMPPWire

@testable import IMCore

@Suite("Lists of a user")
struct PrivacyPolicyTests {
    private static let owner = JID(preparedLocal: "alice", domain: "example.com", resource: nil)

    private static func jid(_ text: String) -> JID {
        guard let jid = try? JID(parsing: text) else { return owner }
        return jid
    }

    private func verdict(
        _ address: String, blocked: [String] = [], allowed: [String] = [], list: PrivacyList? = nil
    ) -> PrivacyVerdict {
        PrivacyPolicy.verdict(
            on: Self.jid(address), .message, owner: Self.owner, blocked: Set(blocked.map(Self.jid)),
            allowed: Set(allowed.map(Self.jid)), list: list, item: nil)
    }

    @Test(
        "an entry covers what it says (XEP-0191 §6)",
        arguments: [
            ("bob@example.org/x", "bob@example.org/x", true), ("bob@example.org/y", "bob@example.org/x", false),
            ("bob@example.org", "bob@example.org/x", false), ("bob@example.org/x", "bob@example.org", true),
            ("bob@example.org", "bob@example.org", true), ("rob@example.org", "bob@example.org", false),
            ("example.org/x", "example.org/x", true), ("bob@example.org/x", "example.org/x", false),
            ("bob@example.org/x", "example.org", true), ("example.org", "example.org", true),
            ("room@rooms.example.org/nick", "example.org", true), ("a.b.example.org", "example.org", true),
            ("bob@badexample.org", "example.org", false), ("bob@example.org", "rooms.example.org", false),
        ])
    func entries(_ address: String, _ entry: String, _ isCovered: Bool) {
        let found = verdict(address, blocked: [entry])
        #expect(found.isDenied == isCovered)
        #expect(found.reason == (isCovered ? .blockList(Self.jid(entry)) : .noRule))
        // The same in a privacy list: one matching for both.
        let rule = PrivacyItem(order: 7, denies: true, rule: .jid(Self.jid(entry)), kinds: 0)
        let list = verdict(address, list: PrivacyList(name: "l", items: [rule]))
        #expect(list.isDenied == isCovered)
        #expect(list.reason == (isCovered ? .privacyList(name: "l", order: 7) : .noRule))
    }

    @Test("of several entries the closest is named")
    func closest() {
        let blocked = ["example.org", "bob@example.org", "org"]
        #expect(verdict("bob@example.org/x", blocked: blocked).reason == .blockList(Self.jid("bob@example.org")))
        #expect(verdict("carol@example.org", blocked: blocked).reason == .blockList(Self.jid("example.org")))
        #expect(verdict("carol@a.org", blocked: blocked).reason == .blockList(Self.jid("org")))
    }

    @Test("who is allowed by a closer entry is not blocked by a wider one; the other way round, and side by side, is")
    func exceptions() {
        let allowed = verdict("bob@example.org/x", blocked: ["example.org"], allowed: ["bob@example.org"])
        #expect(allowed == PrivacyVerdict(false, .allowList(Self.jid("bob@example.org"))))
        #expect(!verdict("c@a.example.org", blocked: ["example.org"], allowed: ["a.example.org"]).isDenied)
        #expect(verdict("bob@example.org", blocked: ["bob@example.org"], allowed: ["example.org"]).isDenied)
        #expect(verdict("bob@example.org", blocked: ["example.org"], allowed: ["example.org"]).isDenied)
        #expect(verdict("bob@a.example.org", blocked: ["a.example.org"], allowed: ["example.org"]).isDenied)
        let rule = PrivacyItem(order: 1, denies: true, rule: .jid(Self.jid("example.org")), kinds: 0)
        let list = PrivacyList(name: "l", items: [rule])
        #expect(!verdict("bob@example.org", allowed: ["bob@example.org"], list: list).isDenied)
        // A rule about everybody is about the allowed too: the user has said so in that list.
        let all = PrivacyList(name: "l", items: [PrivacyItem(order: 1, denies: true, rule: .any, kinds: 0)])
        #expect(verdict("bob@example.org", allowed: ["bob@example.org"], list: all).isDenied)
    }

    @Test("nobody is kept apart from the own clients (XEP-0016 §2.1)")
    func own() {
        #expect(verdict("alice@example.com/phone", blocked: ["example.com"]) == PrivacyVerdict(false, .ownAccount))
        #expect(verdict("bob@example.com", blocked: ["example.com"]).isDenied)
    }
}
