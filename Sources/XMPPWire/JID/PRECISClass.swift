/// The two string classes of PRECIS (RFC 8264 §4).
enum PRECISClass {
    /// Letters, digits and visible ASCII: for localparts.
    case identifier
    /// Also spaces, symbols, punctuation and compatibility characters: for resourceparts and passwords.
    case freeform

    /// Checks every code point against the derived property (RFC 8264 §8) and the contextual rules.
    ///
    /// - Returns: the first code point that the class does not allow, or nil.
    func firstDisallowed(in scalars: [Unicode.Scalar]) -> Unicode.Scalar? {
        for (index, scalar) in scalars.enumerated() {
            switch DerivedProperty(of: scalar) {
            case .valid:
                continue
            case .validInFreeform:
                if self == .identifier { return scalar }
            case .contextual:
                if !ContextRule.allows(at: index, in: scalars) { return scalar }
            case .disallowed:
                return scalar
            }
        }
        return nil
    }
}

/// What RFC 8264 §8 derives for one code point. Unassigned counts as disallowed: both are refused.
enum DerivedProperty: Equatable {
    /// PVALID
    case valid
    /// ID_DIS or FREE_PVAL
    case validInFreeform
    /// CONTEXTJ or CONTEXTO
    case contextual
    /// DISALLOWED or UNASSIGNED
    case disallowed

    /// The tests stand in the order of RFC 8264 §8, after a shortcut for ASCII, which gives the same answer.
    init(of scalar: Unicode.Scalar) {
        let value = scalar.value
        if value < 0x80 {
            self = value == 0x20 ? .validInFreeform : (0x21...0x7E).contains(value) ? .valid : .disallowed
            return
        }
        if let exception = Self.exception(value) {
            self = exception
            return
        }
        let properties = scalar.properties
        let category = properties.generalCategory
        if category == .unassigned {
            self = .disallowed
        } else if properties.isJoinControl {
            self = .contextual
        } else if Self.isOldHangulJamo(value) || properties.isDefaultIgnorableCodePoint
            || properties.isNoncharacterCodePoint || category == .control
        {
            self = .disallowed
        } else if CompatibilityRanges.all.contains(scalar) {
            self = .validInFreeform
        } else {
            self = Self.byCategory(category)
        }
    }

    private static func byCategory(_ category: Unicode.GeneralCategory) -> DerivedProperty {
        switch category {
        case .lowercaseLetter, .uppercaseLetter, .otherLetter, .decimalNumber, .modifierLetter, .nonspacingMark,
            .spacingMark:
            .valid
        case .titlecaseLetter, .letterNumber, .otherNumber, .enclosingMark, .spaceSeparator, .mathSymbol,
            .currencySymbol, .modifierSymbol, .otherSymbol, .connectorPunctuation, .dashPunctuation,
            .openPunctuation, .closePunctuation, .initialPunctuation, .finalPunctuation, .otherPunctuation:
            .validInFreeform
        default:
            .disallowed
        }
    }

    /// Exceptions (RFC 8264 §9.6), the same code points as in IDNA2008 (RFC 5892 §2.6).
    static func exception(_ value: UInt32) -> DerivedProperty? {
        switch value {
        case 0x00DF, 0x03C2, 0x06FD, 0x06FE, 0x0F0B, 0x3007: .valid
        case 0x00B7, 0x0375, 0x05F3, 0x05F4, 0x30FB, 0x0660...0x0669, 0x06F0...0x06F9: .contextual
        case 0x0640, 0x07FA, 0x302E, 0x302F, 0x3031...0x3035, 0x303B: .disallowed
        default: nil
        }
    }

    /// OldHangulJamo (RFC 8264 §9.9): conjoining jamo, Hangul_Syllable_Type L, V or T.
    static func isOldHangulJamo(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x11FF, 0xA960...0xA97C, 0xD7B0...0xD7C6, 0xD7CB...0xD7FB: true
        default: false
        }
    }
}
