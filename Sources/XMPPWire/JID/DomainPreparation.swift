/// Domainparts: domain names of U-labels and letter-digit-hyphen labels, and IP literals (RFC 7622 §3.2).
///
/// Upper case, full-width forms and the ideographic full stop are mapped first (RFC 5895 §2), then every label must be
/// valid by IDNA2008 (RFC 5891 §4.2). An IPv4 address passes as a domain name and needs no rule of its own.
enum DomainPreparation {
    /// - Parameter text: 1 … ``JIDPreparation/maximumRawBytes`` bytes.
    static func prepare(_ text: String) throws(JIDError) -> String {
        if text.utf8.first == UInt8(ascii: "[") {
            guard let literal = IPv6Literal(bracketed: text) else { throw .invalidDomain(.invalidIPLiteral) }
            return literal.description
        }
        var scalars = Array(text.unicodeScalars)
        let isASCII = scalars.allSatisfy(\.isASCII)
        scalars = isASCII ? scalars.map(asciiLowercased) : mapped(scalars)
        var labels = scalars.split(separator: ".", omittingEmptySubsequences: false).map(Array.init)
        // One trailing dot is the root and is taken away.
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        var isBidi = false
        for index in labels.indices {
            labels[index] = try prepareLabel(labels[index])
            isBidi = isBidi || BidiRule.applies(to: labels[index])
        }
        // One right-to-left label makes every label of the name subject to the rule (RFC 5893 §2).
        if isBidi, !labels.allSatisfy(BidiRule.isKept) { throw .directionality(.domainpart) }
        return JIDPreparation.string(Array(labels.joined(separator: CollectionOfOne("."))))
    }

    // MARK: Mapping

    private static func asciiLowercased(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) + 0x20) : scalar
    }

    private static func mapped(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        let lower = scalars.flatMap { scalar -> [Unicode.Scalar] in
            let narrow = WidthMapping.map(scalar)
            if narrow.value == 0x3002 { return ["."] }
            // A valid code point is never mapped, not even a capital one, as in Cherokee.
            if narrow.isASCII || IDNAProperty(of: narrow) == .disallowed {
                return Array(narrow.properties.lowercaseMapping.unicodeScalars)
            }
            return [narrow]
        }
        return Normalization.composed(lower)
    }

    // MARK: Labels

    private static let prefix: [Unicode.Scalar] = ["x", "n", "-", "-"]
    private static let maximumLabelBytes = 63

    private static func prepareLabel(_ label: [Unicode.Scalar]) throws(JIDError) -> [Unicode.Scalar] {
        guard !label.isEmpty else { throw .invalidDomain(.emptyLabel) }
        guard label.allSatisfy(\.isASCII) else {
            try checkULabel(label)
            return label
        }
        guard label.count <= maximumLabelBytes else { throw .invalidDomain(.labelTooLong) }
        if let bad = label.first(where: { !isLDH($0) }) { throw .prohibitedCharacter(.domainpart, bad) }
        if label.starts(with: prefix) { return try decodeALabel(label) }
        try checkHyphens(label)
        return label
    }

    /// An A-label must be the one encoding of a valid U-label (RFC 5890 §2.3.2.1).
    private static func decodeALabel(_ label: [Unicode.Scalar]) throws(JIDError) -> [Unicode.Scalar] {
        let encoded = Array(label.dropFirst(prefix.count))
        guard
            let decoded = Punycode.decode(encoded),
            !decoded.allSatisfy(\.isASCII),
            Normalization.composed(decoded) == decoded,
            Punycode.encode(decoded) == encoded
        else { throw .invalidDomain(.invalidALabel) }
        try checkULabel(decoded)
        return decoded
    }

    private static func checkULabel(_ label: [Unicode.Scalar]) throws(JIDError) {
        // No valid U-label is longer than its A-label has places, and the encoder takes quadratic time.
        guard label.count <= maximumLabelBytes else { throw .invalidDomain(.labelTooLong) }
        try checkHyphens(label)
        if let first = label.first, isCombiningMark(first) { throw .invalidDomain(.leadingCombiningMark) }
        for (index, scalar) in label.enumerated() {
            switch IDNAProperty(of: scalar) {
            case .valid: continue
            case .contextual where ContextRule.allows(at: index, in: label): continue
            default: throw .prohibitedCharacter(.domainpart, scalar)
            }
        }
        guard let encoded = Punycode.encode(label), encoded.count + prefix.count <= maximumLabelBytes else {
            throw .invalidDomain(.labelTooLong)
        }
    }

    private static func checkHyphens(_ label: [Unicode.Scalar]) throws(JIDError) {
        if label.first == "-" || label.last == "-" { throw .invalidDomain(.hyphenAtEdge) }
        if label.count >= 4, label[2] == "-", label[3] == "-" { throw .invalidDomain(.hyphensInThirdAndFourth) }
    }

    private static func isLDH(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "0"..."9", "-": true
        default: false
        }
    }

    private static func isCombiningMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }
}

/// What IDNA2008 derives for one code point (RFC 5892 §3). Unassigned counts as disallowed: both are refused.
enum IDNAProperty {
    case valid, contextual, disallowed

    init(of scalar: Unicode.Scalar) {
        let value = scalar.value
        if value < 0x80 {
            switch scalar {
            case "a"..."z", "0"..."9", "-": self = .valid
            default: self = .disallowed
            }
            return
        }
        switch DerivedProperty.exception(value) {
        case .valid: self = .valid
        case .contextual: self = .contextual
        case .disallowed, .validInFreeform: self = .disallowed
        case nil: self = Self.unexceptional(scalar)
        }
    }

    private static func unexceptional(_ scalar: Unicode.Scalar) -> IDNAProperty {
        let properties = scalar.properties
        if properties.isJoinControl { return .contextual }
        // Unstable, IgnorableProperties and IgnorableBlocks (RFC 5892 §2.2 … §2.4).
        if properties.changesWhenNFKCCaseFolded || properties.isDefaultIgnorableCodePoint
            || properties.isWhitespace || properties.isNoncharacterCodePoint
        {
            return .disallowed
        }
        switch scalar.value {
        case 0x20D0...0x20FF, 0x1D100...0x1D24F: return .disallowed
        default: break
        }
        if DerivedProperty.isOldHangulJamo(scalar.value) { return .disallowed }
        switch properties.generalCategory {
        case .lowercaseLetter, .uppercaseLetter, .otherLetter, .decimalNumber, .modifierLetter, .nonspacingMark,
            .spacingMark:
            return .valid
        default:
            return .disallowed
        }
    }
}
