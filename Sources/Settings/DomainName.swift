import Foundation

/// First look at a hosted domain: catches slips of the pen before the server prepares the name in full
/// (RFC 7622 §3.2).
enum DomainName {
    struct Refusal: Error { var text: String }

    /// Longest domainpart in bytes (RFC 7622 §3.2.1) and longest label (RFC 1035 §2.3.4).
    private static let nameBytes = 1_023
    private static let labelBytes = 63

    /// - Returns: the name in lower case and normalisation form C, without a dot at its end.
    static func prepare(_ text: String) -> Result<String, Refusal> {
        var name = text.lowercased().precomposedStringWithCanonicalMapping
        if name.hasSuffix(".") { name.removeLast() }
        guard !name.isEmpty else { return .failure(Refusal(text: "found nothing")) }
        guard name.utf8.count <= nameBytes else {
            return .failure(Refusal(text: "at most \(nameBytes) bytes"))
        }
        if name.hasPrefix("["), name.hasSuffix("]") {
            return IPAddress.isLiteral(String(name.dropFirst().dropLast()))
                ? .success(name) : .failure(Refusal(text: "or an IPv6 address in brackets"))
        }
        for label in name.split(separator: ".", omittingEmptySubsequences: false) {
            guard !label.isEmpty else { return .failure(Refusal(text: "without empty parts between dots")) }
            guard label.utf8.count <= labelBytes || !label.utf8.allSatisfy({ $0 < 0x80 }) else {
                return .failure(Refusal(text: "each part at most \(labelBytes) letters"))
            }
            guard !label.hasPrefix("-"), !label.hasSuffix("-") else {
                return .failure(Refusal(text: "no part with a hyphen at its begin or end"))
            }
            guard label.unicodeScalars.allSatisfy(isAllowed) else {
                return .failure(Refusal(text: "made of letters, digits, hyphens and dots"))
            }
        }
        return .success(name)
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "0"..."9", "-": true
        case "\u{0}"..."\u{7F}": false
        default:
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
                .spaceSeparator:
                // The joiners are letters of some scripts (RFC 5892 appendix A.1 and A.2).
                scalar == "\u{200C}" || scalar == "\u{200D}"
            default: true
            }
        }
    }
}
