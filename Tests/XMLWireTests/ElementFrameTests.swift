import Testing

@testable import XMLWire

@Suite("What a frame says of an element")
struct ElementFrameTests {
    private func only(_ stanza: String) throws -> Transcript.ElementRecord {
        let (transcript, isStable) = transcribeEveryWay(Array(stanza.utf8))
        #expect(isStable)
        return try #require(transcript.elements.first)
    }

    @Test("offsets of tags and attributes lead to the right bytes")
    func offsets() throws {
        let element = try only(
            "<message to='juliet@example.com' id = \"a&amp;b\" xml:lang='en'><body>Hi</body></message>")
        #expect(element.name == "message")
        #expect(element.attributes.map { element.text($0.name) } == ["to", "id", "xml:lang"])
        #expect(element.attributes.map { element.text($0.value) } == ["juliet@example.com", "a&amp;b", "en"])
        #expect(
            element.attributes.map { element.text($0.whole) } == [
                "to='juliet@example.com'", "id = \"a&amp;b\"", "xml:lang='en'",
            ])
        #expect(element.attributes.map(\.hasReferences) == [false, true, false])
        #expect(element.attributes.map(\.hasPrefix) == [false, false, true])
        #expect(element.attributes.allSatisfy { !$0.isNamespaceDeclaration })
        let end = Int32(element.bytes.count)
        #expect(element.text(Span(start: element.endTagStart, end: end)) == "</message>")
        #expect(element.text(Span(start: element.startTagEnd, end: element.endTagStart)) == "<body>Hi</body>")
        #expect(!element.isSelfClosing && !element.usesStreamPrefix && !element.hasPrefixedRoot)
    }

    @Test("a self-closing element ends where its start tag ends")
    func selfClosing() throws {
        let element = try only("<presence type='unavailable' />")
        #expect(element.isSelfClosing)
        #expect(Int(element.startTagEnd) == element.bytes.count)
        #expect(element.endTagStart == element.startTagEnd)
        #expect(element.children.isEmpty)
    }

    @Test("children are indexed with their namespace, grandchildren are not")
    func children() throws {
        let element = try only(
            "<iq xmlns:r='urn:root'>t<query xmlns='jabber:iq:roster'><item/></query><r:x/><body>b</body>"
                + "<p:y xmlns:p='urn:own'></p:y></iq>")
        #expect(element.childCount == 4)
        #expect(element.children.map { element.text($0.localName) } == ["query", "x", "body", "y"])
        #expect(element.children.map { element.text($0.namespace) } == ["jabber:iq:roster", "urn:root", "", "urn:own"])
        #expect(element.children.map(\.inheritsStreamNamespace) == [false, false, true, false])
        #expect(element.children.map(\.isSelfClosing) == [false, true, false, false])
        #expect(element.children.allSatisfy { !$0.hasStreamPrefix })
        #expect(element.text(element.children[0].whole) == "<query xmlns='jabber:iq:roster'><item/></query>")
        #expect(element.text(element.children[2].whole) == "<body>b</body>")
        #expect(
            element.text(Span(start: element.children[2].startTagEnd, end: element.children[3].whole.start))
                == "b</body>")
    }

    @Test("a default namespace on the stanza holds for its children until one declares none")
    func defaultNamespaceOnRoot() throws {
        let element = try only("<message xmlns='jabber:client'><body/><x xmlns=''/></message>")
        #expect(element.text(element.namespace) == "jabber:client")
        #expect(element.text(element.children[0].namespace) == "jabber:client")
        #expect(element.children[1].namespace.isEmpty)
        #expect(element.children[1].namespace != .none)
        #expect(!element.children[1].inheritsStreamNamespace)
    }

    @Test("the declaration of one child does not reach its sibling")
    func scopeEnds() throws {
        let element = try only("<a><b xmlns='urn:b'><c xmlns='urn:c'/></b><d/></a>")
        #expect(element.text(element.children[0].namespace) == "urn:b")
        #expect(element.children[1].inheritsStreamNamespace)
    }

    @Test("use of a prefix of the stream header is seen anywhere, use of xml is not")
    func streamPrefixes() throws {
        #expect(try only("<stream:error><x xmlns='urn:x'/></stream:error>").usesStreamPrefix)
        #expect(try only("<stream:error/>").hasPrefixedRoot)
        #expect(try only("<a><b><c db:key='1'/></b></a>").usesStreamPrefix)
        #expect(try only("<a><b><c xmlns:db='urn:own' db:key='1'/></b></a>").usesStreamPrefix == false)
        #expect(try only("<a xml:lang='en'><b/></a>").usesStreamPrefix == false)
        let child = try only("<a><db:b/><xml:c/></a>").children
        #expect(child.map(\.hasStreamPrefix) == [true, true])
        #expect(child.map(\.inheritsStreamNamespace) == [false, false])
    }

    @Test("more children than are indexed are still counted, and the indexed ones stay right")
    func manyChildren() throws {
        let body = (0..<100).map { "<c\($0)>x</c\($0)>" }.joined()
        let transcript = transcribe(Array("<a>\(body)</a>".utf8), scanner: openScanner())
        let element = try #require(transcript.elements.first)
        #expect(element.childCount == 100)
        #expect(element.children.count == ElementFrame.indexedChildren)
        #expect(element.children.last.map { element.text($0.whole) } == "<c63>x</c63>")
    }

    @Test("names and attributes are found by their literal spelling")
    func lookup() {
        let bytes = Array("<iq type='set' id='7' x:id='8' xmlns:x='urn:x'><query xmlns='jabber:iq:auth'/></iq>".utf8)
        var scanner = openScanner()
        let frame = ElementFrame()
        bytes.withUnsafeBytes { bytes in
            #expect(scanner.next(bytes, frame: frame) == .element(length: bytes.count))
            #expect(frame.nameEquals("iq", in: bytes))
            #expect(!frame.nameEquals("i", in: bytes))
            #expect(!frame.nameEquals("iqs", in: bytes))
            #expect(frame.attribute("id", in: bytes).map { string($0.value, bytes) } == "7")
            #expect(frame.attribute("i", in: bytes) == nil)
            #expect(frame.attribute("xmlns", in: bytes) == nil)
            #expect(frame.attribute("xmlns:x", in: bytes)?.isNamespaceDeclaration == true)
            #expect(frame.children[0].localName(equals: "query", in: bytes))
            #expect(frame.children[0].namespace(equals: "jabber:iq:auth", in: bytes))
            #expect(!frame.children[0].namespace(equals: "jabber:iq:last", in: bytes))
        }
    }

    @Test("a span that does not fit the bytes given matches nothing")
    func foreignBytes() {
        let span = Span(start: 4, end: 8)
        let bytes: [UInt8] = [1, 2, 3]
        bytes.withUnsafeBytes {
            #expect(!span.equals("abcd", in: $0))
            #expect(span.slice(of: $0).isEmpty)
            #expect(span.slice(of: UnsafeRawBufferPointer(start: nil, count: 0)).isEmpty)
        }
    }

    @Test("one frame serves many elements and leaves nothing of the one before")
    func reuse() throws {
        let stanzas = "<a x='1' y='2'><b/><c/></a><d/><e xmlns:p='urn:x'><p:f/></e><g/>"
        let elements = transcribe(Array(stanzas.utf8), scanner: openScanner()).elements
        #expect(elements.map(\.name) == ["a", "d", "e", "g"])
        #expect(elements.map(\.attributes.count) == [2, 0, 1, 0])
        #expect(elements.map(\.childCount) == [2, 0, 1, 0])
    }
}
