/// A stream-level error (RFC 6120 §4.9); always ends the stream.
public struct StreamError: Error, Equatable, Sendable {
    /// RFC 6120 §4.9.3.
    public enum Condition: String, Sendable {
        case badFormat = "bad-format"
        case badNamespacePrefix = "bad-namespace-prefix"
        case conflict
        case connectionTimeout = "connection-timeout"
        case hostGone = "host-gone"
        case hostUnknown = "host-unknown"
        case improperAddressing = "improper-addressing"
        case internalServerError = "internal-server-error"
        case invalidFrom = "invalid-from"
        case invalidNamespace = "invalid-namespace"
        case invalidXML = "invalid-xml"
        case notAuthorized = "not-authorized"
        case notWellFormed = "not-well-formed"
        case policyViolation = "policy-violation"
        case reset
        case resourceConstraint = "resource-constraint"
        case restrictedXML = "restricted-xml"
        case systemShutdown = "system-shutdown"
        case undefinedCondition = "undefined-condition"
        case unsupportedEncoding = "unsupported-encoding"
        case unsupportedStanzaType = "unsupported-stanza-type"
        case unsupportedVersion = "unsupported-version"
    }

    public var condition: Condition
    public var text: String?
    /// An application-specific condition, already serialised.
    public var extra: String?

    public init(_ condition: Condition, _ text: String? = nil, extra: String? = nil) {
        self.condition = condition
        self.text = text
        self.extra = extra
    }

    /// The `<stream:error/>` element.
    public var xml: String {
        var xml = "<stream:error><\(condition.rawValue) xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
        if let text {
            xml += "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>\(XMLText.escape(text))</text>"
        }
        if let extra { xml += extra }
        return xml + "</stream:error>"
    }
}
