extension XMLStreamScanner {
    /// What the start tag of the stream says (RFC 6120 §4.7). Attribute values are unescaped.
    public struct StreamHeader: Sendable {
        /// Local name of the root element; `stream` is for the caller to require.
        public var name: String
        /// Prefix of the root element, usually `stream`; empty without one.
        public var prefix: String
        public var to: String?
        public var from: String?
        public var version: String?
        /// `xml:lang`.
        public var lang: String?
        public var id: String?
        /// Namespace of unprefixed elements; nil when not declared, empty when declared as none.
        public var defaultNamespace: String?
        /// Namespace of the root element's own name; empty when it is in none.
        public var streamNamespace: String
        /// Prefixes declared on the header other than the root's own and `xml`, in order.
        public var extraPrefixes: [(prefix: String, uri: String)]

        /// Name as it must stand in the closing tag.
        public var qualifiedName: String { prefix.isEmpty ? name : prefix + ":" + name }
    }
}

/// The namespace scope that the stream header gives to every element of the stream; shared, immutable.
final class StreamScope: Sendable {
    let header: XMLStreamScanner.StreamHeader

    init(header: XMLStreamScanner.StreamHeader) { self.header = header }

    /// Namespace bound to a prefix on the header; the root's own prefix included, `xml` not.
    func namespace(ofPrefix prefix: UnsafeBufferPointer<UInt8>) -> String? {
        if !header.prefix.isEmpty, header.prefix.utf8.elementsEqual(prefix) { return header.streamNamespace }
        return header.extraPrefixes.first { $0.prefix.utf8.elementsEqual(prefix) }?.uri
    }
}

extension ElementFrame {
    /// Longest qualified name of a stream root; keeps a dripping end of stream cheap.
    static let longestRootName = 256
    /// Most prefixes on a stream header besides its own; keeps every later look-up short.
    static let mostStreamPrefixes = 16

    /// Reads the header that the frame has just completed.
    ///
    /// - Throws: `.tooLarge` for a root name beyond `longestRootName`, `.tooDeep` beyond `mostStreamPrefixes`.
    func makeStreamScope(_ p: UnsafePointer<UInt8>) throws(XMLFault) -> StreamScope {
        let s = state.pointee
        guard s.tagName.count <= Self.longestRootName else { throw .tooLarge }
        let bytes = UnsafeRawBufferPointer(start: p, count: s.length)
        let colon = s.tagNameColon
        let prefix = colon == 0 ? Span.none : Span(Int(s.tagName.start), colon)
        let local = colon == 0 ? s.tagName : Span(colon + 1, Int(s.tagName.end))
        var header = XMLStreamScanner.StreamHeader(
            name: string(local, bytes), prefix: string(prefix, bytes), streamNamespace: "", extraPrefixes: [])
        for index in 0..<s.tagAttributes.count {
            let attribute = s.tagAttributes[index]
            let value = string(attribute.value, bytes)
            if attribute.isNamespaceDeclaration {
                let declared =
                    attribute.hasPrefix
                    ? string(Span(start: attribute.localStart, end: attribute.name.end), bytes) : ""
                if declared == header.prefix { header.streamNamespace = value }
                if declared.isEmpty {
                    header.defaultNamespace = value
                } else if declared != header.prefix, declared != "xml" {
                    guard header.extraPrefixes.count < Self.mostStreamPrefixes else { throw .tooDeep }
                    header.extraPrefixes.append((declared, value))
                }
                continue
            }
            switch string(attribute.name, bytes) {
            case "to": header.to = value
            case "from": header.from = value
            case "version": header.version = value
            case "id": header.id = value
            case "xml:lang": header.lang = value
            default: break
            }
        }
        if header.prefix == "xml" { header.streamNamespace = XMLElement.xmlNamespace }
        return StreamScope(header: header)
    }

    /// Checked text as a string. The constants that every stream repeats are not copied.
    private func string(_ span: Span, _ bytes: UnsafeRawBufferPointer) -> String {
        if span.equals("http://etherx.jabber.org/streams", in: bytes) { return "http://etherx.jabber.org/streams" }
        return XMLEscape.unescape(attribute: span.slice(of: bytes)) ?? ""
    }
}
