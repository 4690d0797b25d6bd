/// What the scanner knows of one complete top-level element; reused from element to element.
///
/// All spans are relative to the element's first byte, `<`. A frame also holds the state of an element that has
/// only partly arrived: while `isInProgress` it belongs to that stream alone. Otherwise any stream of the same
/// thread may use it, so one frame per event loop suffices.
public final class ElementFrame {
    /// Direct children beyond this number are counted, not indexed.
    public static let indexedChildren = 64

    // Fields are reached through one constant pointer: no exclusivity bookkeeping per access.
    let state: ScanPointer

    public init() {
        state = .allocate(capacity: 1)
        state.initialize(to: ScanState())
    }

    deinit {
        state.pointee.openNames.deallocate()
        state.pointee.bindings.deallocate()
        state.pointee.tagAttributes.deallocate()
        state.pointee.prefixed.deallocate()
        state.pointee.childSpans.deallocate()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// An element or stream header has begun and is not complete: the frame must stay with its stream.
    public var isInProgress: Bool { state.pointee.step != .idle }

    /// Forgets an element in progress, for the stream that ended in the middle of it. A fault does so by itself.
    public func reset() { state.pointee.step = .idle }

    /// Qualified name of the element.
    public var name: Span { state.pointee.name }
    /// Value of the declaration on the element that binds its own name; `Span.none` when it carries none.
    public var namespace: Span { state.pointee.namespace }
    /// Attributes of the element's start tag, in order, namespace declarations included.
    public var attributes: [AttributeSpan] { state.pointee.attributes }
    /// The first `indexedChildren` direct children.
    public var children: [ChildSpan] { state.pointee.children }
    /// All direct children.
    public var childCount: Int { state.pointee.childCount }
    /// Offset after `>` of the start tag.
    public var startTagEnd: Int32 { Int32(truncatingIfNeeded: state.pointee.startTagEnd) }
    public var isSelfClosing: Bool { state.pointee.isSelfClosing }
    /// Offset of `</` of the element's end tag; equals `startTagEnd` when self-closing.
    public var endTagStart: Int32 { Int32(truncatingIfNeeded: state.pointee.endTagStart) }
    /// Whole element in bytes.
    public var length: Int { state.pointee.length }
    /// Somewhere inside, an element or attribute uses a prefix, other than `xml`, bound only on the stream header.
    public var usesStreamPrefix: Bool { state.pointee.usesStreamPrefix }
    /// The element's own name has a prefix.
    public var hasPrefixedRoot: Bool { state.pointee.hasPrefixedRoot }

    /// The attribute of that qualified name on the element itself.
    ///
    /// - Parameter bytes: the element's bytes, from `<`.
    public func attribute(_ name: StaticString, in bytes: UnsafeRawBufferPointer) -> AttributeSpan? {
        state.pointee.attributes.withUnsafeBufferPointer { spans in
            for span in spans where span.name.equals(name, in: bytes) { return span }
            return nil
        }
    }

    /// Whether the element's qualified name is `name`.
    public func nameEquals(_ name: StaticString, in bytes: UnsafeRawBufferPointer) -> Bool {
        state.pointee.name.equals(name, in: bytes)
    }
}

extension ElementFrame {
    var bytesExamined: Int { state.pointee.bytesExamined }

    /// Prepares for an element, or for a stream header, whose `<` is at `offset`.
    @inline(__always)
    func begin(at offset: Int, limits: XMLLimits, isHeader: Bool) {
        let s = state
        s.pointee.step = isHeader ? .prolog : .startName
        s.pointee.isHeader = isHeader
        s.pointee.cursor = isHeader ? offset : offset &+ 1
        s.pointee.depthLimit = min(limits.depth, Int(Int32.max))
        s.pointee.attributeLimit = min(limits.attributes, Int(Int32.max))
        s.pointee.openNames.truncate(to: 0)
        s.pointee.bindings.truncate(to: 0)
        s.pointee.childSpans.truncate(to: 0)
        s.pointee.childCount = 0
        s.pointee.attributes.removeAll(keepingCapacity: true)
        s.pointee.children.removeAll(keepingCapacity: true)
        s.pointee.usesStreamPrefix = false
        if !isHeader { s.beginTag(at: offset) }
    }
}

extension ScanPointer {
    @inline(__always)
    func beginTag(at offset: Int) {
        pointee.tagStart = offset
        pointee.itemStart = offset &+ 1
        pointee.colon = 0
        pointee.tagNeedsNamespaces = false
        pointee.tagAttributes.truncate(to: 0)
    }
}
