/// One namespace declaration in force inside the element being scanned.
struct NamespaceBinding: BitwiseCopyable {
    /// Empty for the default namespace.
    var prefix: Span
    var uri: Span
    /// Hash of the namespace name, references resolved; 0 for the default namespace, which attributes never use.
    var hash: Int
    /// Nesting level of the element that carries the declaration.
    var depth: Int
}

/// A prefixed attribute of the tag under the cursor, its namespace known.
struct PrefixedAttribute: BitwiseCopyable {
    var prefix: Span
    var local: Span
    /// Hash of its namespace name.
    var hash: Int
}

/// Everything the scanner knows of an element, complete or not. Offsets count from the element's first byte.
struct ScanState {
    /// What the next byte belongs to.
    ///
    ///     content ─<─▶ startName ▶ betweenAttributes ▶ attributeName ▶ beforeEquals ▶ afterEquals ▶ value ─┐
    ///        ▲ │ ├</─▶ endName ▶ endSpace            ▲────────────────────────────────────────────────────┘
    ///        │ │ └<!─▶ markup ▶ cdata                └─/─▶ emptyEnd
    ///        └─┴── each returns to content at its '>'
    enum Step: UInt8 {
        case idle
        case prolog
        case content
        case startName
        case betweenAttributes
        case attributeName
        case beforeEquals
        case afterEquals
        case value
        case emptyEnd
        case endName
        case endSpace
        case markup
        case cdata
    }

    // Position
    var step = Step.idle
    var quote: UInt8 = 0
    var valueHasReferences = false
    var isHeader = false
    /// Where to go on.
    var cursor = 0
    /// First byte of the name or markup under the cursor.
    var itemStart = 0
    /// Colon of the name under the cursor, 0 without one.
    var colon = 0
    /// `<` of the tag under the cursor.
    var tagStart = 0
    var tagName = Span.none
    var tagNameColon = 0
    var attributeName = Span.none
    var attributeLocalStart = 0
    var valueStart = 0
    /// The tag uses a prefix or declares a namespace.
    var tagNeedsNamespaces = false
    var depthLimit = 0
    var attributeLimit = 0
    /// Bytes looked at since the frame was made; lets a test prove that nothing is scanned twice.
    var bytesExamined = 0

    // Scratch
    var openNames = Scratch<Span>(capacity: 16)
    var bindings = Scratch<NamespaceBinding>(capacity: 8)
    var tagAttributes = Scratch<AttributeSpan>(capacity: 16)
    /// The prefixed attributes among `tagAttributes`, while their namespaces are compared.
    var prefixed = Scratch<PrefixedAttribute>(capacity: 4)
    var childSpans = Scratch<ChildSpan>(capacity: 8)

    // Results
    var name = Span.none
    var namespace = Span.none
    var attributes: [AttributeSpan] = []
    var children: [ChildSpan] = []
    var childCount = 0
    var startTagEnd = 0
    var endTagStart = 0
    var length = 0
    var isSelfClosing = false
    var usesStreamPrefix = false
    var hasPrefixedRoot = false
}

typealias ScanPointer = UnsafeMutablePointer<ScanState>
