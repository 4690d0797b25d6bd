/// Bounds for what one peer may make the scanner hold or walk.
///
/// They apply to the stream header and to every top-level element. Exceeding one is a policy violation
/// (RFC 6120 §4.9.3.14), never a well-formedness error.
public struct XMLLimits: Sendable, Equatable {
    /// Longest top-level element, in bytes, counted from `<` to the final `>`; RFC 6120 §13.12 asks for at
    /// least 10000. Values above `Int32.max` act as `Int32.max`.
    public var elementBytes: Int
    /// Deepest nesting inside one top-level element; the element itself is level 1. Together with `attributes` it
    /// bounds the namespace declarations in force at one place: at most the sum of both.
    public var depth: Int
    /// Most attributes, namespace declarations included, in one start tag.
    public var attributes: Int

    public init(elementBytes: Int, depth: Int, attributes: Int = 64) {
        self.elementBytes = elementBytes
        self.depth = depth
        self.attributes = attributes
    }
}

/// Why a stream cannot go on. Each case corresponds to one stream error of RFC 6120 §4.9.3.
public enum XMLFault: Error, Equatable, Sendable {
    /// XML 1.0 or Namespaces in XML is violated: `not-well-formed`. The text is a short reason for the log.
    case notWellFormed(String)
    /// A prefix is used that nothing binds: `bad-namespace-prefix`.
    case badNamespacePrefix
    /// Comment, processing instruction, DTD or entity reference that is not predefined (RFC 6120 §11.1):
    /// `restricted-xml`. The text names the construct.
    case restricted(String)
    /// The stream is not UTF-8 by declaration or by its first bytes (RFC 6120 §11.6): `unsupported-encoding`.
    case unsupportedEncoding
    /// `XMLLimits.elementBytes` is exceeded: `policy-violation`.
    case tooLarge
    /// `XMLLimits.depth`, `XMLLimits.attributes` or a bound derived from them is exceeded: `policy-violation`.
    case tooDeep
}
