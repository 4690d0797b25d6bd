import Testing

@testable import XMPPWire

@Suite("Normalization form C")
struct NormalizationTests {
    private func composed(_ text: String) -> String {
        JIDPreparation.string(Normalization.composed(Array(text.unicodeScalars)))
    }

    @Test(
        "sequences come out composed and in canonical order",
        arguments: [
            ("e\u{301}", "\u{E9}"), ("\u{E9}", "\u{E9}"), ("a\u{328}\u{301}", "\u{105}\u{301}"),
            ("a\u{301}\u{328}", "\u{105}\u{301}"), ("\u{1EAF}", "\u{1EAF}"), ("a\u{306}\u{301}", "\u{1EAF}"),
            ("\u{103}\u{301}", "\u{1EAF}"), ("\u{212B}", "\u{C5}"), ("\u{2126}", "\u{3A9}"), ("\u{F900}", "\u{8C48}"),
            ("\u{958}", "\u{915}\u{93C}"), ("\u{FB2C}", "\u{5E9}\u{5BC}\u{5C1}"), ("\u{344}", "\u{308}\u{301}"),
            ("\u{1112}\u{1161}\u{11AB}", "\u{D55C}"), ("\u{D558}\u{11AB}", "\u{D55C}"), ("\u{D55C}", "\u{D55C}"),
            ("\u{D55C}\u{11AB}", "\u{D55C}\u{11AB}"), ("\u{1113}\u{116E}", "\u{1113}\u{116E}"),
            ("\u{1111}\u{1176}", "\u{1111}\u{1176}"), ("\u{CCA}\u{CD5}", "\u{CCB}"), ("\u{105D2}\u{307}", "\u{105C9}"),
            ("\u{301}", "\u{301}"), ("", ""), ("\u{B47}\u{300}\u{B3E}", "\u{B47}\u{300}\u{B3E}"),
            ("a\u{304}\u{1DFA}\u{327}", "\u{101}\u{327}\u{1DFA}"),
            ("\u{1100}\u{300}\u{1161}", "\u{1100}\u{300}\u{1161}"),
            ("q\u{307}\u{323}", "q\u{323}\u{307}"), ("\u{1E0B}\u{323}", "\u{1E0D}\u{307}"), ("\u{FB01}", "\u{FB01}"),
        ])
    func sequence(text: String, expected: String) {
        #expect(composed(text).unicodeScalars.elementsEqual(expected.unicodeScalars))
    }

    @Test("every composite of the table is made of its parts and left alone when it is there")
    func table() {
        let table = CanonicalPairs.all
        #expect(table.count.isMultiple(of: 3))
        for row in stride(from: 0, to: table.count, by: 3) {
            let scalars = table[row..<row + 3].compactMap(Unicode.Scalar.init)
            #expect(Normalization.composed([scalars[1], scalars[2]]) == [scalars[0]])
            #expect(Normalization.composed([scalars[0]]) == [scalars[0]])
        }
    }

    /// Comparing strings is canonical equivalence in the standard library, which has data of its own.
    @Test("the result is canonically equivalent to the text, and normalizing it again changes nothing")
    func equivalence() {
        var generator = SplitMix(state: 5)
        let blocks: [ClosedRange<UInt32>] = [
            0x41...0x17F, 0x300...0x36F, 0x1E00...0x1FFE, 0x5B0...0x5EA, 0x900...0xDFF, 0x1100...0x11FF,
            0xAC00...0xAC80,
            0xF900...0xFAFF, 0x3041...0x30FF, 0x11080...0x11340, 0x1D150...0x1D1D0,
        ]
        for _ in 0..<3_000 {
            let scalars = (0..<5).compactMap { _ in
                blocks.randomElement(using: &generator)
                    .flatMap { Unicode.Scalar(UInt32.random(in: $0, using: &generator)) }
            }
            let once = Normalization.composed(scalars)
            #expect(JIDPreparation.string(once) == JIDPreparation.string(scalars))
            #expect(Normalization.composed(once) == once)
        }
    }
}
