extension XMLElement {
    /// Bounds for parsing a tree: deeper ones could exhaust the stack when they are compared or released.
    static let parsingLimits = XMLLimits(elementBytes: 16 << 20, depth: 256, attributes: 256)

    /// Parses one complete element.
    ///
    /// The bytes are checked again, whoever checked them before: any input is safe.
    ///
    /// - Parameters:
    ///   - bytes: from `<` to the final `>`, nothing else.
    ///   - streamDefaultNamespace: namespace of unprefixed names that no declaration inside covers.
    ///   - streamPrefixes: prefixes bound outside.
    /// - Throws: the fault that the scanner would report; `.notWellFormed` for a missing end or for bytes after it;
    ///   `.tooDeep` beyond 256 levels or 256 attributes, `.tooLarge` beyond 16 MiB.
    public init(
        parsing bytes: UnsafeRawBufferPointer, streamDefaultNamespace: String,
        streamPrefixes: [(prefix: String, uri: String)]
    ) throws(XMLFault) {
        guard bytes.count <= Self.parsingLimits.elementBytes else { throw .tooLarge }
        guard bytes.count > 1, let base = bytes.baseAddress, bytes[0] == 0x3C else {
            throw .notWellFormed("not an element")
        }
        switch bytes[1] {
        case UInt8(ascii: "?"): throw .restricted("processing instruction")
        case UInt8(ascii: "!"), UInt8(ascii: "/"): throw .notWellFormed("not an element")
        default: break
        }
        let p = base.assumingMemoryBound(to: UInt8.self)
        let frame = ElementFrame()
        frame.begin(at: 0, limits: Self.parsingLimits, isHeader: false)
        let scope = StreamScope(
            header: XMLStreamScanner.StreamHeader(
                name: "", prefix: "", streamNamespace: "", extraPrefixes: streamPrefixes))
        guard try ElementScan(s: frame.state, p: p, n: bytes.count, scope: scope).run() else {
            throw .notWellFormed("the element is incomplete")
        }
        guard frame.length == bytes.count else { throw .notWellFormed("data after the element") }
        var builder = TreeBuilder(
            p: p, n: bytes.count, defaultNamespace: streamDefaultNamespace, prefixes: streamPrefixes)
        guard let element = builder.build() else { throw .notWellFormed("not an element") }
        self = element
    }
}

/// Builds the tree of an element that has passed the scanner; checks only what memory safety needs.
private struct TreeBuilder {
    private struct Declaration {
        var prefix: String
        var uri: String
        var depth: Int
    }

    private let p: UnsafePointer<UInt8>
    private let n: Int
    private var i = 0
    /// Innermost last; the stream's own at depth 0.
    private var declarations: [Declaration]
    private var open: [XMLElement] = []
    private var pendingText = ""

    init(
        p: UnsafePointer<UInt8>, n: Int, defaultNamespace: String, prefixes: [(prefix: String, uri: String)]
    ) {
        self.p = p
        self.n = n
        declarations = prefixes.map { Declaration(prefix: $0.prefix, uri: $0.uri, depth: 0) }
        declarations.append(Declaration(prefix: "xml", uri: XMLElement.xmlNamespace, depth: 0))
        declarations.append(Declaration(prefix: "", uri: defaultNamespace, depth: 0))
    }

    /// nil only for input that the scanner would have refused.
    mutating func build() -> XMLElement? {
        while i + 1 < n {
            if p[i] != 0x3C || p[i + 1] == UInt8(ascii: "!") {
                guard readText() else { return nil }
            } else if p[i + 1] == UInt8(ascii: "/") {
                while i < n, p[i] != 0x3E { i += 1 }
                i += 1
                if let root = close() { return root }
                if open.isEmpty { return nil }
            } else {
                guard let isSelfClosing = readStartTag() else { return nil }
                if isSelfClosing, let root = close() { return root }
            }
        }
        return nil
    }

    /// Reads character data, references and CDATA sections up to the next tag.
    private mutating func readText() -> Bool {
        let start = i
        while i < n {
            if p[i] != 0x3C {
                i += 1
            } else if i + 1 < n, p[i + 1] == UInt8(ascii: "!") {
                var isClosed = false
                let inside = i + Markup.cdataOpening
                guard inside < n, let end = try? Lexeme.cdata(p, inside, n, isClosed: &isClosed), isClosed else {
                    return false
                }
                i = end
            } else {
                break
            }
        }
        guard let text = XMLEscape.unescape(UnsafeRawBufferPointer(start: p + start, count: i - start)) else {
            return false
        }
        if !text.isEmpty, !open.isEmpty { open[open.count - 1].children.append(.text(text)) }
        return true
    }

    /// Leaves the innermost element; returns it when it was the root.
    private mutating func close() -> XMLElement? {
        guard let element = open.popLast() else { return nil }
        while let last = declarations.last, last.depth > open.count { declarations.removeLast() }
        if open.isEmpty { return element }
        open[open.count - 1].children.append(.element(element))
        return nil
    }

    /// Reads a start tag and opens its element; true for an empty-element tag.
    private mutating func readStartTag() -> Bool? {
        i += 1
        let qualifiedName = readName()
        var attributes: [XMLElement.Attribute] = []
        let depth = open.count + 1
        while true {
            skipSpace()
            guard i < n else { return nil }
            if p[i] == 0x3E || p[i] == 0x2F { break }
            let name = readName()
            skipSpace()
            guard !name.isEmpty, i < n, p[i] == 0x3D else { return nil }
            i += 1
            skipSpace()
            guard let value = readValue() else { return nil }
            if name == "xmlns" {
                declarations.append(Declaration(prefix: "", uri: value, depth: depth))
            } else if name.utf8.starts(with: "xmlns:".utf8) {
                declarations.append(Declaration(prefix: String(name.dropFirst(6)), uri: value, depth: depth))
            } else {
                attributes.append(XMLElement.Attribute(name: name, value: value))
            }
        }
        for index in attributes.indices {
            guard let colon = attributes[index].name.utf8.firstIndex(of: 0x3A) else { continue }
            attributes[index].namespace = namespace(of: attributes[index].name[..<colon])
        }
        let element: XMLElement
        if let colon = qualifiedName.utf8.firstIndex(of: 0x3A) {
            let local = qualifiedName[qualifiedName.utf8.index(after: colon)...]
            element = XMLElement(String(local), namespace: namespace(of: qualifiedName[..<colon]))
        } else {
            element = XMLElement(qualifiedName, namespace: namespace(of: ""))
        }
        open.append(element)
        open[open.count - 1].attributes = attributes
        let isSelfClosing = p[i] == 0x2F
        while i < n, p[i] != 0x3E { i += 1 }
        i += 1
        return isSelfClosing
    }

    private mutating func readName() -> String {
        let start = i
        while i < n, Lexeme.isNameByte(p[i]) || p[i] == 0x3A || p[i] >= 0x80 { i += 1 }
        return String(decoding: UnsafeBufferPointer(start: p + start, count: i - start), as: UTF8.self)
    }

    private mutating func readValue() -> String? {
        guard i < n, p[i] == 0x22 || p[i] == 0x27 else { return nil }
        let quote = p[i]
        i += 1
        let start = i
        while i < n, p[i] != quote { i += 1 }
        guard i < n else { return nil }
        i += 1
        return XMLEscape.unescape(attribute: UnsafeRawBufferPointer(start: p + start, count: i - 1 - start))
    }

    private mutating func skipSpace() {
        while i < n, Lexeme.isSpace(p[i]) { i += 1 }
    }

    private func namespace(of prefix: Substring) -> String {
        // String equality is quick but ignores how characters are composed, which namespaces do not.
        let prefix = String(prefix)
        return declarations.last { $0.prefix == prefix && $0.prefix.utf8.elementsEqual(prefix.utf8) }?.uri ?? ""
    }
}
