/// Preparation and enforcement of the parts of an address (RFC 7622 §3) and of passwords (RFC 8265 §4).
///
/// ASCII is answered without tables. Everything else goes through the PRECIS profiles with the Unicode version of the
/// standard library.
public enum JIDPreparation {
    /// Longest prepared part, in bytes of UTF-8 (RFC 7622 §3.1).
    public static let maximumPartBytes = 1023

    /// Longest text that is prepared at all: full-width letters shrink to a third.
    static let maximumRawBytes = 3 * maximumPartBytes

    /// UsernameCaseMapped (RFC 8265 §3.3) without the characters that RFC 7622 §3.3.1 excludes.
    ///
    /// Lower case is taken without regard to neighbours: a capital sigma becomes σ also at the end of a word.
    public static func localpart(_ text: String) throws(JIDError) -> String {
        try checkRaw(text, .localpart)
        if isASCII(text) { return try asciiLocalpart(text) }
        var scalars = text.unicodeScalars.map(WidthMapping.map)
        if let bad = scalars.first(where: { !isIdentifier($0) }) {
            throw .prohibitedCharacter(.localpart, bad)
        }
        // The profile is applied until it changes nothing, at most four times (RFC 8265 §3.3.2, RFC 8264 §7).
        var isStable = false
        for _ in 0..<4 where !isStable {
            let next = Normalization.composed(lowercased(scalars.map(WidthMapping.map)))
            isStable = next == scalars
            scalars = next
        }
        guard isStable else { throw .unstable(.localpart) }
        if let bad = PRECISClass.identifier.firstDisallowed(in: scalars) ?? scalars.first(where: isExcluded) {
            throw .prohibitedCharacter(.localpart, bad)
        }
        if BidiRule.applies(to: scalars), !BidiRule.isKept(by: scalars) {
            throw .directionality(.localpart)
        }
        return try checkPrepared(scalars, .localpart)
    }

    /// OpaqueString (RFC 8265 §4.2), as RFC 7622 §3.4 uses it.
    ///
    /// Leading and trailing spaces stay: example 18 of RFC 7622 §3.5 is wrong, says erratum 4560.
    public static func resourcepart(_ text: String) throws(JIDError) -> String {
        try opaque(text, .resourcepart)
    }

    /// OpaqueString (RFC 8265 §4.2) for a password, with the same bounds as a part of an address.
    public static func password(_ text: String) throws(JIDError) -> String {
        try opaque(text, .password)
    }

    /// Lower case U-labels without trailing dot, or an IP literal (RFC 7622 §3.2).
    ///
    /// - Throws: ``JIDError`` when a label is not valid by IDNA2008 (RFC 5891 §4.2), or an IP literal is malformed.
    public static func domainpart(_ text: String) throws(JIDError) -> String {
        try checkRaw(text, .domainpart)
        let prepared = try DomainPreparation.prepare(text)
        guard !prepared.isEmpty else { throw .empty(.domainpart) }
        guard prepared.utf8.count <= maximumPartBytes else { throw .tooLong(.domainpart) }
        return prepared
    }

    // MARK: Localpart

    private static func asciiLocalpart(_ text: String) throws(JIDError) -> String {
        guard text.utf8.count <= maximumPartBytes else { throw .tooLong(.localpart) }
        for scalar in text.unicodeScalars where !(0x21...0x7E).contains(scalar.value) || isExcluded(scalar) {
            throw .prohibitedCharacter(.localpart, scalar)
        }
        return text.utf8.contains(where: { (0x41...0x5A).contains($0) }) ? text.lowercased() : text
    }

    /// The characters of RFC 7622 §3.3.1.
    private static func isExcluded(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\"", "&", "'", "/", ":", "<", ">", "@": true
        default: false
        }
    }

    /// The class is checked before the mappings too, so that a compatibility character is refused rather than
    /// mapped away by them (RFC 8265 §3.3.1). Contextual rules wait for the mapped text.
    private static func isIdentifier(_ scalar: Unicode.Scalar) -> Bool {
        let property = DerivedProperty(of: scalar)
        return property == .valid || property == .contextual
    }

    // MARK: Opaque strings

    private static func opaque(_ text: String, _ part: JIDPart) throws(JIDError) -> String {
        try checkRaw(text, part)
        if isASCII(text) {
            guard text.utf8.count <= maximumPartBytes else { throw .tooLong(part) }
            for scalar in text.unicodeScalars where !(0x20...0x7E).contains(scalar.value) {
                throw .prohibitedCharacter(part, scalar)
            }
            return text
        }
        let spaced = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            scalar.properties.generalCategory == .spaceSeparator ? " " : scalar
        }
        if let bad = PRECISClass.freeform.firstDisallowed(in: spaced) { throw .prohibitedCharacter(part, bad) }
        let scalars = Normalization.composed(spaced)
        if let bad = PRECISClass.freeform.firstDisallowed(in: scalars) { throw .prohibitedCharacter(part, bad) }
        return try checkPrepared(scalars, part)
    }

    // MARK: Steps

    static func isASCII(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 < 0x80 }
    }

    /// Unicode toLowerCase() of each code point, without the rules that look at neighbours.
    static func lowercased(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        scalars.flatMap { $0.properties.lowercaseMapping.unicodeScalars }
    }

    static func string(_ scalars: [Unicode.Scalar]) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }

    private static func checkRaw(_ text: String, _ part: JIDPart) throws(JIDError) {
        let count = text.utf8.count
        guard count > 0 else { throw .empty(part) }
        guard count <= maximumRawBytes else { throw .tooLong(part) }
    }

    private static func checkPrepared(_ scalars: [Unicode.Scalar], _ part: JIDPart) throws(JIDError) -> String {
        let text = string(scalars)
        guard !scalars.isEmpty else { throw .empty(part) }
        guard text.utf8.count <= maximumPartBytes else { throw .tooLong(part) }
        return text
    }
}
