/// Start tags and empty-element tags.
extension ElementScan {
    /// Goes on with the tag under the cursor; false when the bytes ran out.
    @inline(__always)
    func startTag() throws(XMLFault) -> Bool {
        var i = s.pointee.cursor
        var step = s.pointee.step
        while true {
            switch step {
            case .startName:
                guard try Lexeme.name(p, &i, n, start: s.pointee.itemStart, colon: &s.pointee.colon) else {
                    return pause(at: i, in: .startName)
                }
                s.pointee.tagName = Span(s.pointee.itemStart, i)
                s.pointee.tagNameColon = s.pointee.colon
                s.pointee.tagNeedsNamespaces = s.pointee.colon != 0
                fallthrough
            case .betweenAttributes:
                while i < n, Lexeme.isSpace(p[i]) { i &+= 1 }
                guard i < n else { return pause(at: i, in: .betweenAttributes) }
                if p[i] == 0x3E { return try finishTag(end: i &+ 1, isSelfClosing: false) }
                if p[i] == 0x2F {
                    i &+= 1
                    step = .emptyEnd
                    continue
                }
                try beginAttribute(at: i)
                fallthrough
            case .attributeName:
                guard try Lexeme.name(p, &i, n, start: s.pointee.itemStart, colon: &s.pointee.colon) else {
                    return pause(at: i, in: .attributeName)
                }
                try finishAttributeName(end: i)
                fallthrough
            case .beforeEquals:
                while i < n, Lexeme.isSpace(p[i]) { i &+= 1 }
                guard i < n else { return pause(at: i, in: .beforeEquals) }
                guard p[i] == 0x3D else { throw .notWellFormed("attribute without a value") }
                i &+= 1
                fallthrough
            case .afterEquals:
                while i < n, Lexeme.isSpace(p[i]) { i &+= 1 }
                guard i < n else { return pause(at: i, in: .afterEquals) }
                guard p[i] == 0x27 || p[i] == 0x22 else { throw .notWellFormed("attribute value is not quoted") }
                s.pointee.quote = p[i]
                s.pointee.valueHasReferences = false
                i &+= 1
                s.pointee.valueStart = i
                fallthrough
            case .value:
                let quote = s.pointee.quote
                i = try Lexeme.value(p, i, n, quote: quote, hasReferences: &s.pointee.valueHasReferences)
                guard i < n, p[i] == quote else { return pause(at: i, in: .value) }
                finishAttribute(closingQuote: i)
                i &+= 1
                step = .betweenAttributes
            default:
                guard i < n else { return pause(at: i, in: .emptyEnd) }
                guard p[i] == 0x3E else { throw .notWellFormed("/ inside a tag") }
                return try finishTag(end: i &+ 1, isSelfClosing: true)
            }
        }
    }

    @inline(__always)
    private func pause(at i: Int, in step: ScanState.Step) -> Bool {
        s.pointee.cursor = i
        s.pointee.step = step
        return false
    }

    @inline(__always)
    private func beginAttribute(at i: Int) throws(XMLFault) {
        guard Lexeme.isSpace(p[i &- 1]) else { throw .notWellFormed("illegal character in a tag") }
        guard s.pointee.tagAttributes.count < s.pointee.attributeLimit else { throw .tooDeep }
        s.pointee.itemStart = i
        s.pointee.colon = 0
    }

    /// Refuses a second attribute of the same qualified name (XML 1.0 §3.1, unique attributes).
    @inline(__always)
    private func finishAttributeName(end: Int) throws(XMLFault) {
        let start = s.pointee.itemStart
        let length = end &- start
        let count = s.pointee.tagAttributes.count
        let others = s.pointee.tagAttributes.elements
        let bytes = UnsafeRawPointer(p)
        var index = 0
        while index < count {
            let other = others[index].name
            if other.count == length, p[Int(other.start)] == p[start],
                Lexeme.equal(bytes + Int(other.start), bytes + start, length)
            {
                throw .notWellFormed("duplicate attribute")
            }
            index &+= 1
        }
        s.pointee.attributeName = Span(start, end)
        s.pointee.attributeLocalStart = s.pointee.colon == 0 ? start : s.pointee.colon &+ 1
    }

    @inline(__always)
    private func finishAttribute(closingQuote i: Int) {
        let name = s.pointee.attributeName
        let start = Int(name.start)
        let hasColon = s.pointee.attributeLocalStart != start
        let headCount = hasColon ? s.pointee.attributeLocalStart &- 1 &- start : name.count
        let isDeclaration =
            headCount == 5 && p[start] == 0x78 && p[start &+ 1] == 0x6D && p[start &+ 2] == 0x6C
            && p[start &+ 3] == 0x6E && p[start &+ 4] == 0x73
        if hasColon || isDeclaration { s.pointee.tagNeedsNamespaces = true }
        s.pointee.tagAttributes.append(
            AttributeSpan(
                name: name, value: Span(s.pointee.valueStart, i), whole: Span(start, i &+ 1),
                localStart: Int32(truncatingIfNeeded: s.pointee.attributeLocalStart),
                hasReferences: s.pointee.valueHasReferences, isNamespaceDeclaration: isDeclaration))
    }

    /// Checks namespaces, enters the element and indexes it. `end` is the offset after `>`.
    @inline(__always)
    private func finishTag(end: Int, isSelfClosing: Bool) throws(XMLFault) -> Bool {
        let depth = s.pointee.openNames.count &+ 1
        guard depth <= s.pointee.depthLimit else { throw .tooDeep }
        var resolution = NameResolution.inherited
        if s.pointee.tagNeedsNamespaces {
            resolution = try resolveNamespaces(depth: depth)
        } else if depth == 2, s.pointee.bindings.count > 0 {
            resolution = defaultNamespace()
        }
        if s.pointee.isHeader {
            if isSelfClosing { throw .notWellFormed("the stream header is an empty element") }
            s.pointee.length = end
            s.pointee.step = .idle
            return true
        }
        s.pointee.openNames.append(s.pointee.tagName)
        if depth == 1 {
            finishRoot(end: end, isSelfClosing: isSelfClosing, resolution: resolution)
        } else if depth == 2 {
            indexChild(end: end, isSelfClosing: isSelfClosing, resolution: resolution)
        }
        s.pointee.cursor = end
        s.pointee.step = .content
        if isSelfClosing { close(at: depth, tagStart: end, end: end) }
        return true
    }

    @inline(__always)
    private func finishRoot(end: Int, isSelfClosing: Bool, resolution: NameResolution) {
        s.pointee.name = s.pointee.tagName
        s.pointee.namespace = resolution.uri
        s.pointee.hasPrefixedRoot = s.pointee.tagNameColon != 0
        s.pointee.startTagEnd = end
        s.pointee.isSelfClosing = isSelfClosing
        let spans = UnsafeBufferPointer(start: s.pointee.tagAttributes.elements, count: s.pointee.tagAttributes.count)
        if spans.count > 0 { s.pointee.attributes.append(contentsOf: spans) }
    }

    @inline(__always)
    private func indexChild(end: Int, isSelfClosing: Bool, resolution: NameResolution) {
        s.pointee.childCount &+= 1
        guard s.pointee.childCount <= ElementFrame.indexedChildren else { return }
        let name = s.pointee.tagName
        let colon = s.pointee.tagNameColon
        s.pointee.childSpans.append(
            ChildSpan(
                whole: Span(s.pointee.tagStart, end),
                localName: colon == 0 ? name : Span(colon &+ 1, Int(name.end)),
                namespace: resolution.uri, startTagEnd: Int32(truncatingIfNeeded: end),
                isSelfClosing: isSelfClosing, hasStreamPrefix: resolution.isStreamPrefix))
    }
}
