/// A small element tree, for stanzas that the server answers or writes itself.
///
/// Names are expanded: no element keeps a prefix. A prefix inside text or attribute values (a QName in content) is
/// text here and loses its declaration.
public struct XMLElement: Sendable, Equatable {
    /// The namespace of `xml:lang` and its like, bound to the prefix `xml` by definition.
    public static let xmlNamespace = "http://www.w3.org/XML/1998/namespace"

    public struct Attribute: Sendable, Equatable {
        /// Qualified name, as in `type` or `xml:lang`.
        public var name: String
        /// Namespace of a prefixed name; nil for an unprefixed one, which is in no namespace.
        public var namespace: String?
        public var value: String

        public init(name: String, namespace: String? = nil, value: String) {
            self.name = name
            self.namespace = namespace
            self.value = value
        }
    }

    public enum Node: Sendable, Equatable {
        case element(XMLElement)
        case text(String)
    }

    /// Local name.
    public var name: String
    /// Empty for an element in no namespace.
    public var namespace: String
    /// In document order, without namespace declarations.
    public var attributes: [Attribute]
    /// In document order; adjacent text is one node when parsed.
    public var children: [Node]

    /// - Parameters:
    ///   - name: local name; the caller answers for its being a name.
    ///   - attributes: unprefixed names, or `xml:…`. Append an `Attribute` for other prefixes.
    public init(
        _ name: String, namespace: String, attributes: KeyValuePairs<String, String> = [:], children: [Node] = []
    ) {
        self.name = name
        self.namespace = namespace
        self.attributes = attributes.map {
            Attribute(name: $0.key, namespace: Self.implicitNamespace(of: $0.key), value: $0.value)
        }
        self.children = children
    }

    /// The value of the attribute with that qualified name. Setting nil removes it.
    public subscript(attribute: String) -> String? {
        get { attributes.first { $0.name == attribute }?.value }
        set {
            let index = attributes.firstIndex { $0.name == attribute }
            switch (index, newValue) {
            case (let index?, let value?): attributes[index].value = value
            case (let index?, nil): attributes.remove(at: index)
            case (nil, let value?):
                attributes.append(
                    Attribute(name: attribute, namespace: Self.implicitNamespace(of: attribute), value: value))
            case (nil, nil): break
            }
        }
    }

    /// The first child element with that expanded name.
    public func child(_ name: String, namespace: String) -> XMLElement? {
        for case .element(let element) in children where element.name == name && element.namespace == namespace {
            return element
        }
        return nil
    }

    /// The child elements, without text.
    public var elements: [XMLElement] {
        children.compactMap { if case .element(let element) = $0 { element } else { nil } }
    }

    public var firstElement: XMLElement? {
        for case .element(let element) in children { return element }
        return nil
    }

    /// The text directly inside, concatenated; that of child elements is not included.
    public var text: String {
        var result = ""
        for case .text(let text) in children { result += text }
        return result
    }

    private static func implicitNamespace(of name: String) -> String? {
        name.utf8.starts(with: "xml:".utf8) ? xmlNamespace : nil
    }
}
