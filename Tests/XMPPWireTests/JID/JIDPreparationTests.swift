import Testing

@testable import XMPPWire

@Suite("Preparation of localparts, resourceparts and passwords")
struct JIDPreparationTests {
    @Test(
        "localparts are narrowed, lowered and composed",
        arguments: [
            ("Juliet", "juliet"), ("\u{FF2A}\u{FF35}", "ju"), ("e\u{301}", "\u{E9}"), ("E\u{301}", "\u{E9}"),
            ("\u{FF76}\u{FF9E}", "\u{30AC}"), ("\u{391}\u{3A3}", "\u{3B1}\u{3C3}"), ("\u{130}", "i\u{307}"),
            ("\u{1E9E}", "\u{DF}"), ("\u{13A0}", "\u{AB70}"), ("user.name+tag", "user.name+tag"),
            ("\u{4E2D}", "\u{4E2D}"),
            ("\u{1112}\u{1161}", ""),
        ])
    func localpart(text: String, expected: String) {
        #expect((try? JIDPreparation.localpart(text)) == (expected.isEmpty ? nil : expected))
    }

    @Test(
        "localparts refuse what IdentifierClass and RFC 7622 exclude",
        arguments: [
            "a b", "a\"", "a&b", "a'b", "a/b", "a:b", "a<b", "a>b", "a@b", "a\u{FF20}b", "a\u{7F}", "\u{2163}",
            "\u{265A}", "\u{212A}", "\u{2126}", "\u{FB01}", "\u{A0}", "a\u{200B}", "a\u{AD}", "\u{1F600}", "\u{2460}",
            "\u{1C5}", "\u{2160}", "\u{E000}", "\u{378}", "\u{640}", "\u{1100}", "\u{20AC}", "\u{2014}",
        ])
    func refusedLocalpart(text: String) throws {
        let bad = try #require(text.unicodeScalars.map(WidthMapping.map).last { !"ab".unicodeScalars.contains($0) })
        #expect(throws: JIDError.prohibitedCharacter(.localpart, bad)) { try JIDPreparation.localpart(text) }
    }

    @Test("localparts keep the Bidi rule when they have a right-to-left character")
    func directionality() throws {
        let hebrew = "\u{5E9}\u{5DC}\u{5D5}\u{5DD}"
        #expect(try JIDPreparation.localpart(hebrew) == hebrew)
        #expect(try JIDPreparation.localpart(hebrew + "1") == hebrew + "1")
        #expect(throws: JIDError.directionality(.localpart)) { try JIDPreparation.localpart("a" + hebrew) }
        #expect(throws: JIDError.directionality(.localpart)) { try JIDPreparation.localpart(hebrew + "a") }
        #expect(throws: JIDError.directionality(.localpart)) { try JIDPreparation.localpart("1" + hebrew) }
        #expect(throws: JIDError.directionality(.localpart)) { try JIDPreparation.localpart(hebrew + "!") }
    }

    @Test("the contextual rules hold in localparts after case mapping")
    func contextInLocalpart() throws {
        #expect(try JIDPreparation.localpart("COL\u{B7}LECCI\u{D3}") == "col\u{B7}lecci\u{F3}")
        #expect(throws: JIDError.prohibitedCharacter(.localpart, "\u{B7}")) {
            try JIDPreparation.localpart("a\u{B7}l")
        }
    }

    @Test(
        "resourceparts keep case and width, and turn other spaces into U+0020",
        arguments: [
            ("Home", "Home"), ("\u{FF2A}", "\u{FF2A}"), ("a\u{3000}b", "a b"), ("a\u{2003}b\u{E9}", "a b\u{E9}"),
            ("e\u{301}", "\u{E9}"), ("\u{265A}", "\u{265A}"), ("\u{2163}", "\u{2163}"), (" x ", " x "),
            ("\u{1F600}", "\u{1F600}"), ("\u{1C5}", "\u{1C5}"), ("a\u{5D0}1", "a\u{5D0}1"),
        ])
    func resourcepart(text: String, expected: String) throws {
        #expect(try JIDPreparation.resourcepart(text).unicodeScalars.elementsEqual(expected.unicodeScalars))
    }

    @Test(
        "resourceparts refuse controls, ignorables, private use and unassigned code points",
        arguments: [
            "a\tb", "a\u{0}", "a\u{7F}", "a\u{85}", "a\u{200B}b", "a\u{FEFF}", "a\u{FE0F}", "\u{E000}",
            "\u{378}", "\u{1100}", "a\u{200D}b", "a\u{2028}",
        ])
    func refusedResourcepart(text: String) throws {
        let bad = try #require(text.unicodeScalars.first { !"ab".unicodeScalars.contains($0) })
        #expect(throws: JIDError.prohibitedCharacter(.resourcepart, bad)) { try JIDPreparation.resourcepart(text) }
    }

    @Test("noncharacters are refused everywhere")
    func noncharacters() throws {
        for value: UInt32 in [0xFDD0, 0xFFFE, 0x10FFFF] {
            let scalar = try #require(Unicode.Scalar(value))
            let text = String(scalar)
            #expect(throws: JIDError.prohibitedCharacter(.localpart, scalar)) { try JIDPreparation.localpart(text) }
            #expect(throws: JIDError.prohibitedCharacter(.resourcepart, scalar)) {
                try JIDPreparation.resourcepart(text)
            }
            #expect(throws: JIDError.prohibitedCharacter(.domainpart, scalar)) { try JIDPreparation.domainpart(text) }
        }
    }

    /// RFC 8265 §4.3.
    @Test("the password examples of RFC 8265 are enforced")
    func passwords() throws {
        #expect(try JIDPreparation.password("correct horse battery staple") == "correct horse battery staple")
        #expect(try JIDPreparation.password("Correct Horse Battery Staple") == "Correct Horse Battery Staple")
        #expect(try JIDPreparation.password("\u{3C0}\u{DF}\u{E5}") == "\u{3C0}\u{DF}\u{E5}")
        #expect(try JIDPreparation.password("Jack of \u{2666}s") == "Jack of \u{2666}s")
        #expect(try JIDPreparation.password("foo\u{1680}bar") == "foo bar")
        #expect(throws: JIDError.empty(.password)) { try JIDPreparation.password("") }
        #expect(throws: JIDError.prohibitedCharacter(.password, "\u{9}")) {
            try JIDPreparation.password("my cat is a \u{9}by")
        }
    }

    @Test("preparing what was prepared changes nothing, for letters all over Unicode")
    func idempotence() throws {
        var generator = SplitMix(state: 3)
        var accepted = 0
        for _ in 0..<2_000 {
            var scalars = String.UnicodeScalarView()
            for _ in 0..<3 {
                let limit: UInt32 = Bool.random(using: &generator) ? 0x600 : 0x3000
                if let scalar = Unicode.Scalar(UInt32.random(in: 0x21..<limit, using: &generator)) {
                    scalars.append(scalar)
                }
            }
            guard let once = try? JIDPreparation.localpart(String(scalars)) else { continue }
            accepted += 1
            #expect(try JIDPreparation.localpart(once).unicodeScalars.elementsEqual(once.unicodeScalars))
        }
        #expect(accepted > 100)
    }
}

@Suite("PRECIS and IDNA tables")
struct DerivedPropertyTests {
    @Test(
        "code points have the property that RFC 8264 derives",
        arguments: [
            ("a", DerivedProperty.valid), (" ", .validInFreeform), ("\u{E9}", .valid), ("\u{C9}", .valid),
            ("\u{DF}", .valid), ("\u{3C2}", .valid), ("\u{3007}", .valid), ("\u{B7}", .contextual),
            ("\u{200C}", .contextual), ("\u{200D}", .contextual), ("\u{640}", .disallowed), ("\u{303B}", .disallowed),
            ("\u{1100}", .disallowed), ("\u{AC00}", .valid), ("\u{AD}", .disallowed), ("\u{7F}", .disallowed),
            ("\u{FB01}", .validInFreeform), ("\u{2163}", .validInFreeform), ("\u{1C5}", .validInFreeform),
            ("\u{265A}", .validInFreeform), ("\u{488}", .validInFreeform), ("\u{2014}", .validInFreeform),
            ("\u{E000}", .disallowed), ("\u{378}", .disallowed), ("\u{2126}", .validInFreeform),
            ("\u{3041}", .valid), ("\u{1D400}", .validInFreeform), ("\u{16FE0}", .valid),
        ] as [(Unicode.Scalar, DerivedProperty)])
    func derived(scalar: Unicode.Scalar, expected: DerivedProperty) {
        #expect(DerivedProperty(of: scalar) == expected)
    }

    @Test("ranges answer at both ends and just outside")
    func ranges() {
        let ranges = CodePointRanges([0x41, 0x43, 0x61, 0x61])
        #expect(["A", "B", "C", "a"].allSatisfy(ranges.contains))
        #expect(!["@", "D", "`", "b", "\u{10FFFF}"].contains(where: ranges.contains))
        #expect(!CodePointRanges([]).contains("a"))
    }

    @Test(
        "the contextual rules of RFC 5892",
        arguments: [
            ("l\u{B7}l", 1, true), ("l\u{B7}", 1, false), ("\u{B7}l", 0, false), ("l\u{B7}a", 1, false),
            ("\u{375}\u{3B1}", 0, true), ("\u{375}a", 0, false), ("\u{375}", 0, false),
            ("\u{5D0}\u{5F3}", 1, true), ("a\u{5F3}", 1, false), ("\u{5F4}", 0, false), ("\u{5D0}\u{5F4}", 1, true),
            ("\u{30FB}", 0, false), ("a\u{30FB}b", 1, false), ("\u{30FB}\u{3042}", 0, true),
            ("\u{4E2D}\u{30FB}", 1, true),
            ("\u{660}\u{661}", 0, true), ("\u{660}\u{6F1}", 0, false), ("\u{6F0}\u{661}", 0, false),
            ("\u{6F0}", 0, true),
            ("\u{915}\u{94D}\u{200D}\u{937}", 2, true), ("\u{915}\u{200D}", 1, false), ("\u{200D}", 0, false),
            ("\u{915}\u{94D}\u{200C}\u{937}", 2, true), ("\u{628}\u{200C}\u{628}", 1, true),
            ("\u{628}\u{64E}\u{200C}\u{64E}\u{627}", 2, true), ("\u{627}\u{200C}\u{628}", 1, false),
            ("\u{628}\u{200C}a", 1, false), ("\u{628}\u{200C}", 1, false), ("\u{200C}\u{628}", 0, false),
            ("a", 0, false),
        ])
    func context(text: String, index: Int, expected: Bool) {
        #expect(ContextRule.allows(at: index, in: Array(text.unicodeScalars)) == expected)
    }

    @Test(
        "the Bidi rule of RFC 5893",
        arguments: [
            ("abc", true), ("abc1", true), ("abc-", false), ("1abc", false), ("", false), ("\u{301}a", false),
            ("\u{5D0}", true), ("\u{5D0}\u{5B0}", true), ("\u{5D0}1", true), ("\u{5D0}\u{661}", true),
            ("\u{5D0}1\u{661}", false), ("\u{5D0}a", false), ("a\u{5D0}", false), ("\u{5D0}-", false),
            ("\u{5D0}-\u{5D1}", true), ("\u{627}\u{6F1}", true), ("\u{661}\u{627}", false), ("\u{7D0}\u{7C0}", true),
            ("\u{10800}", true), ("a\u{661}", false),
        ])
    func bidi(text: String, expected: Bool) {
        #expect(BidiRule.isKept(by: Array(text.unicodeScalars)) == expected)
    }

    @Test("the Bidi rule applies from the first right-to-left character or Arabic number on")
    func bidiApplies() {
        #expect(!BidiRule.applies(to: Array("abc\u{E9}-1\u{4E2D}".unicodeScalars)))
        #expect(BidiRule.applies(to: Array("a\u{5D0}".unicodeScalars)))
        #expect(BidiRule.applies(to: Array("a\u{661}".unicodeScalars)))
        #expect(!BidiRule.applies(to: Array("a\u{6F1}".unicodeScalars)))
    }
}
