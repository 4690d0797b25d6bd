import XMLWire

/// Why a body is no document that is taken in.
public enum DocumentFault: Error, Equatable, Sendable {
    /// Longer than the limit: 413.
    case tooLarge
    /// Deeper, or of more elements, than the limit: 413.
    case tooComplex
    /// Not well-formed, not UTF-8, a DTD, or not the document that was expected: 400. The text says why.
    case malformed(String)
}

/// Bounds of one document from outside.
public struct DocumentLimits: Sendable {
    public var bytes: Int
    public var depth: Int
    public var elements: Int

    public static let standard = DocumentLimits(bytes: 65_536, depth: 24, elements: 2_000)

    public init(bytes: Int, depth: Int, elements: Int) {
        self.bytes = bytes
        self.depth = depth
        self.elements = elements
    }
}

/// A whole XML document as SIP carries it: with a declaration, comments and processing instructions, which XMPP's profile
/// refuses. They are left out; a document type is refused, and so is every encoding besides UTF-8.
public enum XMLDocument {
    /// - Parameters:
    ///   - namespace: of unprefixed names that no declaration inside covers.
    ///   - prefixes: those in force where the document, or the part of one that this is, will stand.
    public static func parse(
        _ body: some Sequence<UInt8>, limits: DocumentLimits = .standard, namespace: String = "",
        prefixes: [(prefix: String, uri: String)] = []
    ) throws(DocumentFault) -> XMLElement {
        let bytes = Array(body)
        guard bytes.count <= limits.bytes else { throw .tooLarge }
        let content = try element(in: bytes)
        let root: XMLElement
        do {
            root = try content.withUnsafeBytes {
                try XMLElement(parsing: $0, streamDefaultNamespace: namespace, streamPrefixes: prefixes)
            }
        } catch let fault as XMLFault {
            switch fault {
            case .tooLarge: throw .tooLarge
            case .tooDeep: throw .tooComplex
            case .notWellFormed(let reason), .restricted(let reason): throw .malformed(reason)
            case .badNamespacePrefix: throw .malformed("a prefix is not declared")
            case .unsupportedEncoding: throw .malformed("not UTF-8")
            }
        } catch { throw .malformed("not XML") }
        var count = 0
        guard fits(root, limits.depth, limits.elements, &count) else { throw .tooComplex }
        return root
    }

    private static func fits(_ element: XMLElement, _ depth: Int, _ most: Int, _ count: inout Int) -> Bool {
        count += 1
        guard depth > 0, count <= most else { return false }
        for case .element(let child) in element.children {
            guard fits(child, depth - 1, most, &count) else { return false }
        }
        return true
    }

    /// The bytes of the root element without what stands before, behind and, as comment, inside it.
    private static func element(in bytes: [UInt8]) throws(DocumentFault) -> [UInt8] {
        var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var end = bytes.count
        while end > start, isSpace(bytes[end - 1]) { end -= 1 }
        while start < end, isSpace(bytes[start]) { start += 1 }
        // Nearly every document has at most a declaration.
        if starts(bytes, "<?xml", start, end) {
            let close = try find("?>", in: bytes, from: start, to: end)
            try checkEncoding(bytes[start..<close])
            start = close
            while start < end, isSpace(bytes[start]) { start += 1 }
        }
        guard start < end else { throw .malformed("empty") }
        guard hasExtras(bytes, start, end) else { return Array(bytes[start..<end]) }
        return try withoutExtras(bytes, start, end)
    }

    private static func hasExtras(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Bool {
        bytes.withUnsafeBufferPointer { p in
            var i = start
            while i + 1 < end {
                if p[i] == 0x3C, p[i + 1] == UInt8(ascii: "!") || p[i + 1] == UInt8(ascii: "?") { return true }
                i += 1
            }
            return false
        }
    }

    private static func withoutExtras(
        _ bytes: [UInt8], _ start: Int, _ end: Int
    ) throws(DocumentFault) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(end - start)
        var i = start
        while i < end {
            if bytes[i] == 0x3C {
                if starts(bytes, "<!--", i, end) {
                    i = try find("-->", in: bytes, from: i + 4, to: end)
                    continue
                }
                if starts(bytes, "<?", i, end) {
                    i = try find("?>", in: bytes, from: i + 2, to: end)
                    continue
                }
                if starts(bytes, "<![CDATA[", i, end) {
                    let close = try find("]]>", in: bytes, from: i, to: end)
                    result += bytes[i..<close]
                    i = close
                    continue
                }
                if starts(bytes, "<!", i, end) { throw .malformed("a document type") }
            }
            result.append(bytes[i])
            i += 1
        }
        while let last = result.last, isSpace(last) { result.removeLast() }
        return Array(result.drop { isSpace($0) })
    }

    /// RFC 3863 §4: UTF-8 is what everybody understands; US-ASCII is part of it.
    private static func checkEncoding(_ declaration: ArraySlice<UInt8>) throws(DocumentFault) {
        let text = String(decoding: declaration, as: UTF8.self).lowercased()
        guard text.contains("encoding") else { return }
        guard text.contains("utf-8") || text.contains("us-ascii") || text.contains("utf8") else {
            throw .malformed("not UTF-8")
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 10 || byte == 13 || byte == 9 }

    private static func starts(_ bytes: [UInt8], _ text: StaticString, _ at: Int, _ end: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        guard at + count <= end else { return false }
        for offset in 0..<count where bytes[at + offset] != text.utf8Start[offset] { return false }
        return true
    }

    /// Index behind the first `text`.
    private static func find(
        _ text: StaticString, in bytes: [UInt8], from: Int, to end: Int
    ) throws(DocumentFault) -> Int {
        var i = from
        while i < end {
            if starts(bytes, text, i, end) { return i + text.utf8CodeUnitCount }
            i += 1
        }
        throw .malformed("\(text) is missing")
    }
}
