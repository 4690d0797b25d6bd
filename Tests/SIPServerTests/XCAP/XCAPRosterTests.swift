import NIOHTTP1
import Testing
import XMPPWire

@testable import IMCore
@testable import SIPServer

@Suite("XCAP: contact lists")
struct XCAPRosterTests {
    private static let lists = "/resource-lists/users/sip:anna@example.org/index"
    private static let type = "application/resource-lists+xml"
    private static let space = "urn:ietf:params:xml:ns:resource-lists"

    private func document(_ inside: String) -> String {
        "<?xml version=\"1.0\"?><resource-lists xmlns=\"\(Self.space)\">\(inside)</resource-lists>"
    }

    private func contact(_ name: String, _ label: String = "", _ groups: String...) -> Router.RosterUpdate {
        .init(contact: XCAPHost.jid(name), name: label, groups: groups)
    }

    private func set(_ host: XCAPHost, _ update: Router.RosterUpdate) async throws {
        let _: Bool = try await host.withHome("anna") { router, home, done in
            router.setRosterItem(update, home) { done($0 == nil) }
        }
    }

    @Test("the contact list is a document; each change of it changes the tag")
    func rendering() async throws {
        try await withXCAP(["anna"]) { host in
            let empty = try await host.ask(.GET, Self.lists)
            #expect(empty.status == 200 && empty.headers.first(name: "content-type") == Self.type)
            try await set(host, contact("bob", "Bob & Co", "Work", "Friends"))
            try await set(host, contact("carol"))
            let full = try await host.ask(.GET, Self.lists)
            #expect(full.tag != empty.tag && !full.tag.isEmpty)
            #expect(
                full.has(
                    "<list><entry uri='sip:carol@example.org'/></list>"
                        + "<list name='Friends'><entry uri='sip:bob@example.org'><display-name>Bob &amp; Co</display-name>"
                        + "</entry></list><list name='Work'>"))
            let known = try await host.ask(.GET, Self.lists, headers: ["if-none-match": full.tag])
            #expect(known.status == 304)
            let name = try await host.ask(
                .GET, Self.lists + "/~~/resource-lists/list%5b@name=%22Work%22%5d/entry/display-name")
            #expect(name.status == 200 && name.headers.first(name: "content-type") == "application/xcap-el+xml")
            #expect(name.has(">Bob &amp; Co</display-name>"))
        }
    }

    @Test("a document that is put becomes the contact list")
    func putting() async throws {
        try await withXCAP(["anna"]) { host in
            try await set(host, contact("dave", "Dave", "Old"))
            let answer = try await host.ask(
                .PUT, Self.lists,
                body: document(
                    """
                    <list name="Work">
                      <entry uri="sip:bob@example.org"><display-name>Bob</display-name></entry>
                      <entry uri="sip:anna@example.org"/><entry uri="tel:+4930123456"/>
                      <list name="Floor 2"><entry uri="sips:carol@EXAMPLE.org;transport=tls"/></list>
                    </list><list name="Empty"/>
                    """), type: Self.type)
            #expect(answer.status == 200)
            #expect(
                try await host.roster("anna") == ["bob@example.org 'Bob' Work", "carol@example.org '' Floor 2"])
            let shown = try await host.ask(.GET, Self.lists)
            #expect(shown.tag == answer.tag)
            #expect(shown.has("tel:+4930123456") && shown.has("<list name='Empty'/>"), "\(shown.body)")
            #expect(shown.has("sips:carol@EXAMPLE.org;transport=tls"))
            #expect(!shown.has("dave"))
        }
    }

    @Test("what an XMPP client does afterwards is laid over the client's document")
    func reconciling() async throws {
        try await withXCAP(["anna"]) { host in
            let put = try await host.ask(
                .PUT, Self.lists,
                body: document(
                    """
                    <list name="Work"><entry uri="sip:bob@example.org"/><entry uri="sip:carol@example.org"/></list>
                    <list name="Empty"/><list name="Gone"><entry uri="sip:dave@example.org"/></list>
                    """), type: Self.type)
            #expect(put.status == 200)
            try await set(host, contact("bob", "Robert", "Work", "Empty"))
            for name in ["carol", "dave"] {
                let _: Bool = try await host.withHome("anna") { router, home, done in
                    router.removeRosterItem(XCAPHost.jid(name), home) { done($0 == nil) }
                }
            }
            let shown = try await host.ask(.GET, Self.lists)
            #expect(shown.tag != put.tag)
            #expect(
                shown.has(
                    "<list name='Work'><entry uri='sip:bob@example.org'><display-name>Robert</display-name></entry></list>"
                        + "<list name='Empty'><entry uri='sip:bob@example.org'><display-name>Robert</display-name></entry>"
                        + "</list></resource-lists>"), "\(shown.body)")
        }
    }

    @Test("parts are put and deleted one by one, the RFC's way")
    func parts() async throws {
        try await withXCAP(["anna"]) { host in
            let list = Self.lists + "/~~/resource-lists/list%5b@name=%22friends%22%5d"
            let made = try await host.ask(
                .PUT, list, body: "<list name='friends'/>", type: "application/xcap-el+xml")
            #expect(made.status == 201)
            let entry = list + "/entry%5b@uri=%22sip:bob@example.org%22%5d"
            let body = "<entry uri=\"sip:bob@example.org\"><display-name>Bob</display-name></entry>"
            #expect(try await host.ask(.PUT, entry, body: body, type: "application/xcap-el+xml").status == 201)
            #expect(try await host.ask(.PUT, entry, body: body, type: "application/xcap-el+xml").status == 200)
            #expect(try await host.roster("anna") == ["bob@example.org 'Bob' friends"])
            let renamed = try await host.ask(
                .PUT, list + "/@name", body: "pals", type: "application/xcap-att+xml")
            #expect(renamed.status == 409 && renamed.has("<cannot-insert"))
            let other = try await host.ask(
                .PUT, Self.lists + "/~~/resource-lists/list[1]/@name", body: "pals", type: "application/xcap-att+xml")
            #expect(other.status == 200)
            #expect(try await host.roster("anna") == ["bob@example.org 'Bob' pals"])
            let gone = Self.lists + "/~~/resource-lists/list[1]/entry"
            #expect(try await host.ask(.DELETE, gone).status == 200)
            #expect(try await host.ask(.DELETE, gone).status == 404)
            #expect(try await host.roster("anna").isEmpty)
        }
    }

    @Test(
        "conflicts say what they are",
        arguments: [
            ("", "<resource-lists", "not-well-formed"),
            ("", "<foo/>", "schema-validation-error"),
            (
                "", "<resource-lists xmlns='\(space)'><list name='a'/><list name='a'/></resource-lists>",
                "uniqueness-failure"
            ),
            ("/~~/resource-lists/list[1]", "<list/><list/>", "not-xml-frag"),
            ("/~~/resource-lists/list[9]", "<list/>", "cannot-insert"),
            ("/~~/resource-lists/list[9]/entry[1]", "<entry uri='sip:a@b'/>", "no-parent"),
            ("/~~/resource-lists/list[1]", "<list><entry/></list>", "schema-validation-error"),
        ])
    func conflicts(_ node: String, _ body: String, _ kind: String) async throws {
        try await withXCAP(["anna"]) { host in
            let type = node.isEmpty ? Self.type : "application/xcap-el+xml"
            let answer = try await host.ask(.PUT, Self.lists + node, body: body, type: type)
            #expect(answer.status == 409 && answer.has("<\(kind)"), "\(answer.status) \(answer.body)")
            #expect(answer.headers.first(name: "content-type") == "application/xcap-error+xml")
        }
    }

    @Test("a change since the client looked is a failed precondition, whoever made it")
    func preconditions() async throws {
        try await withXCAP(["anna"]) { host in
            let first = try await host.ask(.GET, Self.lists)
            let put = { (headers: HTTPHeaders) in
                try await host.ask(
                    .PUT, Self.lists, body: document("<list name='a'><entry uri='sip:bob@example.org'/></list>"),
                    type: Self.type, headers: headers)
            }
            #expect(try await put(["if-none-match": "*"]).status == 412)
            #expect(try await put(["if-match": "\"other\""]).status == 412)
            try await set(host, contact("carol"))
            #expect(try await put(["if-match": first.tag]).status == 412)
            #expect(try await host.roster("anna") == ["carol@example.org '' "])
            let second = try await host.ask(.GET, Self.lists)
            #expect(try await put(["if-match": "\"x\", \(second.tag)"]).status == 200)
        }
    }

    @Test("at the limit as many contacts are added as there is room for, and the rest is a conflict")
    func limit() async throws {
        var policies = PolicyTable()
        var values = UserPolicy.Values()
        values.presence.contacts = 3
        policies.deployment = UserPolicy(values)
        try await withXCAP(["anna"], policies: policies) { host in
            try await set(host, contact("bob"))
            let entries = ["bob", "c", "d", "e", "f"].map { "<entry uri='sip:\($0)@example.org'/>" }.joined()
            let answer = try await host.ask(
                .PUT, Self.lists, body: document("<list name='a'>\(entries)</list>"), type: Self.type)
            #expect(answer.status == 409 && answer.has("constraint-failure") && answer.has("2 of 5 contacts"))
            #expect(
                try await host.roster("anna") == [
                    "bob@example.org '' a", "c@example.org '' a", "d@example.org '' a",
                ])
            let shown = try await host.ask(.GET, Self.lists)
            #expect(shown.tag == answer.tag && !shown.has("sip:e@"))
            // One goes, another one comes.
            let swap = ["bob", "c", "e"].map { "<entry uri='sip:\($0)@example.org'/>" }.joined()
            let swapped = try await host.ask(
                .PUT, Self.lists, body: document("<list name='a'>\(swap)</list>"), type: Self.type)
            #expect(swapped.status == 200)
        }
    }

    @Test("changes of one user that come at the same time follow each other")
    func concurrency() async throws {
        try await withXCAP(["anna"]) { host in
            try await withThrowingTaskGroup(of: UInt.self) { group in
                for number in 0..<10 {
                    group.addTask {
                        let name = "u\(number)"
                        return try await host.ask(
                            .PUT, Self.lists + "/~~/resource-lists/list%5b@name=%22\(name)%22%5d",
                            body: "<list name='\(name)'><entry uri='sip:\(name)@example.org'/></list>",
                            type: "application/xcap-el+xml"
                        ).status
                    }
                }
                for try await status in group { #expect(status == 201) }
            }
            #expect(try await host.roster("anna").count == 10)
        }
    }
}
