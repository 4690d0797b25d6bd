import NIOCore
import Testing

@testable import XMLWire

@Suite("Element trees")
struct XMLElementTests {
    private func parse(_ text: String) throws(XMLFault) -> XMLElement {
        let bytes = Array(text.utf8)
        let result = bytes.withUnsafeBytes { bytes -> Result<XMLElement, XMLFault> in
            do throws(XMLFault) {
                return .success(
                    try XMLElement(
                        parsing: bytes, streamDefaultNamespace: "jabber:client",
                        streamPrefixes: [("stream", "http://etherx.jabber.org/streams")]))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func written(_ element: XMLElement, inherited: String = "jabber:client") -> String {
        var bytes: [UInt8] = []
        element.write(into: &bytes, inheritedNamespace: inherited)
        var buffer = ByteBuffer()
        element.write(into: &buffer, inheritedNamespace: inherited)
        #expect(Array(buffer.readableBytesView) == bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("a roster query is read into names, attributes and children")
    func parsing() throws {
        let iq = try parse(
            "<iq type='set' id='1' xml:lang='en'><query xmlns='jabber:iq:roster'><item jid='a@b' name='A &amp; B'>"
                + "<group>x</group></item></query></iq>")
        #expect(iq.name == "iq" && iq.namespace == "jabber:client")
        #expect(iq["type"] == "set" && iq["id"] == "1" && iq["xml:lang"] == "en" && iq["to"] == nil)
        #expect(iq.attributes.last?.namespace == XMLElement.xmlNamespace)
        let item = try #require(
            iq.child("query", namespace: "jabber:iq:roster")?.child("item", namespace: "jabber:iq:roster"))
        #expect(item["name"] == "A & B")
        #expect(item.firstElement?.text == "x")
        #expect(iq.child("query", namespace: "jabber:client") == nil)
        #expect(iq.elements.count == 1)
    }

    static let roundTrips: [String] = [
        "<a/>", "<a b='c'/>", "<a xmlns='urn:x'><b/></a>", "<a xmlns=''><b xmlns='jabber:client'/></a>",
        "<p:a xmlns:p='urn:p'><b/><p:c/></p:a>", "<a p:b='1' xmlns:p='urn:p'/>",
        "<a xml:lang='de' xml:space='preserve'/>",
        "<stream:features><x/></stream:features>", "<a stream:b='1'/>", "<a>x<b/>y<![CDATA[<z>]]>&amp;</a>",
        "<a b='&#10;&#9;&#13; x'>&#13;\r\n\r\t</a>", "<a b='\r\n\t'/>", "<é ü='ß'>名</é>",
        "<a p:x='1' q:x='2' xmlns:p='urn:1' xmlns:q='urn:2'/>",
        "<a><b xmlns:p='urn:1' p:x='1'/><b xmlns:p='urn:2' p:x='1'/></a>", "<a b=\"it's\"/>", "<a b='\"'/>",
        "<a>]]&gt;</a>",
        "<xml:a/>", "<xml:a><b/><c xmlns='urn:x'/></xml:a>", "<a><b xmlns='urn:&amp;&lt;'/></a>",
    ]

    @Test("a tree keeps its meaning when written and read again", arguments: roundTrips)
    func roundTrip(_ text: String) throws {
        let element = try parse(text)
        #expect(try parse(written(element)) == element)
        #expect(
            try parse("<w xmlns='urn:other'>\(written(element, inherited: "urn:other"))</w>").firstElement == element)
    }

    @Test("white space in values is normalized and line ends in text become one newline")
    func normalization() throws {
        let element = try parse("<a b='x\ty\r\nz&#9;'>1\r\n2\r3\n4&#13;<![CDATA[\r\n]]></a>")
        #expect(element["b"] == "x y z\t")
        #expect(element.text == "1\n2\n3\n4\r\n")
        #expect(element.children.count == 1)
    }

    @Test("namespaces are declared only where they change")
    func writing() {
        let bind = XMLElement(
            "iq", namespace: "jabber:client", attributes: ["type": "result", "id": "a'b"],
            children: [
                .element(
                    XMLElement(
                        "bind", namespace: "urn:ietf:params:xml:ns:xmpp-bind",
                        children: [
                            .element(
                                XMLElement(
                                    "jid", namespace: "urn:ietf:params:xml:ns:xmpp-bind", children: [.text("a<b")]))
                        ]))
            ])
        #expect(
            written(bind)
                == "<iq type='result' id='a&apos;b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a&lt;b</jid></bind></iq>"
        )
        #expect(written(XMLElement("a", namespace: "", attributes: [:])) == "<a xmlns=''/>")
    }

    @Test("prefixed attributes are declared, renamed when prefixes clash, and left out without a namespace")
    func prefixedAttributes() throws {
        var element = XMLElement("a", namespace: "jabber:client")
        element.attributes = [
            .init(name: "p:x", namespace: "urn:1", value: "1"), .init(name: "p:x", namespace: "urn:2", value: "2"),
            .init(name: "p:y", namespace: "urn:1", value: "3"), .init(name: "q:z", value: "4"),
            .init(name: "w", namespace: "urn:3", value: "5"), .init(name: "xmlns:v", namespace: "urn:4", value: "6"),
        ]
        let text = written(element)
        let again = try parse(text)
        #expect(again.attributes.map(\.namespace) == ["urn:1", "urn:2", "urn:1", "urn:3", "urn:4"])
        #expect(again.attributes.map(\.value) == ["1", "2", "3", "5", "6"])
    }

    @Test("attributes can be set, changed and removed")
    func mutation() {
        var element = XMLElement("a", namespace: "", attributes: ["x": "1"])
        element["x"] = "2"
        element["y"] = "3"
        element["xml:lang"] = "en"
        element["none"] = nil
        #expect(element.attributes.map(\.name) == ["x", "y", "xml:lang"])
        element["x"] = nil
        #expect(element["x"] == nil && element["y"] == "3")
        #expect(element.attributes.last?.namespace == XMLElement.xmlNamespace)
    }

    @Test("characters that XML forbids are never written")
    func forbiddenCharacters() throws {
        let element = XMLElement(
            "a", namespace: "", attributes: ["b": "\u{0}x"], children: [.text("\u{1}\u{FFFE}é\u{FFFF}y")])
        let again = try parse(written(element))
        #expect(again["b"] == "\u{FFFD}x")
        #expect(again.text == "\u{FFFD}\u{FFFD}é\u{FFFD}y")
    }

    static let refused: [(String, XMLFault)] = [
        ("", .notWellFormed("not an element")), ("<", .notWellFormed("not an element")),
        ("x", .notWellFormed("not an element")),
        ("<a>", .notWellFormed("the element is incomplete")), ("<a/><b/>", .notWellFormed("data after the element")),
        ("<a/> ", .notWellFormed("data after the element")), ("<p:a/>", .badNamespacePrefix),
        ("</a>", .notWellFormed("not an element")),
        ("<a></b>", .notWellFormed("end tag does not match")), ("<?a?>", .restricted("processing instruction")),
        ("<a>&x;</a>", .restricted("entity reference")), ("<!-- -->", .notWellFormed("not an element")),
        (String(repeating: "<a>", count: 300), .tooDeep),
    ]

    @Test("anything but one complete element is refused", arguments: refused)
    func refuses(_ text: String, _ fault: XMLFault) {
        #expect(throws: fault) { try parse(text) }
    }

    @Test("equality of trees sees names, namespaces, attributes and text")
    func equality() throws {
        #expect(try parse("<a b='c'>x</a>") == parse("<a  b=\"c\" >x</a>"))
        #expect(try parse("<a/>") != parse("<a xmlns='urn:x'/>"))
        #expect(try parse("<a>x</a>") != parse("<a>y</a>"))
    }
}

@Suite("Escaping")
struct XMLEscapeTests {
    private func unescape(_ text: String) -> String? { Array(text.utf8).withUnsafeBytes { XMLEscape.unescape($0) } }

    @Test("text and attribute values are escaped for their place")
    func escaping() {
        var text: [UInt8] = []
        XMLEscape.append(text: "a<b>&'\"\t\n\r", to: &text)
        #expect(String(decoding: text, as: UTF8.self) == "a&lt;b&gt;&amp;'\"\t\n&#13;")
        var value = ByteBuffer()
        XMLEscape.append(attribute: "a<b>&'\"\t\n\r", to: &value)
        #expect(String(buffer: value) == "a&lt;b&gt;&amp;&apos;&quot;&#9;&#10;&#13;")
    }

    @Test("invalid bytes become the replacement character")
    func invalidBytes() {
        var output: [UInt8] = []
        ([0x61, 0xFF, 0xC3, 0x62, 0xE2, 0x82] as [UInt8]).withUnsafeBytes { XMLEscape.append(text: $0, to: &output) }
        #expect(String(decoding: output, as: UTF8.self) == "a\u{FFFD}\u{FFFD}b\u{FFFD}\u{FFFD}")
    }

    @Test("unescaping resolves references and CDATA, and refuses what is not text")
    func unescaping() {
        #expect(unescape("") == "")
        #expect(unescape("a&lt;&#x1F600;&#233;") == "a<😀é")
        #expect(unescape("a<![CDATA[<&x;]]]]>b") == "a<&x;]]b")
        for bad in ["&", "&x;", "&#0;", "<b/>", "\u{1}", "<![CDATA[x", "<![CDATA[x]]", "&lt", "<!--"] {
            #expect(unescape(bad) == nil, "\(bad)")
        }
        #expect(([0xC3] as [UInt8]).withUnsafeBytes { XMLEscape.unescape($0) } == nil)
        #expect(Array("a<![CDATA[b]]>".utf8).withUnsafeBytes { XMLEscape.unescape(attribute: $0) } == nil)
    }

    @Test("what is escaped is unescaped to the same text")
    func roundTrip() {
        for text in ["", "a", "<>&'\"", "\r\n\t", "é名😀", "]]>", "&amp;"] {
            var bytes: [UInt8] = []
            XMLEscape.append(attribute: text, to: &bytes)
            #expect(bytes.withUnsafeBytes { XMLEscape.unescape(attribute: $0) } == text)
            bytes = []
            XMLEscape.append(text: text, to: &bytes)
            #expect(bytes.withUnsafeBytes { XMLEscape.unescape($0) } == text)
        }
    }
}
