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
        var hasPrefixed = false
        for index in 0..<count {
            if attributes[index].isNamespaceDeclaration {
                try declare(attributes[index], depth: depth)
            } else if attributes[index].hasPrefix {
                hasPrefixed = true
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
        if hasPrefixed { try checkPrefixedAttributes() }
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
        // Every look-up walks the declarations in force: their number is bounded.
        guard s.pointee.bindings.count < s.pointee.depthLimit &+ s.pointee.attributeLimit else { throw .tooDeep }
        let hash = attribute.hasPrefix ? Self.hash(XMLEscape.unescape(attribute: raw(attribute.value)) ?? "") : 0
        s.pointee.bindings.append(NamespaceBinding(prefix: prefix, uri: attribute.value, hash: hash, depth: depth))
    }

    /// Resolves the prefixes of attributes and refuses two of the same expanded name.
    ///
    /// Hashes decide first: each namespace name is read once, at its declaration, however many attributes share it.
    private func checkPrefixedAttributes() throws(XMLFault) {
        let count = s.pointee.tagAttributes.count
        let attributes = s.pointee.tagAttributes.elements
        s.pointee.prefixed.truncate(to: 0)
        for index in 0..<count {
            let attribute = attributes[index]
            guard attribute.hasPrefix, !attribute.isNamespaceDeclaration else { continue }
            let prefix = Span(start: attribute.name.start, end: attribute.localStart &- 1)
            let local = Span(start: attribute.localStart, end: attribute.name.end)
            let own = try binding(of: prefix)
            let hash =
                switch own {
                case .inside(let binding): binding.hash
                case .stream(let uri): Self.hash(uri)
                case .xml: 0
                }
            for earlier in 0..<s.pointee.prefixed.count {
                let other = s.pointee.prefixed[earlier]
                guard other.hash == hash, same(other.local, local),
                    try sameNamespace(own, binding(of: other.prefix))
                else { continue }
                throw .notWellFormed("duplicate attribute")
            }
            s.pointee.prefixed.append(PrefixedAttribute(prefix: prefix, local: local, hash: hash))
        }
    }

    private static func hash(_ uri: String) -> Int {
        var uri = uri
        var hasher = Hasher()
        uri.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        return hasher.finalize()
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
