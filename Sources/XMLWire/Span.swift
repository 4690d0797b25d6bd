/// Half-open byte range relative to the first byte of the element.
public struct Span: Sendable, Equatable, BitwiseCopyable {
    public var start: Int32
    public var end: Int32

    @inlinable
    public init(start: Int32, end: Int32) {
        self.start = start
        self.end = end
    }

    @inlinable
    init(_ start: Int, _ end: Int) {
        self.start = Int32(truncatingIfNeeded: start)
        self.end = Int32(truncatingIfNeeded: end)
    }

    /// No place at all: `0 ..< 0`.
    @inlinable
    public static var none: Span { Span(start: 0, end: 0) }

    @inlinable
    public var count: Int { Int(end) &- Int(start) }

    @inlinable
    public var isEmpty: Bool { start == end }

    /// The bytes the span covers; empty when it does not fit into `bytes`.
    @inlinable
    public func slice(of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard start >= 0, end >= start, Int(end) <= bytes.count else {
            return UnsafeRawBufferPointer(rebasing: bytes[..<0])
        }
        return UnsafeRawBufferPointer(rebasing: bytes[Int(start)..<Int(end)])
    }

    /// Whether the covered bytes are exactly those of `literal`; false when the span does not fit into `bytes`.
    public func equals(_ literal: StaticString, in bytes: UnsafeRawBufferPointer) -> Bool {
        guard count == literal.utf8CodeUnitCount, literal.hasPointerRepresentation, start >= 0, Int(end) <= bytes.count,
            let base = bytes.baseAddress
        else { return false }
        return Lexeme.equal(base + Int(start), UnsafeRawPointer(literal.utf8Start), count)
    }
}

/// Where one attribute of a start tag lies.
public struct AttributeSpan: Sendable, Equatable, BitwiseCopyable {
    /// The whole qualified name.
    public var name: Span
    /// The raw value between the quotes; references are not resolved.
    public var value: Span
    /// From the first byte of the name to after the closing quote.
    public var whole: Span
    /// First byte of the name's local part; equals `name.start` when there is no prefix.
    public var localStart: Int32
    /// The value contains `&`.
    public var hasReferences: Bool
    /// `xmlns` or `xmlns:…`.
    public var isNamespaceDeclaration: Bool

    public var hasPrefix: Bool { localStart != name.start }
}

/// Where one direct child element of a top-level element lies.
public struct ChildSpan: Sendable, Equatable, BitwiseCopyable {
    /// From `<` of the start tag to after `>` of the end tag.
    public var whole: Span
    public var localName: Span
    /// Value of the declaration in force for the child's name when it stands on the child or on the stanza root.
    ///
    /// `Span.none` when no declaration inside the element applies: the child is then in the stream's default
    /// namespace, or, with `hasStreamPrefix`, in that of a prefix. `xmlns=''` gives an empty span that does
    /// not start at 0.
    public var namespace: Span
    /// Offset after `>` of the start tag.
    public var startTagEnd: Int32
    public var isSelfClosing: Bool
    /// The name's prefix is not bound inside the element: it is bound on the stream header, or is `xml`.
    public var hasStreamPrefix: Bool

    /// The child is in the stream's default namespace.
    public var inheritsStreamNamespace: Bool { namespace == .none && !hasStreamPrefix }

    public func localName(equals literal: StaticString, in bytes: UnsafeRawBufferPointer) -> Bool {
        localName.equals(literal, in: bytes)
    }

    /// Byte comparison with the raw declaration; a value written with references does not match.
    public func namespace(equals literal: StaticString, in bytes: UnsafeRawBufferPointer) -> Bool {
        namespace.equals(literal, in: bytes)
    }
}
