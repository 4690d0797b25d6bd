/// How the name of an element gets its namespace.
struct NameResolution {
    /// Value of the declaration inside the element that applies, or `Span.none`.
    var uri: Span
    /// The prefix is bound on the stream header, or is `xml`.
    var isStreamPrefix: Bool

    static var inherited: NameResolution { NameResolution(uri: .none, isStreamPrefix: false) }
}

/// Namespaces in XML 1.0 (third edition).
extension ElementScan {
    private static var xmlNamespace: StaticString { "http://www.w3.org/XML/1998/namespace" }
    private static var xmlnsNamespace: StaticString { "http://www.w3.org/2000/xmlns/" }

    /// Where a prefix is bound.
    private enum Binding {
        case inside(NamespaceBinding)
        case stream(String)
        case xml
    }

    /// Default namespace in force for an unprefixed name.
    func defaultNamespace() -> NameResolution {
        var index = s.pointee.bindings.count
        while index > 0 {
            index &-= 1
            let binding = s.pointee.bindings[index]
            if binding.prefix.isEmpty { return NameResolution(uri: binding.uri, isStreamPrefix: false) }
        }
        return .inherited
    }

    /// Enters the tag's declarations and resolves every prefix it uses.
    ///
    /// - Throws: `.badNamespacePrefix` for an unbound prefix (§5, Prefix Declared); `.notWellFormed` for reserved
    ///   prefixes and names, for undeclared prefixes, and for attributes with the same expanded name (§6.3).
    @inline(never)
    func resolveNamespaces(depth: Int) throws(XMLFault) -> NameResolution {
        let count = s.pointee.tagAttributes.count
        let attributes = s.pointee.tagAttributes.elements
        var prefixed = 0
        for index in 0..<count {
            if attributes[index].isNamespaceDeclaration {
                try declare(attributes[index], depth: depth)
            } else if attributes[index].hasPrefix {
                prefixed &+= 1
            }
        }
        var resolution = NameResolution.inherited
        if s.pointee.tagNameColon == 0 {
            resolution = defaultNamespace()
        } else {
            let prefix = Span(Int(s.pointee.tagName.start), s.pointee.tagNameColon)
            if isXMLNS(prefix) { throw .notWellFormed("element name with the prefix xmlns") }
            switch try binding(of: prefix) {
            case .inside(let binding): resolution.uri = binding.uri
            case .stream, .xml: resolution.isStreamPrefix = true
            }
        }
        if prefixed > 0 { try checkPrefixedAttributes(prefixed) }
        return resolution
    }

    private func declare(_ attribute: AttributeSpan, depth: Int) throws(XMLFault) {
        let prefix = attribute.hasPrefix ? Span(start: attribute.localStart, end: attribute.name.end) : .none
        let isXML = value(attribute.value, attribute.hasReferences, equals: Self.xmlNamespace)
        if attribute.hasPrefix {
            if isXMLNS(prefix) { throw .notWellFormed("the prefix xmlns is declared") }
            if isXMLPrefix(prefix) {
                guard isXML else { throw .notWellFormed("the prefix xml is bound to another namespace") }
                return
            }
            if attribute.value.isEmpty { throw .notWellFormed("a prefix is undeclared") }
        }
        if isXML || value(attribute.value, attribute.hasReferences, equals: Self.xmlnsNamespace) {
            throw .notWellFormed("a reserved namespace is declared")
        }
        s.pointee.bindings.append(
            NamespaceBinding(
                prefix: prefix, uri: attribute.value, hasReferences: attribute.hasReferences, depth: depth))
    }

    private func checkPrefixedAttributes(_ prefixed: Int) throws(XMLFault) {
        let count = s.pointee.tagAttributes.count
        let attributes = s.pointee.tagAttributes.elements
        for index in 0..<count {
            let attribute = attributes[index]
            guard attribute.hasPrefix, !attribute.isNamespaceDeclaration else { continue }
            let own = try binding(of: Span(start: attribute.name.start, end: attribute.localStart &- 1))
            guard prefixed > 1 else { return }
            for earlier in 0..<index {
                let other = attributes[earlier]
                guard other.hasPrefix, !other.isNamespaceDeclaration,
                    same(
                        Span(start: other.localStart, end: other.name.end),
                        Span(start: attribute.localStart, end: attribute.name.end)),
                    try sameNamespace(own, binding(of: Span(start: other.name.start, end: other.localStart &- 1)))
                else { continue }
                throw .notWellFormed("duplicate attribute")
            }
        }
    }

    private func binding(of prefix: Span) throws(XMLFault) -> Binding {
        var index = s.pointee.bindings.count
        while index > 0 {
            index &-= 1
            let binding = s.pointee.bindings[index]
            if same(binding.prefix, prefix) { return .inside(binding) }
        }
        if isXMLPrefix(prefix) { return .xml }
        let bytes = UnsafeBufferPointer(start: p + Int(prefix.start), count: prefix.count)
        guard let scope, let uri = scope.namespace(ofPrefix: bytes) else { throw .badNamespacePrefix }
        s.pointee.usesStreamPrefix = true
        return .stream(uri)
    }

    private func sameNamespace(_ a: Binding, _ b: Binding) -> Bool {
        switch (a, b) {
        case (.xml, .xml): true
        case (.xml, _), (_, .xml): false
        default: namespace(a).utf8.elementsEqual(namespace(b).utf8)
        }
    }

    private func namespace(_ binding: Binding) -> String {
        switch binding {
        case .xml: ""
        case .stream(let uri): uri
        case .inside(let binding): XMLEscape.unescape(attribute: raw(binding.uri)) ?? ""
        }
    }

    // MARK: Bytes

    private func raw(_ span: Span) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: p + Int(span.start), count: span.count)
    }

    @inline(__always)
    private func same(_ a: Span, _ b: Span) -> Bool {
        a.count == b.count && Lexeme.equal(p + Int(a.start), p + Int(b.start), a.count)
    }

    @inline(__always)
    private func isXMLPrefix(_ prefix: Span) -> Bool {
        let i = Int(prefix.start)
        return prefix.count == 3 && p[i] == 0x78 && p[i &+ 1] == 0x6D && p[i &+ 2] == 0x6C
    }

    @inline(__always)
    private func isXMLNS(_ prefix: Span) -> Bool {
        let i = Int(prefix.start)
        return prefix.count == 5 && p[i] == 0x78 && p[i &+ 1] == 0x6D && p[i &+ 2] == 0x6C && p[i &+ 3] == 0x6E
            && p[i &+ 4] == 0x73
    }

    /// Whether a declaration's value, its references resolved, is `literal`.
    @inline(__always)
    private func value(_ span: Span, _ hasReferences: Bool, equals literal: StaticString) -> Bool {
        if !hasReferences {
            return span.count == literal.utf8CodeUnitCount
                && Lexeme.equal(p + Int(span.start), literal.utf8Start, span.count)
        }
        let expected = UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
        return XMLEscape.unescape(attribute: raw(span))?.utf8.elementsEqual(expected) ?? false
    }
}
