import Ground
import NIOHTTP1
import Testing
import XMPPWire

@testable import IMCore
@testable import SIPServer

/// A client that sees presence of others.
private final class Watcher: Endpoint {
    let resource = "desk"
    let address: [UInt8]
    var availability: Availability?
    var directed: Set<JID> = []
    var seen: [String] = []

    init(_ home: UserHome) { address = home.address + Array("/desk".utf8) }

    var isReachable: Bool { true }
    var isInterested: Bool { true }
    var followsBlockList: Bool { true }
    var wantsCarbons: Bool { false }
    var historyUpTo: MessageID? { nil }
    var interests: PubSubInterests? { nil }
    var isHibernating: Bool { false }
    var isInactive: Bool { false }
    var inFlight: [JournalEntry] { [] }
    func deliver(_ entry: JournalEntry, as bytes: [UInt8]) {}
    func deliver(_ presence: PresenceStanza, to address: [UInt8]) {
        seen.append(String(decoding: presence.bytes, as: UTF8.self))
    }
    func deliver(_ bytes: [UInt8]) { seen.append(String(decoding: bytes, as: UTF8.self)) }
    func whenDrained(_ body: @escaping () -> Void) {}
    func end(_ error: StreamError) {}
    func stanzaIsSafe(_ number: UInt64) {}
}

@Suite("XCAP: presence rules")
struct XCAPRulesTests {
    private static let rules = "/pres-rules/users/sip:anna@example.org/index"
    private static let openMobile = "/org.openmobilealliance.pres-rules/users/sip:anna@example.org/pres-rules"
    private static let type = "application/auth-policy+xml"

    private func document(_ rules: String) -> String {
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <cr:ruleset xmlns="urn:ietf:params:xml:ns:pres-rules" xmlns:pr="urn:ietf:params:xml:ns:pres-rules"
            xmlns:cr="urn:ietf:params:xml:ns:common-policy">\(rules)</cr:ruleset>
        """
    }

    private func rule(_ id: String, _ handling: String, _ identity: String, _ more: String = "") -> String {
        """
        <cr:rule id="\(id)"><cr:conditions><cr:identity>\(identity)</cr:identity>\(more)</cr:conditions>
        <cr:actions><pr:sub-handling>\(handling)</pr:sub-handling></cr:actions><cr:transformations/></cr:rule>
        """
    }

    private func one(_ name: String) -> String { "<cr:one id=\"sip:\(name)@example.org\"/>" }

    private func put(_ host: XCAPHost, _ rules: String) async throws -> XCAPHost.Answer {
        try await host.ask(.PUT, Self.rules, body: document(rules), type: Self.type)
    }

    /// Both users online; what the first one's client was sent.
    private func watch(_ host: XCAPHost, _ names: [String]) async throws {
        for name in names {
            let _: Bool = try await host.withHome(name) { router, home, done in
                let client = Watcher(home)
                router.bind(client, to: home)
                let bytes = Array("<presence from='\(home.jid)/desk'/>".utf8)
                router.becomeAvailable(
                    client, home,
                    Availability(
                        priority: 1, show: "available", stanza: PresenceStanza(bytes: bytes, gap: bytes.count - 2)))
                done(true)
            }
        }
    }

    private func taken(_ host: XCAPHost, _ name: String) async throws -> [String] {
        try await host.withHome(name) { _, home, done in
            let client = home.endpoints.compactMap { $0 as? Watcher }.first
            let seen = client?.seen ?? []
            client?.seen = []
            done(seen)
        }
    }

    private func befriended(_ host: XCAPHost, _ name: String) async throws {
        try await host.subscribe(name, to: "anna")
        try await host.approve("anna", for: name)
    }

    @Test("a block that a SIP client puts holds for XMPP watchers at once, and its end too")
    func blockFromSIP() async throws {
        try await withXCAP(["anna", "bob"]) { host in
            try await befriended(host, "bob")
            try await watch(host, ["bob", "anna"])
            _ = try await taken(host, "bob")
            #expect(try await put(host, rule("a", "polite-block", one("bob"))).status == 200)
            #expect(try await host.blocked("anna") == ["bob@example.org"])
            #expect(
                try await taken(host, "bob").contains {
                    $0.contains("from='anna@example.org/desk'") && $0.contains("unavailable")
                })
            let shown = try await host.ask(.GET, Self.rules)
            #expect(shown.has("polite-block") && shown.has("sip:bob@example.org"))
            #expect(try await put(host, "").status == 200)
            #expect(try await host.blocked("anna").isEmpty)
            #expect(try await taken(host, "bob").contains { $0 == "<presence from='anna@example.org/desk'/>" })
            #expect(try await host.subscription("anna", of: "bob") == "from")
        }
    }

    @Test("a block that an XMPP client makes is in the rules, under both names, with another tag")
    func blockFromXMPP() async throws {
        try await withXCAP(["anna", "bob"]) { host in
            let before = try await host.ask(.GET, Self.rules)
            #expect(before.status == 200 && before.headers.first(name: "content-type") == Self.type)
            let _: Bool = try await host.withHome("anna") { router, home, done in
                router.block([XCAPHost.jid("bob")], home) { done($0 == nil) }
            }
            for path in [Self.rules, Self.openMobile] {
                let after = try await host.ask(.GET, path)
                #expect(after.tag != before.tag)
                #expect(after.has("roost-blocked") && after.has("<one id='sip:bob@example.org'/>"), "\(after.body)")
            }
            let node =
                Self.rules
                + "/~~/cr:ruleset/cr:rule%5b@id=%22roost-blocked%22%5d/cr:conditions/cr:identity/cr:one"
                + "?xmlns(cr=urn:ietf:params:xml:ns:common-policy)"
            #expect(try await host.ask(.GET, node).status == 200)
            #expect(try await host.ask(.DELETE, node).status == 200)
            #expect(try await host.blocked("anna").isEmpty)
        }
    }

    @Test("allowing somebody who waits approves; others are let in when they ask; the end of it takes it back")
    func allowing() async throws {
        try await withXCAP(["anna", "bob", "carol"]) { host in
            try await host.subscribe("bob", to: "anna")
            #expect(try await host.subscription("anna", of: "bob") == "none")
            #expect(
                try await put(host, rule("friends", "allow", one("bob") + one("carol") + one("anna"))).status == 200)
            #expect(try await host.subscription("anna", of: "bob") == "from")
            #expect(try await host.allowed("anna") == ["carol@example.org"])
            try await host.subscribe("carol", to: "anna")
            #expect(try await host.subscription("anna", of: "carol") == "from")
            let shown = try await host.ask(.GET, Self.rules)
            #expect(shown.has("friends"))
            #expect(!shown.has("roost-allowed"), "everybody allowed is in the client's own rule")
            #expect(
                try await put(host, rule("friends", "confirm", one("bob")) + rule("c", "allow", one("carol"))).status
                    == 200)
            #expect(try await host.subscription("anna", of: "bob") == "none")
            #expect(try await host.subscription("anna", of: "carol") == "from")
        }
    }

    @Test("whoever is let in by XMPP is allowed in the rules")
    func rendering() async throws {
        try await withXCAP(["anna", "bob"]) { host in
            try await befriended(host, "bob")
            let shown = try await host.ask(.GET, Self.rules)
            #expect(shown.has("roost-allowed") && shown.has("sip:bob@example.org") && shown.has("roost-others"))
            // The same document back changes nothing.
            let again = try await host.ask(
                .PUT, Self.rules, body: shown.body, type: Self.type, headers: ["if-match": shown.tag])
            #expect(again.status == 200 && again.tag == shown.tag)
            #expect(try await host.subscription("anna", of: "bob") == "from")
        }
    }

    @Test("whole domains are blocked and allowed; an exception needs a rule of its own")
    func domains() async throws {
        try await withXCAP(["anna"]) { host in
            let domain = "<cr:many domain=\"example.net\"><cr:except id=\"sip:eve@example.net\"/></cr:many>"
            let alone = try await put(host, rule("d", "block", domain))
            #expect(alone.status == 409 && alone.has("sip:eve@example.net is an exception"))
            #expect(try await host.blocked("anna").isEmpty)
            let eve = rule("e", "allow", "<cr:one id=\"sip:eve@example.net\"/>")
            #expect(try await put(host, rule("d", "block", domain) + eve).status == 200)
            #expect(try await host.blocked("anna") == ["example.net"])
            #expect(try await put(host, rule("d", "allow", "<cr:many domain=\"example.net\"/>")).status == 200)
            #expect(try await host.blocked("anna").isEmpty)
            #expect(try await host.allowed("anna").contains("example.net"))
        }
    }

    @Test("what the core cannot do is refused when it would keep out, and without effect when it would let in")
    func conditions() async throws {
        try await withXCAP(["anna", "bob"]) { host in
            let sphere = "<cr:sphere value=\"work\"/>"
            let refused = try await put(host, rule("a", "block", one("bob"), sphere))
            #expect(refused.status == 409 && refused.has("constraint-failure") && refused.has("sphere"))
            #expect(try await put(host, rule("a", "allow", one("bob"), sphere)).status == 200)
            #expect(try await host.allowed("anna").isEmpty)
            #expect(try await host.ask(.GET, Self.rules).has("sphere"))
            for everybody in ["allow", "block"] {
                let answer = try await put(host, rule("a", everybody, "<cr:many/>"))
                #expect(answer.status == 409 && answer.has("decided by the administrator"), "\(everybody)")
            }
            #expect(try await put(host, rule("a", "confirm", "<cr:many/>")).status == 200)
            #expect(try await put(host, rule("a", "block", "<cr:one id=\"tel:+49301\"/>")).status == 409)
            #expect(try await put(host, rule("a", "block", one("anna"))).status == 409)
        }
    }

    @Test("an unblock of an XMPP client takes the address out of the client's rule")
    func reconciling() async throws {
        try await withXCAP(["anna", "bob", "carol"]) { host in
            #expect(try await put(host, rule("mine", "block", one("bob") + one("carol"))).status == 200)
            let _: Bool = try await host.withHome("anna") { router, home, done in
                router.unblock([XCAPHost.jid("bob")], home) { done($0 == nil) }
            }
            let shown = try await host.ask(.GET, Self.rules)
            #expect(shown.has("mine") && shown.has("carol") && !shown.has("bob"))
            let _: Bool = try await host.withHome("anna") { router, home, done in
                router.unblock([], home) { done($0 == nil) }
            }
            #expect(try await !host.ask(.GET, Self.rules).has("mine"), "a rule about nobody would be about everybody")
        }
    }
}
