/// The part of an address, or the password, that a preparation error speaks of.
public enum JIDPart: String, Sendable {
    case localpart, domainpart, resourcepart, password
}

/// Why a string is not an address, or not a password.
public enum JIDError: Error, Equatable, Sendable {
    /// The part is present but has no characters, before or after preparation.
    case empty(JIDPart)
    /// More than ``JIDPreparation/maximumPartBytes`` bytes of UTF-8 after preparation, or far more before it.
    case tooLong(JIDPart)
    /// A code point that the part's string class or profile does not allow.
    case prohibitedCharacter(JIDPart, Unicode.Scalar)
    /// Right-to-left and left-to-right characters mixed against the Bidi rule (RFC 5893 §2).
    case directionality(JIDPart)
    /// Applying the profile again keeps changing the string (RFC 8264 §7).
    case unstable(JIDPart)
    /// The domainpart is neither a domain name of valid labels nor an IP literal.
    case invalidDomain(DomainDefect)
}

/// What is wrong with a domainpart besides its code points.
public enum DomainDefect: String, Error, Sendable {
    case emptyLabel = "empty label"
    case labelTooLong = "label longer than 63 bytes in its ASCII form"
    case hyphenAtEdge = "label begins or ends with a hyphen"
    case hyphensInThirdAndFourth = "label has hyphens in the third and fourth place"
    case leadingCombiningMark = "label begins with a combining mark"
    case invalidALabel = "label with prefix xn-- is not a valid A-label"
    case invalidIPLiteral = "bracketed text is not an IPv6 address"
}

extension JIDError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .empty(let part): "\(part.rawValue) is empty"
        case .tooLong(let part): "\(part.rawValue) is too long"
        case .prohibitedCharacter(let part, let scalar):
            "\(part.rawValue) contains U+\(String(scalar.value, radix: 16, uppercase: true)), which is not allowed"
        case .directionality(let part): "\(part.rawValue) mixes writing directions"
        case .unstable(let part): "\(part.rawValue) has no stable prepared form"
        case .invalidDomain(let defect): "domainpart: \(defect.rawValue)"
        }
    }
}
