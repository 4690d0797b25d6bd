import Testing

@testable import XMPPWire

@Suite("Domainparts")
struct DomainpartTests {
    @Test(
        "domain names come out as lower case U-labels without trailing dot",
        arguments: [
            ("Example.COM", "example.com"), ("example.com.", "example.com"), ("localhost", "localhost"),
            ("127.0.0.1", "127.0.0.1"), ("B\u{DC}CHER.example", "b\u{FC}cher.example"),
            ("xn--bcher-kva.example", "b\u{FC}cher.example"), ("XN--Bcher-KVA.example", "b\u{FC}cher.example"),
            ("bu\u{308}cher.example", "b\u{FC}cher.example"), ("fa\u{DF}.de", "fa\u{DF}.de"),
            ("xn--fa-hia.de", "fa\u{DF}.de"), ("\u{FF45}xample\u{3002}com", "example.com"),
            ("\u{4F8B}\u{3048}.\u{30C6}\u{30B9}\u{30C8}", "\u{4F8B}\u{3048}.\u{30C6}\u{30B9}\u{30C8}"),
            ("xn--r8jz45g.xn--zckzah", "\u{4F8B}\u{3048}.\u{30C6}\u{30B9}\u{30C8}"), ("1.2.3.999", "1.2.3.999"),
            ("\u{1112}\u{1161}\u{11AB}.example", "\u{D55C}.example"), ("\u{D558}\u{11AB}.example", "\u{D55C}.example"),
            ("\u{5D0}\u{5D1}.example", "\u{5D0}\u{5D1}.example"), ("\u{13A0}.example", "\u{13A0}.example"),
        ])
    func prepared(text: String, expected: String) throws {
        #expect(try JIDPreparation.domainpart(text).unicodeScalars.elementsEqual(expected.unicodeScalars))
        #expect(try JIDPreparation.domainpart(expected) == expected)
    }

    @Test(
        "malformed labels are refused with the defect named",
        arguments: [
            (".", DomainDefect.emptyLabel), ("a..b", .emptyLabel), (".a", .emptyLabel), ("a..", .emptyLabel),
            ("-a.b", .hyphenAtEdge), ("a-.b", .hyphenAtEdge), ("\u{E9}-.b", .hyphenAtEdge), ("-", .hyphenAtEdge),
            ("ab--c.d", .hyphensInThirdAndFourth), ("\u{E9}b--c.d", .hyphensInThirdAndFourth),
            ("\u{301}a.b", .leadingCombiningMark), ("xn--", .invalidALabel), ("xn---a", .invalidALabel),
            ("xn--abc-", .invalidALabel), ("xn--99999999999999", .invalidALabel), ("xn--bcher-KVA9", .invalidALabel),
            (String(repeating: "a", count: 64), .labelTooLong),
            ("xn--" + String(repeating: "a", count: 60), .labelTooLong),
            (String(repeating: "\u{E9}", count: 64), .labelTooLong),
            ("\u{E9}" + String(repeating: "a", count: 57), .labelTooLong),
        ])
    func malformed(text: String, defect: DomainDefect) {
        #expect(throws: JIDError.invalidDomain(defect)) { try JIDPreparation.domainpart(text) }
    }

    @Test(
        "code points outside IDNA2008 are refused",
        arguments: [
            ("a_b.example", "_"), ("a b.example", " "), ("a:5222", ":"), ("\u{2665}.example", "\u{2665}"),
            ("a\u{E9}!.example", "!"), ("caf\u{E9}\u{200B}.example", "\u{200B}"), ("\u{FB01}.example", "\u{FB01}"),
            ("a\u{B7}b.example", "\u{B7}"), ("\u{E000}.example", "\u{E000}"),
            ("\u{1111}\u{1176}.example", "\u{1111}"), ("\u{1113}\u{116E}.example", "\u{1113}"),
            ("\u{D55C}\u{11AB}.example", "\u{11AB}"), ("\u{1F600}.example", "\u{1F600}"),
        ] as [(String, Unicode.Scalar)])
    func prohibited(text: String, scalar: Unicode.Scalar) {
        #expect(throws: JIDError.prohibitedCharacter(.domainpart, scalar)) { try JIDPreparation.domainpart(text) }
    }

    @Test("an A-label whose U-label is not valid is refused")
    func invalidInsideALabel() {
        // U+2665 BLACK HEART SUIT, and a capital u with diaeresis.
        #expect(throws: JIDError.prohibitedCharacter(.domainpart, "\u{2665}")) {
            try JIDPreparation.domainpart("xn--g6h.example")
        }
        #expect(throws: JIDError.self) { try JIDPreparation.domainpart("xn--bcher-hqa.example") }
    }

    @Test("the longest U-label has 63 bytes in its ASCII form")
    func longestLabel() throws {
        let label = "\u{E9}" + String(repeating: "a", count: 56 - 3)
        let encoded = try #require(Punycode.encode(Array(label.unicodeScalars)))
        #expect(encoded.count + 4 <= 63)
        #expect(try JIDPreparation.domainpart(label) == label)
    }

    @Test("one right-to-left label makes the Bidi rule bind every label")
    func bidiDomain() throws {
        #expect(throws: JIDError.directionality(.domainpart)) { try JIDPreparation.domainpart("\u{5D0}a.example") }
        #expect(throws: JIDError.directionality(.domainpart)) { try JIDPreparation.domainpart("1a.\u{5D0}") }
        #expect(try JIDPreparation.domainpart("1a.example") == "1a.example")
    }

    @Test(
        "IPv6 literals come out in the text of RFC 5952",
        arguments: [
            ("[::1]", "[::1]"), ("[::]", "[::]"), ("[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]"), ("[1::]", "[1::]"),
            ("[2001:db8:0:1:1:1:1:1]", "[2001:db8:0:1:1:1:1:1]"), ("[2001:0:0:1:0:0:0:1]", "[2001:0:0:1::1]"),
            ("[::ffff:192.0.2.1]", "[::ffff:c000:201]"), ("[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7:0]"),
            ("[1:2:3:4:5:6:192.0.2.1]", "[1:2:3:4:5:6:c000:201]"), ("[2001:db8::1:0:0:1]", "[2001:db8::1:0:0:1]"),
        ])
    func literal(text: String, expected: String) throws {
        #expect(try JIDPreparation.domainpart(text) == expected)
    }

    @Test(
        "malformed IP literals are refused",
        arguments: [
            "[", "[]", "[1]", "[:1]", "[1:]", "[:::]", "[1::2::3]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]",
            "[1:2:3:4:5:6:7:8::]", "[12345::]", "[g::]", "[::1%eth0]", "[::256.0.0.1]", "[::1.2.3]", "[::01.2.3.4]",
            "[1.2.3.4::]", "[127.0.0.1]", "[::1", "[::1].example", "[v1.fe80::a]", "[::1.2.3.4:5]", "[::\u{E9}]",
        ])
    func malformedLiteral(text: String) {
        #expect(throws: JIDError.invalidDomain(.invalidIPLiteral)) { try JIDPreparation.domainpart(text) }
    }
}

@Suite("Punycode")
struct PunycodeTests {
    /// RFC 3492 §7.1, and labels in common use.
    static let samples: [(String, String)] = [
        (
            "\u{644}\u{64A}\u{647}\u{645}\u{627}\u{628}\u{62A}\u{643}\u{644}\u{645}\u{648}"
                + "\u{634}\u{639}\u{631}\u{628}\u{64A}\u{61F}",
            "egbpdaj6bu4bxfgehfvwxn"
        ),
        ("\u{4ED6}\u{4EEC}\u{4E3A}\u{4EC0}\u{4E48}\u{4E0D}\u{8BF4}\u{4E2D}\u{6587}", "ihqwcrb4cv8a8dqg056pqjye"),
        ("\u{5B89}\u{5BA4}\u{5948}\u{7F8E}\u{6075}-with-super-monkeys", "-with-super-monkeys-pc58ag80a8qai00g7n9n"),
        ("\u{305D}\u{306E}\u{30B9}\u{30D4}\u{30FC}\u{30C9}\u{3067}", "d9juau41awczczp"),
        ("b\u{FC}cher", "bcher-kva"),
        ("fa\u{DF}", "fa-hia"),
        ("\u{E9}", "9ca"),
        ("abc", "abc-"),
    ]

    @Test("the samples of RFC 3492 are encoded and decoded", arguments: samples)
    func sample(plain: String, encoded: String) {
        #expect(Punycode.encode(Array(plain.unicodeScalars)).map(JIDPreparation.string) == encoded)
        #expect(Punycode.decode(Array(encoded.unicodeScalars)).map(JIDPreparation.string) == plain)
    }

    @Test(
        "text that is not Punycode decodes to nothing",
        arguments: ["9", "-a", "-", "99999999", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz9", "a-!", "A", "\u{E9}", "ls="])
    func malformed(text: String) {
        #expect(Punycode.decode(Array(text.unicodeScalars)) == nil)
    }

    @Test("any ASCII decodes to something or nothing, and what decodes encodes to the same")
    func arbitrary() {
        var generator = SplitMix(state: 11)
        let alphabet = Array("abcxyz0189-".unicodeScalars)
        var decodedCount = 0
        for _ in 0..<5_000 {
            let text = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            }
            guard let decoded = Punycode.decode(text), !decoded.contains(where: \.isASCII), !decoded.isEmpty else {
                continue
            }
            decodedCount += 1
            #expect(Punycode.encode(decoded) == text)
        }
        #expect(decodedCount > 10)
    }
}
