/// The Bidi rule for labels and usernames (RFC 5893 §2).
enum BidiRule {
    /// Bidi classes as far as the rule tells them apart.
    private enum Class {
        case left, right, arabicNumber, europeanNumber, neutral, mark
    }

    /// True when the text has a character of class R, AL or AN, so that the rule applies (RFC 5893 §1.4).
    static func applies(to scalars: [Unicode.Scalar]) -> Bool {
        scalars.contains { scalar in
            guard scalar.value >= 0x0590 else { return false }
            let found = bidiClass(scalar)
            return found == .right || found == .arabicNumber
        }
    }

    /// Tells whether one label or username keeps all six conditions.
    ///
    /// - Parameter scalars: not empty; an empty text breaks the rule.
    static func isKept(by scalars: [Unicode.Scalar]) -> Bool {
        let classes = scalars.map(bidiClass)
        guard let first = classes.first, let last = classes.last(where: { $0 != .mark }) else { return false }
        switch first {
        case .right:
            let mixesDigits = classes.contains(.arabicNumber) && classes.contains(.europeanNumber)
            return !classes.contains(.left) && last != .neutral && !mixesDigits
        case .left:
            return !classes.contains(.right) && !classes.contains(.arabicNumber)
                && (last == .left || last == .europeanNumber)
        default:
            return false
        }
    }

    private static func bidiClass(_ scalar: Unicode.Scalar) -> Class {
        switch scalar.value {
        case 0x0CBF, 0x0CC6, 0x11A07, 0x11A08, 0x11C3F:
            return .left  // marks by category, yet L by bidi class
        case 0x1171E:
            return .mark  // spacing by category, yet NSM by bidi class
        default:
            break
        }
        if BidiClassRanges.europeanNumber.contains(scalar) { return .europeanNumber }
        if BidiClassRanges.neutral.contains(scalar) { return .neutral }
        let category = scalar.properties.generalCategory
        if category == .nonspacingMark || category == .enclosingMark { return .mark }
        if BidiClassRanges.arabicNumber.contains(scalar) { return .arabicNumber }
        if BidiClassRanges.right.contains(scalar) || BidiClassRanges.arabicLetter.contains(scalar) { return .right }
        return .left
    }
}
