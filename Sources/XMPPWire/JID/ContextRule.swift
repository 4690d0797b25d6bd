/// The contextual rules for CONTEXTJ and CONTEXTO code points (RFC 5892 appendix A), which PRECIS and IDNA2008 share.
enum ContextRule {
    /// Tells whether the contextual code point at `index` may stand there.
    ///
    /// - Returns: false also for a code point that has no rule.
    static func allows(at index: Int, in scalars: [Unicode.Scalar]) -> Bool {
        let before = index > 0 ? scalars[index - 1] : nil
        let after = index + 1 < scalars.count ? scalars[index + 1] : nil
        switch scalars[index].value {
        case 0x200C:  // ZERO WIDTH NON-JOINER, A.1
            return isVirama(before) || joinsAround(index, in: scalars)
        case 0x200D:  // ZERO WIDTH JOINER, A.2
            return isVirama(before)
        case 0x00B7:  // MIDDLE DOT, A.3: the Catalan l·l
            return before == "l" && after == "l"
        case 0x0375:  // GREEK LOWER NUMERAL SIGN, A.4
            return after.map(ScriptRanges.greek.contains) ?? false
        case 0x05F3, 0x05F4:  // HEBREW PUNCTUATION GERESH and GERSHAYIM, A.5 and A.6
            return before.map(ScriptRanges.hebrew.contains) ?? false
        case 0x30FB:  // KATAKANA MIDDLE DOT, A.7
            return scalars.contains(where: ScriptRanges.kanaOrHan.contains)
        case 0x0660...0x0669:  // ARABIC-INDIC DIGITS, A.8
            return !scalars.contains { (0x06F0...0x06F9).contains($0.value) }
        case 0x06F0...0x06F9:  // EXTENDED ARABIC-INDIC DIGITS, A.9
            return !scalars.contains { (0x0660...0x0669).contains($0.value) }
        default:
            return false
        }
    }

    private static func isVirama(_ scalar: Unicode.Scalar?) -> Bool {
        scalar?.properties.canonicalCombiningClass == .virama
    }

    /// (Joining_Type:{L,D})(Joining_Type:T)* ZWNJ (Joining_Type:T)*(Joining_Type:{R,D})
    private static func joinsAround(_ index: Int, in scalars: [Unicode.Scalar]) -> Bool {
        guard
            let before = scalars[..<index].last(where: { !isTransparent($0) }),
            let after = scalars[(index + 1)...].first(where: { !isTransparent($0) })
        else { return false }
        let dual = JoiningTypeRanges.dual
        return (dual.contains(before) || JoiningTypeRanges.left.contains(before))
            && (dual.contains(after) || JoiningTypeRanges.right.contains(after))
    }

    /// Joining_Type T. The format characters that have it too are never admitted, except those of the rules above,
    /// which do not have it.
    private static func isTransparent(_ scalar: Unicode.Scalar) -> Bool {
        let category = scalar.properties.generalCategory
        return category == .nonspacingMark || category == .enclosingMark || scalar.value == 0x1171E
            || scalar.value == 0x1E94B
    }
}

/// Scripts that the contextual rules ask for, by Unicode 17. Ranges run across unassigned code points.
enum ScriptRanges {
    static let greek = CodePointRanges([
        0x0370, 0x0373, 0x0375, 0x0377, 0x037A, 0x037D, 0x037F, 0x037F, 0x0384, 0x0384, 0x0386, 0x0386,
        0x0388, 0x03E1, 0x03F0, 0x03FF, 0x1D26, 0x1D2A, 0x1F00, 0x1FFE, 0xAB65, 0xAB65, 0x10140, 0x1018E,
        0x101A0, 0x101A0,
    ])

    static let hebrew = CodePointRanges([0x0591, 0x05F4, 0xFB1D, 0xFB4F])

    /// Hiragana, Katakana and Han, without the marks that several scripts use.
    static let kanaOrHan = CodePointRanges([
        0x2E80, 0x2EF2, 0x3005, 0x3005, 0x3007, 0x3007, 0x3021, 0x3029, 0x303B, 0x303B, 0x3041, 0x3096,
        0x309D, 0x309E, 0x30A1, 0x30FA, 0x30FD, 0x30FE, 0x31F0, 0x31FF, 0x3400, 0x4DBF, 0x4E00, 0x9FFF,
        0xF900, 0xFAD9, 0x16FE2, 0x16FE3, 0x16FF0, 0x16FF6, 0x1AFF0, 0x1AFFE, 0x1B000, 0x1B167, 0x20000, 0x33479,
    ])
}
