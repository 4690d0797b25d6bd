import XMLWire

/// XML documents and their parts as clients send and read them: UTF-8, with or without a declaration.
///
/// Comments and processing instructions are read over and lost; a document type is refused, and with it every entity
/// that XML does not know by itself. At most 256 levels deep.
public enum XCAPDocument {
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
        guard let plain = elementOnly(bytes[...]) else { throw XCAPFailure(otherwise) }
        let outcome = plain.withUnsafeBytes { buffer -> Result<XMLElement, XMLFault> in
            do throws(XMLFault) {
                return .success(
                    try XMLElement(parsing: buffer, streamDefaultNamespace: namespace, streamPrefixes: prefixes))
            } catch {
                return .failure(error)
            }
        }
        switch outcome {
        case .success(let element): return element
        case .failure(let fault): throw XCAPFailure(otherwise, phrase(fault))
        }
    }

    private static func phrase(_ fault: XMLFault) -> String {
        switch fault {
        case .notWellFormed(let reason): reason
        case .badNamespacePrefix: "a prefix is not declared"
        case .restricted(let what): "not taken here: \(what)"
        case .unsupportedEncoding: "not UTF-8"
        case .tooLarge: "too large"
        case .tooDeep: "too deep"
        }
    }

    /// The root element without what may stand around it, and without comments and processing instructions in it. Nil
    /// when there is a document type, or when one of them does not end.
    private static func elementOnly(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        var rest = bytes
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
        var result: [UInt8] = []
        result.reserveCapacity(rest.count)
        while let byte = rest.first {
            guard byte == UInt8(ascii: "<") else {
                // Text outside of the root is refused by the parser; white space there is not.
                if !result.isEmpty || !isSpace(byte) { result.append(byte) }
                rest = rest.dropFirst()
                continue
            }
            if rest.starts(with: "<!--".utf8) {
                guard let end = find("-->", in: rest.dropFirst(4)) else { return nil }
                rest = rest[end...]
            } else if rest.starts(with: "<?".utf8) {
                guard let end = find("?>", in: rest.dropFirst(2)) else { return nil }
                rest = rest[end...]
            } else if rest.starts(with: "<![CDATA[".utf8) {
                guard let end = find("]]>", in: rest) else { return nil }
                result += rest[..<end]
                rest = rest[end...]
            } else if rest.starts(with: "<!".utf8) {
                return nil
            } else {
                // A tag: what looks like a comment between its quotes is none.
                var quote: UInt8?
                var end = rest.startIndex
                while end < rest.endIndex {
                    let inside = rest[end]
                    if let open = quote {
                        if inside == open { quote = nil }
                    } else if inside == UInt8(ascii: "\"") || inside == UInt8(ascii: "'") {
                        quote = inside
                    } else if inside == UInt8(ascii: ">") {
                        break
                    }
                    end += 1
                }
                guard end < rest.endIndex else { return nil }
                result += rest[...end]
                rest = rest[(end + 1)...]
            }
        }
        while let last = result.last, isSpace(last) { result.removeLast() }
        return result
    }

    /// Behind the first occurrence.
    private static func find(_ end: StaticString, in bytes: ArraySlice<UInt8>) -> Int? {
        let count = end.utf8CodeUnitCount
        return end.withUTF8Buffer { wanted in
            guard bytes.count >= count else { return nil }
            var index = bytes.startIndex
            while index + count <= bytes.endIndex {
                if bytes[index..<(index + count)].elementsEqual(wanted) { return index + count }
                index += 1
            }
            return nil
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }
}
