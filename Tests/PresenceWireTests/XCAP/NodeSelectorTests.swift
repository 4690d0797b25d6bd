import Testing
import XMLWire

@testable import PresenceWire

/// The document of RFC 4825 §16 and what its examples do to it, with others for what they leave out.
@Suite("Node selectors")
struct NodeSelectorTests {
    private static let namespace = ResourceLists.namespace

    private static let text = """
        <?xml version="1.0" encoding="UTF-8"?>
        <!-- friends -->
        <resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">
          <list name="friends">
            <entry uri="sip:joe@example.com"><display-name>Joe Smith</display-name></entry>
            <entry uri="sip:nancy@example.com"><display-name>Nancy Gross</display-name></entry>
          </list>
          <list name="close-friends" xmlns:x="urn:example:x" x:shade="blue">
            <entry uri="sip:petri@example.com"/>
          </list>
        </resource-lists>
        """

    private func root() throws -> XMLElement { try XCAPDocument.parse(Array(Self.text.utf8)) }

    private func selector(_ text: String, _ query: String? = nil) throws -> NodeSelector {
        try #require(NodeSelector(text, query: query, defaultNamespace: Self.namespace))
    }

    private func name(_ node: NodeSelector.Node?) -> String? {
        guard case .element(let element) = node else { return nil }
        return element["uri"] ?? element["name"] ?? element.text
    }

    @Test(
        "an element is found by name, position, attribute and all of them",
        arguments: [
            ("resource-lists/list[@name=\"friends\"]", "friends"),
            ("resource-lists/list[1]", "friends"),
            ("resource-lists/*[2]", "close-friends"),
            ("*/list[2][@name='close-friends']", "close-friends"),
            ("resource-lists/list[@name=\"friends\"]/entry[2]", "sip:nancy@example.com"),
            ("resource-lists/list[@name=\"friends\"]/entry[@uri=\"sip:joe@example.com\"]/display-name", "Joe Smith"),
            ("resource-lists/list[@name=\"close-friends\"]/entry", "sip:petri@example.com"),
            ("resource-lists/*[@name='friends']/*[1]/display-name", "Joe Smith"),
        ])
    func found(_ text: String, _ expected: String) throws {
        #expect(name(try selector(text).node(in: root())) == expected)
    }

    @Test(
        "nothing is found where the way leads nowhere, or to more than one",
        arguments: [
            "resource-lists/list", "resource-lists/list[3]", "list[1]", "resource-lists/list[1][@name=\"x\"]",
            "resource-lists/list[@name=\"friends\"]/entry", "resource-lists/list[1]/entry[3]/display-name",
            "resource-lists/list[1]/@shade",
        ])
    func missing(_ text: String) throws {
        #expect(try selector(text).node(in: root()) == nil)
    }

    @Test(
        "what is no node selector is refused",
        arguments: [
            "", "/", "resource-lists/", "resource-lists//list", "a[", "a[0]", "a[1", "a[@b]", "a[@b=\"c]", "a[1][2]",
            "a[@b='c'][1]", "@name", "a/@b/c", "a/namespace::*/b", "p:a", "a[@p:b='c']", "a b", "1a", "a/text()",
        ])
    func malformed(_ text: String) {
        #expect(NodeSelector(text, query: nil, defaultNamespace: "urn:x") == nil)
    }

    @Test("attributes are found by their names, and namespaces as an empty element")
    func terminals() throws {
        let attribute = try selector("resource-lists/list[2]/@name").node(in: root())
        #expect(attribute == .attribute("close-friends"))
        #expect(attribute?.contentType == "application/xcap-att+xml")
        let prefixed = try selector("resource-lists/list[2]/@y:shade", "xmlns(y=urn:example:x)").node(in: root())
        #expect(prefixed == .attribute("blue"))
        let namespaces = try #require(try selector("resource-lists/list[2]/namespace::*").node(in: root()))
        #expect(namespaces.contentType == "application/xcap-ns+xml")
        let bytes = String(decoding: namespaces.bytes, as: UTF8.self)
        #expect(bytes.contains("xmlns='urn:ietf:params:xml:ns:resource-lists'"))
        #expect(bytes.contains("urn:example:x"))
        #expect(!bytes.contains("entry"))
    }

    @Test("prefixes of the query name namespaces; what it does not declare is an error")
    func prefixes() throws {
        let query = "xmlns(a=\(Self.namespace)) xmlns(b=urn:^(odd^))"
        #expect(name(try selector("a:resource-lists/a:list[1]", query).node(in: root())) == "friends")
        #expect(try selector("b:x", query).steps[0].name == .init(namespace: "urn:(odd)", local: "x"))
        #expect(NodeSelector("a:b", query: "xmlns(a=", defaultNamespace: "") == nil)
        #expect(NodeSelector("a:b", query: "foo(a=b)", defaultNamespace: "") == nil)
        #expect(NodeSelector("c:b", query: query, defaultNamespace: "") == nil)
    }

    @Test("values have their references resolved, and may hold slashes")
    func values() throws {
        let step = try selector("a[@b=\"x/y &amp; &quot;z&quot;\"]").steps[0]
        #expect(step.value == "x/y & \"z\"")
    }

    // MARK: Editing

    private func entry(_ uri: String) -> XMLElement { ResourceLists.entry(uri: uri, name: "") }

    private func uris(_ root: XMLElement, _ list: Int = 0) -> [String] {
        root.elements[list].elements.compactMap { $0["uri"] }
    }

    @Test("a new entry goes behind the others, or to its position")
    func insertion() throws {
        var tree = try root()
        let list = "resource-lists/list[@name=\"friends\"]"
        #expect(
            try selector(list + "/entry[@uri=\"sip:bob@example.com\"]").put(entry("sip:bob@example.com"), into: &tree))
        #expect(uris(tree) == ["sip:joe@example.com", "sip:nancy@example.com", "sip:bob@example.com"])
        #expect(
            try selector(list + "/entry[1][@uri=\"sip:a@example.com\"]").put(entry("sip:a@example.com"), into: &tree))
        #expect(
            try selector(list + "/*[5]").put(entry("sip:z@example.com"), into: &tree))
        #expect(
            uris(tree) == [
                "sip:a@example.com", "sip:joe@example.com", "sip:nancy@example.com", "sip:bob@example.com",
                "sip:z@example.com",
            ])
    }

    @Test("what is there already is replaced")
    func replacement() throws {
        var tree = try root()
        let one = try selector("resource-lists/list[1]/entry[@uri=\"sip:joe@example.com\"]")
        #expect(try !one.put(ResourceLists.entry(uri: "sip:joe@example.com", name: "Joe"), into: &tree))
        #expect(uris(tree).count == 2)
        #expect(tree.elements[0].elements[0].elements[0].text == "Joe")
    }

    private func kind(_ body: () throws -> Void) -> XCAPFailure.Kind? {
        do { try body() } catch { return (error as? XCAPFailure)?.kind }
        return nil
    }

    @Test(
        "what would not be found again is not inserted",
        arguments: [
            "resource-lists/list[1]/entry[@uri=\"sip:else@example.com\"]",  // another uri than the body's
            "resource-lists/list[1]/entry[5]",  // a gap
            "resource-lists/list[1]/entry",  // several fit
            "resource-lists/list[1]/external",  // another name
            "something",  // the root is another one
        ])
    func cannotInsert(_ text: String) throws {
        var tree = try root()
        let before = tree
        #expect(
            kind { _ = try selector(text).put(entry("sip:bob@example.com"), into: &tree) } == .cannotInsert)
        #expect(tree == before)
    }

    @Test("without a parent nothing is inserted, and the nearest ancestor is named")
    func noParent() throws {
        var tree = try root()
        let lost = try selector("resource-lists/list[@name=\"enemies\"]/entry[1]")
        #expect(
            kind { _ = try lost.put(entry("sip:a@example.com"), into: &tree) }
                == .noParent(ancestor: "resource-lists"))
    }

    @Test("attributes are set, unless their element would then not be found")
    func attributes() throws {
        var tree = try root()
        #expect(try selector("resource-lists/list[1]/@color").put(attribute: "red", into: &tree))
        #expect(try !selector("resource-lists/list[1]/@name").put(attribute: "pals", into: &tree))
        #expect(tree.elements[0]["name"] == "pals")
        let own = try selector("resource-lists/list[@name=\"pals\"]/@name")
        #expect(kind { _ = try own.put(attribute: "other", into: &tree) } == .cannotInsert)
        let nowhere = try selector("resource-lists/list[9]/@name")
        #expect(kind { _ = try nowhere.put(attribute: "x", into: &tree) } == .noParent(ancestor: "resource-lists"))
    }

    @Test("what is deleted is gone; an address that would name the next one is refused")
    func deletion() throws {
        var tree = try root()
        #expect(try selector("resource-lists/list[1]/entry[@uri=\"sip:joe@example.com\"]").delete(from: &tree))
        #expect(uris(tree) == ["sip:nancy@example.com"])
        #expect(try !selector("resource-lists/list[1]/entry[@uri=\"sip:joe@example.com\"]").delete(from: &tree))
        #expect(kind { _ = try selector("resource-lists/list[1]").delete(from: &tree) } == .cannotDelete)
        #expect(kind { _ = try selector("resource-lists").delete(from: &tree) } == .cannotDelete)
        #expect(try selector("resource-lists/list[2]").delete(from: &tree))
        #expect(try selector("resource-lists/list[1]/@name").delete(from: &tree))
        #expect(tree.elements[0]["name"] == nil)
    }
}
