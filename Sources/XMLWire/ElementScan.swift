/// Scans one element; resumable at every byte.
///
/// Bytes are looked at once: running out of them saves the position inside the current item. Only an incomplete
/// reference or multi-byte character is read again.
struct ElementScan {
    let s: ScanPointer
    let p: UnsafePointer<UInt8>
    /// Bytes that may be read.
    let n: Int
    /// Prefixes of the stream header; nil while the header itself is scanned.
    let scope: StreamScope?

    /// Goes on until the element, or the start tag of a header, is complete.
    ///
    /// - Returns: false when the bytes ran out first.
    func run() throws(XMLFault) -> Bool {
        while true {
            let goesOn: Bool
            switch s.pointee.step {
            case .content:
                goesOn = try content()
            case .startName, .betweenAttributes, .attributeName, .beforeEquals, .afterEquals, .value, .emptyEnd:
                goesOn = try startTag()
            case .endName, .endSpace:
                goesOn = try endTag()
            case .markup:
                goesOn = try markup()
            case .cdata:
                goesOn = try cdata()
            case .prolog:
                goesOn = try prolog()
            case .idle:
                return true
            }
            if !goesOn { return false }
        }
    }

    @inline(__always)
    private func content() throws(XMLFault) -> Bool {
        let i = try Lexeme.text(p, s.pointee.cursor, n)
        s.pointee.cursor = i
        guard i &+ 1 < n, p[i] == 0x3C else { return false }
        switch p[i &+ 1] {
        case UInt8(ascii: "/"):
            s.pointee.tagStart = i
            s.pointee.itemStart = i &+ 2
            s.pointee.cursor = i &+ 2
            s.pointee.step = .endName
        case UInt8(ascii: "!"):
            s.pointee.itemStart = i
            s.pointee.cursor = i &+ 2
            s.pointee.step = .markup
        case UInt8(ascii: "?"):
            throw .restricted("processing instruction")
        default:
            s.beginTag(at: i)
            s.pointee.cursor = i &+ 1
            s.pointee.step = .startName
        }
        return true
    }

    /// `<!` in content: a CDATA section goes on, anything else is refused as soon as it is known.
    private func markup() throws(XMLFault) -> Bool {
        let start = s.pointee.itemStart
        switch try Markup.classify(p, start, n) {
        case .incomplete:
            return false
        case .cdata:
            s.pointee.cursor = start + Markup.cdataOpening
            s.pointee.step = .cdata
            return true
        }
    }

    private func cdata() throws(XMLFault) -> Bool {
        var isClosed = false
        s.pointee.cursor = try Lexeme.cdata(p, s.pointee.cursor, n, isClosed: &isClosed)
        if isClosed { s.pointee.step = .content }
        return isClosed
    }

    /// White space between XML declaration and stream header.
    private func prolog() throws(XMLFault) -> Bool {
        var i = s.pointee.cursor
        while i < n, Lexeme.isSpace(p[i]) { i &+= 1 }
        s.pointee.cursor = i
        guard i &+ 1 < n else {
            if i < n, p[i] != 0x3C { throw .notWellFormed("character data before the stream header") }
            return false
        }
        guard p[i] == 0x3C else { throw .notWellFormed("character data before the stream header") }
        switch p[i &+ 1] {
        case UInt8(ascii: "!"):
            if case .cdata = try Markup.classify(p, i, n) { throw .notWellFormed("CDATA before the stream header") }
            return false
        case UInt8(ascii: "?"): throw .restricted("processing instruction")
        case UInt8(ascii: "/"): throw .notWellFormed("end tag before the stream header")
        default: break
        }
        s.beginTag(at: i)
        s.pointee.cursor = i &+ 1
        s.pointee.step = .startName
        return true
    }

    private func endTag() throws(XMLFault) -> Bool {
        let depth = s.pointee.openNames.count
        let open = s.pointee.openNames[depth &- 1]
        let start = s.pointee.itemStart
        var i = s.pointee.cursor
        if s.pointee.step == .endName {
            let stop = start &+ open.count
            let arrived = Swift.min(stop, n)
            let expected = UnsafeRawPointer(p) + Int(open.start) + (i &- start)
            guard i >= arrived || Lexeme.equal(UnsafeRawPointer(p) + i, expected, arrived &- i) else {
                throw .notWellFormed("end tag does not match")
            }
            i = arrived
            s.pointee.cursor = i
            guard stop < n else { return false }
            guard p[i] == 0x3E || Lexeme.isSpace(p[i]) else { throw .notWellFormed("end tag does not match") }
            s.pointee.step = .endSpace
        }
        while i < n, Lexeme.isSpace(p[i]) { i &+= 1 }
        s.pointee.cursor = i
        guard i < n else { return false }
        guard p[i] == 0x3E else { throw .notWellFormed("end tag holds more than a name") }
        i &+= 1
        s.pointee.cursor = i
        close(at: depth, tagStart: s.pointee.tagStart, end: i)
        return true
    }

    /// Leaves the element at level `depth`, whose end tag, or empty-element tag, ends at `end`.
    @inline(__always)
    func close(at depth: Int, tagStart: Int, end: Int) {
        s.pointee.openNames.truncate(to: depth &- 1)
        while s.pointee.bindings.count > 0, s.pointee.bindings[s.pointee.bindings.count &- 1].depth == depth {
            s.pointee.bindings.truncate(to: s.pointee.bindings.count &- 1)
        }
        s.pointee.step = .content
        if depth == 2 {
            if s.pointee.childCount <= ElementFrame.indexedChildren {
                s.pointee.childSpans.elements[s.pointee.childCount &- 1].whole.end = Int32(truncatingIfNeeded: end)
            }
        } else if depth == 1 {
            s.pointee.endTagStart = tagStart
            s.pointee.length = end
            let spans = UnsafeBufferPointer(start: s.pointee.childSpans.elements, count: s.pointee.childSpans.count)
            if spans.count > 0 { s.pointee.children.append(contentsOf: spans) }
            s.pointee.step = .idle
        }
    }
}

/// What may follow `<!`.
enum Markup {
    case incomplete
    case cdata

    /// Length of `<![CDATA[`.
    static let cdataOpening = 9

    /// Classifies the markup whose `<!` is at `i`, from as few bytes as decide it.
    ///
    /// - Throws: `.restricted` for a comment or document type declaration, `.notWellFormed` for anything unknown.
    static func classify(_ p: UnsafePointer<UInt8>, _ i: Int, _ n: Int) throws(XMLFault) -> Markup {
        guard i + 2 < n else { return .incomplete }
        switch p[i + 2] {
        case UInt8(ascii: "["):
            return try matches("<![CDATA[", p, i, n) ? .cdata : .incomplete
        case UInt8(ascii: "-"):
            if try matches("<!--", p, i, n) { throw .restricted("comment") }
            return .incomplete
        case UInt8(ascii: "D"):
            // Nothing well-formed begins like this inside a stream, so there is nothing to wait for.
            throw .restricted("document type declaration")
        default:
            throw .notWellFormed("unknown markup")
        }
    }

    private static func matches(
        _ literal: StaticString, _ p: UnsafePointer<UInt8>, _ i: Int, _ n: Int
    ) throws(XMLFault) -> Bool {
        let arrived = min(literal.utf8CodeUnitCount, n - i)
        guard Lexeme.equal(UnsafeRawPointer(p) + i, UnsafeRawPointer(literal.utf8Start), arrived) else {
            throw .notWellFormed("unknown markup")
        }
        return arrived == literal.utf8CodeUnitCount
    }
}
