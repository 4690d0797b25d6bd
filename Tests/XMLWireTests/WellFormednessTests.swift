import Testing

@testable import XMLWire

@Suite("Well-formedness of stanzas")
struct WellFormednessTests {
    static let accepted: [String] = [
        "<a/>", "<a></a>", "<a ></a >", "<a />", "<a\n/>", "<a b='c'/>", "<a b=\"c\"/>", "<a b = 'c' />",
        "<a\tb\r=\n'c'\r\n/>", "<a b=''/>", "<a b='\"'/>", "<a b=\"'\"/>", "<a b='>'/>", "<a b='a>b' c='d'>x</a>",
        "<a b='1' c='2' d='3'/>", "<_a/>", "<a-b.c_d1/>", "<é/>", "<名前 属性='値'>文</名前>", "<a·/>", "<𐀀/>", "<a\u{300}/>",
        "<a b\u{B7}='x'/>", "<a>text</a>", "<a>] ]] ]>]</a>", "<a>a>b</a>", "<a>]]&gt;</a>", "<a b=']]>'/>",
        "<a b=']]'>></a>",
        "<a>&lt;&gt;&amp;&apos;&quot;</a>", "<a b='&lt;&gt;&amp;&apos;&quot;'/>",
        "<a>&#65;&#x41;&#x10FFFF;&#9;&#10;&#13;</a>",
        "<a>&#xe9;&#xE9;&#x000041;</a>", "<a><![CDATA[<b>&nbsp;]]]]]]></a>", "<a><![CDATA[]]></a>",
        "<a>x<![CDATA[y]]>z</a>",
        "<a><![CDATA[]]]]><![CDATA[>]]></a>", "<a>\t\n\r</a>", "<a>\u{7F}\u{80}\u{9F}</a>",
        "<a>\u{7FF}\u{800}\u{FFFD}\u{10000}</a>",
        "<a>\u{D7FF}\u{E000}\u{1FFFE}\u{10FFFF}</a>", "<a><b><c/></b><b/></a>", "<a>😀😀😀😀</a>", "<a b='😀é'/>",
        "<a xmlns='urn:x'><b xmlns=''/></a>", "<p:a xmlns:p='urn:x'/>", "<p:a xmlns:p='urn:x'><p:b/></p:a>",
        "<a xml:lang='en'/>", "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>", "<xml:a/>",
        "<a p:b='1' q:b='2' xmlns:p='urn:p' xmlns:q='urn:q'/>", "<a b='1' p:b='2' xmlns='urn:p' xmlns:p='urn:p'/>",
        "<stream:error/>", "<a stream:b='c'/>", "<db:result/>",
        "<a><b xmlns:p='urn:1'/><b xmlns:p='urn:2'><p:c/></b></a>",
        "<a>\u{FEFF}</a>", "<xmlfoo:a xmlns:xmlfoo='urn:x'/>", "<a xmlns='urn:x y'/>",
    ]

    @Test("well-formed elements are accepted however they are split", arguments: accepted)
    func accepts(_ stanza: String) {
        let (transcript, isStable) = transcribeEveryWay(Array(stanza.utf8))
        #expect(transcript.fault == nil)
        #expect(transcript.elements.count == 1)
        #expect(transcript.elements.first.map { $0.bytes.count } == stanza.utf8.count)
        #expect(transcript.leftover == 0)
        #expect(isStable)
    }

    static let malformed: [(String, String)] = [
        ("<1a/>", "illegal start of a name"), ("<-a/>", "illegal start of a name"),
        ("<.a/>", "illegal start of a name"),
        ("< a/>", "illegal start of a name"), ("<>", "illegal start of a name"), ("<=a/>", "illegal start of a name"),
        ("<a\u{D7}/>", "illegal character in a name"), ("<\u{D7}/>", "illegal character in a name"),
        ("<\u{300}a/>", "illegal character in a name"), ("<\u{B7}/>", "illegal character in a name"),
        ("<:a/>", "illegal start of a name"), ("<a:/>", "illegal start of a name"),
        ("<stream:b:c/>", "name has more than one colon"), ("<stream:1/>", "illegal start of a name"),
        ("<a stream:='1'/>", "illegal start of a name"), ("<a :b='1'/>", "illegal start of a name"),
        ("<a b=c/>", "attribute value is not quoted"), ("<a b/>", "attribute without a value"),
        ("<a b>", "attribute without a value"), ("<a b c='1'/>", "attribute without a value"),
        ("<a b='1'c='2'/>", "illegal character in a tag"), ("<a'b'/>", "illegal character in a tag"),
        ("<a b='<'/>", "< in an attribute value"), ("<a b='x<y", "< in an attribute value"),
        ("<a <b/>", "illegal start of a name"),
        ("<a<b/>", "illegal character in a tag"), ("<a/ >", "/ inside a tag"), ("<a //>", "/ inside a tag"),
        ("<a b='1' b='2'/>", "duplicate attribute"), ("<a b='1' c='' b=\"2\"/>", "duplicate attribute"),
        ("<a p:b='1' q:b='2' xmlns:p='urn:x' xmlns:q='urn:x'/>", "duplicate attribute"),
        ("<a p:b='1' q:b='2' xmlns:p='urn:x' xmlns:q='urn:&#120;'/>", "duplicate attribute"),
        ("<a s:b='1' stream:b='2' xmlns:s='http://etherx.jabber.org/streams'/>", "duplicate attribute"),
        ("<a p:b='1' p:c='' xml:b='' q:b='2' xmlns:p='urn:x' xmlns:q='urn:x'/>", "duplicate attribute"),
        ("<a xmlns='urn:x' xmlns='urn:y'/>", "duplicate attribute"),
        ("<a></b>", "end tag does not match"), ("<a></ab>", "end tag does not match"),
        ("<ab></a>", "end tag does not match"),
        ("<a></>", "end tag does not match"), ("<a></ a>", "end tag does not match"),
        ("<a><b></a></b>", "end tag does not match"),
        ("<a></a b>", "end tag holds more than a name"), ("<a></a/>", "end tag does not match"),
        ("<a></a b='c'>", "end tag holds more than a name"),
        ("<a>]]></a>", "]]> in character data"), ("<a>x]]]></a>", "]]> in character data"),
        ("<a>&</a>", "illegal start of a name"), ("<a>& b</a>", "illegal start of a name"),
        ("<a>&lt</a>", "reference without semicolon"), ("<a>&lt ;</a>", "reference without semicolon"),
        ("<a>&;</a>", "illegal start of a name"), ("<a>&b:c;</a>", "colon in the name of an entity"),
        ("<a>&b:1", "colon in the name of an entity"), ("<a>&#;</a>", "malformed character reference"),
        ("<a>&#x;</a>", "malformed character reference"), ("<a>&#6a;</a>", "malformed character reference"),
        ("<a>&#X41;</a>", "malformed character reference"), ("<a>&#xG;</a>", "malformed character reference"),
        ("<a>&#0;</a>", "character is not allowed in XML"), ("<a>&#8;</a>", "character is not allowed in XML"),
        ("<a>&#xD800;</a>", "character is not allowed in XML"), ("<a>&#xFFFE;</a>", "character is not allowed in XML"),
        ("<a>&#x110000;</a>", "character is not allowed in XML"),
        ("<a>&#99999999999999999999;</a>", "character is not allowed in XML"),
        ("<a>\u{1}</a>", "character is not allowed in XML"), ("<a>\u{0}</a>", "character is not allowed in XML"),
        ("<a>\u{1F}</a>", "character is not allowed in XML"), ("<a b='\u{B}'/>", "character is not allowed in XML"),
        ("<a><![CDATA[\u{C}]]></a>", "character is not allowed in XML"),
        ("<a>\u{FFFE}</a>", "character is not allowed in XML"),
        ("<a b='\u{FFFF}'/>", "character is not allowed in XML"),
        ("<a>12345678\u{2}</a>", "character is not allowed in XML"),
        ("<a><!x></a>", "unknown markup"), ("<a><!-x></a>", "unknown markup"),
        ("<a><![cdata[x]]></a>", "unknown markup"),
        ("<a><!></a>", "unknown markup"),
        ("<a xmlns:p=''/>", "a prefix is undeclared"), ("<a xmlns:xmlns='urn:x'/>", "the prefix xmlns is declared"),
        ("<a xmlns:xml='urn:x'/>", "the prefix xml is bound to another namespace"),
        ("<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", "a reserved namespace is declared"),
        ("<a xmlns='http://www.w3.org/XML/1998/namespace'/>", "a reserved namespace is declared"),
        ("<a xmlns='http://www.w3.org/2000/xmlns/'/>", "a reserved namespace is declared"),
        ("<a xmlns:p='http://www.w3.org/2000/xmlns&#47;'/>", "a reserved namespace is declared"),
        ("<xmlns:a/>", "element name with the prefix xmlns"),
        ("hello", "character data between stanzas"), ("&lt;", "character data between stanzas"),
        ("<![CDATA[x]]>", "character data between stanzas"), ("<a/>x", "character data between stanzas"),
        ("</stream>", "end tag does not match"), ("</a>", "end tag does not match"),
        ("</stream:streams>", "end tag does not match"), ("</stream:stream x>", "end tag holds more than a name"),
        ("</stream:stream><a/>", "data after the end of the stream"),
    ]

    @Test("malformed elements are refused with the same reason however they are split", arguments: malformed)
    func refuses(_ stanza: String, _ reason: String) {
        let (transcript, isStable) = transcribeEveryWay(Array(stanza.utf8))
        #expect(transcript.fault == .notWellFormed(reason))
        #expect(isStable)
    }

    static let invalidUTF8: [[UInt8]] = [
        [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
        [0xE2, 0x28, 0xA1],
        [0xE2, 0x82, 0x28], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
        [0xF0, 0x90, 0x28, 0x80], [0xF0, 0x90, 0x80, 0x28], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE],
        [0xFF],
        [0xC3],
    ]

    @Test("invalid UTF-8 is refused in text, values, names and CDATA", arguments: invalidUTF8)
    func refusesInvalidUTF8(_ bytes: [UInt8]) {
        for (before, after) in [
            ("<a>", "</a>"), ("<a b='", "'/>"), ("<a", "/>"), ("<a><![CDATA[", "]]></a>"), ("<a ", "='1'/>"),
        ] {
            let (transcript, isStable) = transcribeEveryWay(Array(before.utf8) + bytes + Array(after.utf8))
            #expect(transcript.fault == .notWellFormed("invalid UTF-8"), "inside \(before)")
            #expect(isStable)
        }
    }

    static let restricted: [(String, String)] = [
        ("<a><!-- x --></a>", "comment"), ("<a><!--", "comment"), ("<a><?php x?></a>", "processing instruction"),
        ("<a><?", "processing instruction"), ("<a>&nbsp;</a>", "entity reference"),
        ("<a b='&foo;'/>", "entity reference"),
        ("<a>&ltx;</a>", "entity reference"), ("<a>&AMP;</a>", "entity reference"), ("<a>&é;</a>", "entity reference"),
        ("<a><!D", "document type declaration"), ("<!-- x -->", "comment"), ("<?x?>", "processing instruction"),
        ("<!DOCTYPE x>", "document type declaration"), ("<?xml version='1.0'?>", "processing instruction"),
    ]

    @Test("constructs that XMPP forbids are named as such", arguments: restricted)
    func restricts(_ stanza: String, _ what: String) {
        let (transcript, isStable) = transcribeEveryWay(Array(stanza.utf8))
        #expect(transcript.fault == .restricted(what))
        #expect(isStable)
    }

    @Test(
        "an unbound prefix is told apart from other errors",
        arguments: ["<p:a/>", "<a p:b='c'/>", "<a><b xmlns:p='urn:x'/><p:c/></a>", "<stream2:a/>", "<strea:a/>"])
    func unboundPrefix(_ stanza: String) {
        let (transcript, isStable) = transcribeEveryWay(Array(stanza.utf8))
        #expect(transcript.fault == .badNamespacePrefix)
        #expect(isStable)
    }

    @Test("a wrong byte is reported at once, before the tag or stanza is complete")
    func reportsEarly() {
        for stanza in [
            "<a></b", "<a b='<", "<a b c", "<a b='1'c", "<a>\u{1}", "<a>]]>", "<a><!-- ", "<a>&foo;", "<a:b:",
        ] {
            #expect(transcribe(Array(stanza.utf8), scanner: openScanner()).fault != nil, "\(stanza)")
        }
    }

    @Test("references longer than the scanner waits for are refused, complete or not")
    func longReferences() {
        let zeros = String(repeating: "0", count: 80)
        for stanza in ["<a>&#\(zeros)65;</a>", "<a>&#\(zeros)"] {
            let (transcript, isStable) = transcribeEveryWay(Array(stanza.utf8))
            #expect(transcript.fault == .notWellFormed("character reference is too long"))
            #expect(isStable)
        }
        let letters = String(repeating: "a", count: 80)
        for stanza in ["<a>&\(letters);</a>", "<a>&\(letters)"] {
            let (transcript, isStable) = transcribeEveryWay(Array(stanza.utf8))
            #expect(transcript.fault == .restricted("entity reference"))
            #expect(isStable)
        }
        #expect(transcribe(Array("<a>&#\(zeros.prefix(50))65;</a>".utf8), scanner: openScanner()).fault == nil)
    }
}
