import XMLWire

/// A stanza-level error (RFC 6120 §8.3).
public struct StanzaError: Error, Equatable, Sendable {
    /// What the sender may do about it (RFC 6120 §8.3.2).
    public enum Kind: String, Sendable { case auth, cancel, `continue`, modify, wait }

    /// RFC 6120 §8.3.3.
    public enum Condition: String, Sendable {
        case badRequest = "bad-request"
        case conflict
        case featureNotImplemented = "feature-not-implemented"
        case forbidden
        case gone
        case internalServerError = "internal-server-error"
        case itemNotFound = "item-not-found"
        case jidMalformed = "jid-malformed"
        case notAcceptable = "not-acceptable"
        case notAllowed = "not-allowed"
        case notAuthorized = "not-authorized"
        case policyViolation = "policy-violation"
        case recipientUnavailable = "recipient-unavailable"
        case redirect
        case registrationRequired = "registration-required"
        case remoteServerNotFound = "remote-server-not-found"
        case remoteServerTimeout = "remote-server-timeout"
        case resourceConstraint = "resource-constraint"
        case serviceUnavailable = "service-unavailable"
        case subscriptionRequired = "subscription-required"
        case undefinedCondition = "undefined-condition"
        case unexpectedRequest = "unexpected-request"
    }

    public var kind: Kind
    public var condition: Condition
    public var text: String?
    /// An application-specific condition, already serialised (RFC 6120 §8.3.4).
    public var extra: String?
    /// Who found the error, where that is not the address it comes from (RFC 6120 §8.3.1).
    public var by: String?

    public init(_ kind: Kind, _ condition: Condition, _ text: String? = nil, extra: String? = nil) {
        self.kind = kind
        self.condition = condition
        self.text = text
        self.extra = extra
    }

    public static let serviceUnavailable = StanzaError(.cancel, .serviceUnavailable)
    public static let itemNotFound = StanzaError(.cancel, .itemNotFound)
    public static let notAllowed = StanzaError(.cancel, .notAllowed)
    public static func badRequest(_ text: String) -> StanzaError { StanzaError(.modify, .badRequest, text) }
    public static func jidMalformed(_ text: String? = nil) -> StanzaError { StanzaError(.modify, .jidMalformed, text) }

    /// The `<error/>` element as a tree, in the stanza's namespace.
    public var element: XMLElement {
        let bytes = Array(xml.utf8)
        return bytes.withUnsafeBytes {
            (try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: []))
                ?? XMLElement("error", namespace: StanzaNamespace.client, attributes: ["type": kind.rawValue])
        }
    }

    /// The `<error/>` element.
    public var xml: String {
        var xml = "<error type='\(kind.rawValue)'"
        if let by { xml += " by='\(XMLText.escape(by))'" }
        xml += "><\(condition.rawValue) xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
        if let text {
            xml += "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>\(XMLText.escape(text))</text>"
        }
        if let extra { xml += extra }
        return xml + "</error>"
    }
}

/// Escaping of values put into XML written by hand.
public enum XMLText {
    /// For text and for attributes in either kind of quotes.
    public static func escape(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 38 || $0 == 60 || $0 == 62 || $0 == 39 || $0 == 34 }) else {
            return text
        }
        var result = ""
        result.reserveCapacity(text.utf8.count + 16)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "'": result += "&apos;"
            case "\"": result += "&quot;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension XMLText {
    /// Addresses as attribute values: `'` and `&` may stand in resources.
    public static func escaped(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(where: { $0 == 38 || $0 == 39 || $0 == 60 || $0 == 62 || $0 == 34 }) else { return bytes }
        return Array(escape(String(decoding: bytes, as: UTF8.self)).utf8)
    }
}
