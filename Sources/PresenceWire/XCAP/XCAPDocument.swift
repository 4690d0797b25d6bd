import XMLWire

/// XML documents and their parts as clients send and read them: UTF-8, with or without a declaration.
///
/// Comments and processing instructions are read over and lost; a document type is refused.
public enum XCAPDocument {
    /// Room for a contact list of ten thousand.
    public static let limits = DocumentLimits(bytes: 2 << 20, depth: 24, elements: 50_000)
    public static let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

    /// Reads a whole document.
    /// - Throws: `not-utf-8` or `not-well-formed`.
    public static func parse(_ bytes: [UInt8]) throws(XCAPFailure) -> XMLElement {
        try parse(bytes, namespace: "", prefixes: [], otherwise: .notWellFormed)
    }

    /// Reads one element that is to stand inside of another one.
    ///
    /// - Parameters:
    ///   - namespace: what unprefixed names belong to where it will stand.
    ///   - prefixes: those in force there.
    /// - Throws: `not-utf-8` or `not-xml-frag`.
    public static func parseElement(
        _ bytes: [UInt8], namespace: String, prefixes: [(prefix: String, uri: String)]
    ) throws(XCAPFailure) -> XMLElement {
        try parse(bytes, namespace: namespace, prefixes: prefixes, otherwise: .notXMLFragment)
    }

    /// Reads the value of an attribute, as it would stand between quotes.
    /// - Throws: `not-utf-8` or `not-xml-att-value`.
    public static func parseAttribute(_ bytes: [UInt8]) throws(XCAPFailure) -> String {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw XCAPFailure(.notUTF8) }
        guard let value = bytes.withUnsafeBytes({ XMLEscape.unescape(attribute: $0) }) else {
            throw XCAPFailure(.notXMLAttributeValue)
        }
        return value
    }

    /// The document, with its declaration.
    public static func bytes(of root: XMLElement) -> [UInt8] {
        var bytes = Array(declaration.utf8)
        root.write(into: &bytes, inheritedNamespace: "")
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// One element, with all that it needs to stand alone.
    public static func elementBytes(_ element: XMLElement) -> [UInt8] {
        var bytes: [UInt8] = []
        element.write(into: &bytes, inheritedNamespace: "")
        return bytes
    }

    private static func parse(
        _ bytes: [UInt8], namespace: String, prefixes: [(prefix: String, uri: String)], otherwise: XCAPFailure.Kind
    ) throws(XCAPFailure) -> XMLElement {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw XCAPFailure(.notUTF8) }
        do throws(DocumentFault) {
            return try XMLDocument.parse(bytes, limits: limits, namespace: namespace, prefixes: prefixes)
        } catch {
            switch error {
            case .tooLarge, .tooComplex: throw .constraint("the document is too large")
            case .malformed(let reason): throw XCAPFailure(otherwise, reason)
            }
        }
    }
}
