import Testing
import XMLWire

@testable import PresenceWire

@Suite("XCAP addresses and documents")
struct XCAPDocumentTests {
    @Test("an address names a document and a node")
    func path() throws {
        let path = try #require(
            XCAPPath(
                "/resource-lists/users/sip%3Aanna%40example.org/index/~~/resource-lists/list%5b@name=%22a%2Fb%22%5d",
                query: "xmlns(a=urn:b)"))
        #expect(path.application == "resource-lists")
        #expect(path.tree == .user("sip:anna@example.org"))
        #expect(path.document == "index")
        #expect(path.node == "resource-lists/list[@name=\"a/b\"]")
        #expect(path.query == "xmlns(a=urn:b)")
        let global = try #require(XCAPPath("/xcap-caps/global/index", query: nil))
        #expect(global.tree == .global && global.node == nil && global.document == "index")
    }

    @Test(
        "other addresses are none",
        arguments: [
            "", "/", "/resource-lists", "/resource-lists/users", "/resource-lists/users/sip:a@b", "/a/other/b/c",
            "/a/users/%zz/index", "/a/users/x/../index", "/a/users/x/index/~~/", "/a/global", "/a/users/%ff/index",
            "/a/users/%00/index",
        ])
    func noPath(_ text: String) { #expect(XCAPPath(text, query: nil) == nil) }

    @Test("an address that is too long is none")
    func long() { #expect(XCAPPath("/a/users/x/" + String(repeating: "i", count: 5_000), query: nil) == nil) }

    private func kind(_ text: [UInt8]) -> XCAPFailure.Kind? {
        do { _ = try XCAPDocument.parse(text) } catch { return error.kind }
        return nil
    }

    @Test("documents that are none have their reasons")
    func malformed() {
        #expect(kind(Array("<a>".utf8)) == .notWellFormed)
        #expect(kind(Array("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>".utf8)) == .notWellFormed)
        #expect(kind(Array("<p:a/>".utf8)) == .notWellFormed)
        #expect(kind([0x3C, 0x61, 0x3E, 0xFF, 0x3C, 0x2F, 0x61, 0x3E]) == .notUTF8)
        #expect(kind(Array("<a><!-- b --><?c d?>e</a>\n".utf8)) == nil)
    }

    @Test("a part takes its namespace from where it will stand")
    func part() throws {
        let entry = try XCAPDocument.parseElement(
            Array("<entry uri='sip:a@b'><p:x/></entry>".utf8), namespace: "urn:outside", prefixes: [("p", "urn:p")])
        #expect(entry.namespace == "urn:outside")
        #expect(entry.elements[0].namespace == "urn:p")
        #expect(throws: XCAPFailure.self) {
            try XCAPDocument.parseElement(Array("<a/><b/>".utf8), namespace: "", prefixes: [])
        }
        #expect(throws: XCAPFailure(.notXMLAttributeValue)) { try XCAPDocument.parseAttribute(Array("a<b".utf8)) }
        #expect(try XCAPDocument.parseAttribute(Array("a &amp; b".utf8)) == "a & b")
    }

    @Test("a refusal says what is wrong")
    func refusal() {
        let body = XCAPDocument.bytes(
            of: XCAPFailure(.uniquenessFailure(fields: ["a/b/@c"]), "there is one").element)
        #expect(
            String(decoding: body, as: UTF8.self).contains(
                "<xcap-error xmlns='urn:ietf:params:xml:ns:xcap-error'><uniqueness-failure phrase='there is one'>"
                    + "<exists field='a/b/@c'/></uniqueness-failure></xcap-error>"))
        let parent = XCAPFailure(.noParent(ancestor: "http://example.org/a")).element
        #expect(parent.elements[0].elements[0].text == "http://example.org/a")
    }

    private func lists(_ inside: String) throws -> XMLElement {
        try XCAPDocument.parse(
            Array("<resource-lists xmlns='\(ResourceLists.namespace)'>\(inside)</resource-lists>".utf8))
    }

    private func listsKind(_ inside: String) -> XCAPFailure.Kind? {
        do { try ResourceLists.validate(try lists(inside)) } catch { return (error as? XCAPFailure)?.kind }
        return nil
    }

    @Test("lists have unique names, entries unique addresses")
    func lists() throws {
        #expect(listsKind("<list name='a'><entry uri='sip:a@b'/></list><list><entry uri='sip:a@b'/></list>") == nil)
        #expect(
            listsKind("<list name='a'/><list name='a'/>")
                == .uniquenessFailure(fields: ["resource-lists/list[@name=\"a\"]/@name"]))
        #expect(
            listsKind("<list name='a'><entry uri='sip:x@y'/><entry uri='sip:x@y'/></list>")
                == .uniquenessFailure(
                    fields: ["resource-lists/list[@name=\"a\"]/entry[@uri=\"sip:x@y\"]/@uri"]))
        for wrong in [
            "<entry uri='sip:a@b'/>", "<list><entry/></list>", "<list><foo/></list>", "<list>text</list>",
            "<list><entry uri='a'><entry uri='b'/></entry></list>", "<list><entry-ref/></list>",
        ] {
            #expect(listsKind(wrong) == .schemaValidationError, "\(wrong)")
        }
        let nested = try lists(
            "<list name='a'><list><entry uri='sip:n@o'><display-name> N </display-name></entry></list></list>")
        #expect(ResourceLists.entries(nested) == [.init(uri: "sip:n@o", name: "N", list: "a")])
    }

    @Test("rules are read, and written as they are read")
    func rules() throws {
        let text = """
            <cr:ruleset xmlns="urn:ietf:params:xml:ns:pres-rules" xmlns:pr="urn:ietf:params:xml:ns:pres-rules"
                xmlns:cr="urn:ietf:params:xml:ns:common-policy">
              <cr:rule id="a">
                <cr:conditions><cr:identity><cr:one id="sip:user@example.com"/>
                  <cr:many domain="example.org"><cr:except id="sip:x@example.org"/></cr:many></cr:identity>
                  <cr:sphere value="work"/></cr:conditions>
                <cr:actions><pr:sub-handling>allow</pr:sub-handling></cr:actions>
                <cr:transformations><pr:provide-services><pr:all-services/></pr:provide-services></cr:transformations>
              </cr:rule>
            </cr:ruleset>
            """
        let rules = try PresenceRules.rules(try XCAPDocument.parse(Array(text.utf8)))
        #expect(
            rules == [
                .init(
                    id: "a",
                    identities: [
                        .one("sip:user@example.com"),
                        .many(domain: "example.org", except: [.one("sip:x@example.org")]),
                    ], otherConditions: ["sphere"], handling: .allow)
            ])
        let plain = PresenceRules.Rule(
            id: "b", identities: rules[0].identities, otherConditions: [], handling: .politeBlock)
        let written = XMLElement(
            "ruleset", namespace: PresenceRules.rulesetNamespace, children: [.element(PresenceRules.element(plain))])
        #expect(try PresenceRules.rules(try XCAPDocument.parse(XCAPDocument.bytes(of: written))) == [plain])
    }

    @Test("rules that are none have their reasons")
    func wrongRules() throws {
        func kind(_ inside: String) -> XCAPFailure.Kind? {
            let text = "<ruleset xmlns='\(PresenceRules.rulesetNamespace)'>\(inside)</ruleset>"
            do {
                _ = try PresenceRules.rules(PresenceRules.settled(try XCAPDocument.parse(Array(text.utf8))))
            } catch { return error.kind }
            return nil
        }
        #expect(kind("<rule id='a'/>") == nil)
        #expect(kind("<rule id='a'/><rule id='a'/>") == .uniquenessFailure(fields: ["ruleset/rule[@id=\"a\"]/@id"]))
        for wrong in [
            "<rule/>", "<rule id='1'/>", "<rule id='a'><one/></rule>",
            "<rule id='a'><conditions><identity><one/></identity></conditions></rule>",
            "<rule id='a'><conditions><identity><many><except/></many></identity></conditions></rule>",
            "<rule id='a'><actions><sub-handling>perhaps</sub-handling></actions></rule>",
        ] {
            #expect(kind(wrong) == .schemaValidationError, "\(wrong)")
        }
    }
}
