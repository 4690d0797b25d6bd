/// Cuts the bytes of one XMPP stream (RFC 6120 §4) into its header, its top-level elements and its end.
///
/// Every byte is checked for well-formedness (XML 1.0 fifth edition, Namespaces in XML 1.0), for UTF-8 and for the
/// restrictions of RFC 6120 §11.1, so that what comes out may be passed on unread. The scanner keeps a few words
/// per stream; the state of an element in progress is in the `ElementFrame`.
public struct XMLStreamScanner: Sendable {
    public enum Event: Sendable, Equatable {
        /// All bytes offered are looked at. Call again with the same start and more bytes; when
        /// `frame.isInProgress`, with the same frame.
        case needMoreBytes
        /// White space outside elements (RFC 6120 §4.6.1 keepalives); consume it and call again.
        case whitespace(length: Int)
        /// The optional XML declaration and the stream's start tag; see `header`.
        case streamOpen(length: Int)
        /// A complete top-level element; see the frame.
        case element(length: Int)
        /// The stream's end tag.
        case streamClose(length: Int)
        /// The stream cannot go on; nothing after this is meaningful.
        case fault(XMLFault)
    }

    private enum Phase: UInt8 {
        /// Nothing read yet: an XML declaration may come.
        case first
        /// White space was read: a declaration would no longer be at the start.
        case prolog
        /// After `restart()`: white space that still belongs to the old stream may precede a declaration.
        case restarted
        case open
        case closed
    }

    /// Longest stream end tag that is waited for, in bytes.
    private static let longestStreamEnd = 1024

    /// Bounds for the header and for elements; may change between elements.
    public var limits: XMLLimits
    private var scope: StreamScope?
    private var phase = Phase.first

    public init(limits: XMLLimits) {
        self.limits = limits
    }

    /// The open stream's header; nil before it.
    public var header: StreamHeader? { scope?.header }

    /// Expects a new stream header on the same connection, after STARTTLS (RFC 6120 §5.4.3.3) or SASL (§6.4.6).
    public mutating func restart() {
        scope = nil
        phase = .restarted
    }

    /// Looks for the next piece of the stream.
    ///
    /// - Parameters:
    ///   - bytes: from the first unconsumed byte on. After `.needMoreBytes` at least the bytes of the call before,
    ///     unchanged, though they may have moved.
    ///   - frame: any frame not in progress; while an element is incomplete, the frame of the call before.
    /// - Returns: an event whose `length` bytes the caller consumes before the next call.
    public mutating func next(_ bytes: UnsafeRawBufferPointer, frame: ElementFrame) -> Event {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return .needMoreBytes }
        do throws(XMLFault) {
            return try advance(base.assumingMemoryBound(to: UInt8.self), bytes.count, frame)
        } catch {
            frame.reset()
            phase = .closed
            return .fault(error)
        }
    }

    @inline(__always)
    private mutating func advance(
        _ p: UnsafePointer<UInt8>, _ n: Int, _ frame: ElementFrame
    ) throws(XMLFault) -> Event {
        if !frame.isInProgress {
            if phase == .open, p[0] == 0x3C, n > 1, p[1] != 0x2F, p[1] != 0x21, p[1] != 0x3F {
                frame.begin(at: 0, limits: limits, isHeader: false)
            } else if let event = try betweenElements(p, n, frame) {
                return event
            }
        }
        let s = frame.state
        let bound = min(n, limits.elementBytes, Int(Int32.max))
        let from = s.pointee.cursor
        guard from <= bound else { throw .tooLarge }
        let isComplete = try ElementScan(s: s, p: p, n: bound, scope: scope).run()
        guard isComplete else {
            s.pointee.bytesExamined &+= bound &- from
            if bound < n { throw .tooLarge }
            return .needMoreBytes
        }
        let length = s.pointee.length
        s.pointee.bytesExamined &+= length &- from
        guard s.pointee.isHeader else { return .element(length: length) }
        scope = try frame.makeStreamScope(p)
        phase = .open
        return .streamOpen(length: length)
    }

    /// Handles what is not an element; nil when it has begun a stream header in the frame.
    @inline(never)
    private mutating func betweenElements(
        _ p: UnsafePointer<UInt8>, _ n: Int, _ frame: ElementFrame
    ) throws(XMLFault) -> Event? {
        if Lexeme.isSpace(p[0]) {
            var i = 1
            while i < n, Lexeme.isSpace(p[i]) { i &+= 1 }
            if phase == .first { phase = .prolog }
            return .whitespace(length: i)
        }
        switch phase {
        case .open: return try betweenStanzas(p, n)
        case .closed: throw .notWellFormed("data after the end of the stream")
        case .first, .prolog, .restarted: return try beforeHeader(p, n, frame)
        }
    }

    private mutating func betweenStanzas(_ p: UnsafePointer<UInt8>, _ n: Int) throws(XMLFault) -> Event? {
        // RFC 6120 §11.7 allows white space only; it names no error for other text.
        guard p[0] == 0x3C else { throw .notWellFormed("character data between stanzas") }
        guard n > 1 else { return .needMoreBytes }
        switch p[1] {
        case UInt8(ascii: "/"): return try streamEnd(p, n)
        case UInt8(ascii: "?"): throw .restricted("processing instruction")
        default:
            if case .cdata = try Markup.classify(p, 0, n) { throw .notWellFormed("character data between stanzas") }
            return .needMoreBytes
        }
    }

    private mutating func streamEnd(_ p: UnsafePointer<UInt8>, _ n: Int) throws(XMLFault) -> Event {
        var i = 2
        for byte in scope?.header.qualifiedName.utf8 ?? "".utf8 {
            guard i < n else { return .needMoreBytes }
            guard p[i] == byte else { throw .notWellFormed("end tag does not match") }
            i += 1
        }
        guard i < n else { return .needMoreBytes }
        guard p[i] == 0x3E || Lexeme.isSpace(p[i]) else { throw .notWellFormed("end tag does not match") }
        while i < n, Lexeme.isSpace(p[i]) {
            i += 1
            if i > Self.longestStreamEnd { throw .tooLarge }
        }
        guard i < n else { return .needMoreBytes }
        guard p[i] == 0x3E else { throw .notWellFormed("end tag holds more than a name") }
        phase = .closed
        return .streamClose(length: i + 1)
    }

    private mutating func beforeHeader(
        _ p: UnsafePointer<UInt8>, _ n: Int, _ frame: ElementFrame
    ) throws(XMLFault) -> Event? {
        // UTF-16 and UTF-32 begin with a byte order mark or have a zero among the first two bytes (XML 1.0 appendix F).
        // A UTF-8 byte order mark is a character like any other here (RFC 6120 §11.6).
        if p[0] == 0 { throw .unsupportedEncoding }
        if p[0] >= 0xFE {
            guard n > 1 else { return .needMoreBytes }
            throw p[1] == p[0] ^ 1 ? .unsupportedEncoding : Lexeme.invalidUTF8()
        }
        guard p[0] == 0x3C else { throw .notWellFormed("character data before the stream header") }
        guard n > 1 else { return .needMoreBytes }
        if p[1] == 0 { throw .unsupportedEncoding }
        var declaration = 0
        if p[1] == UInt8(ascii: "?") {
            declaration = try XMLDeclaration.parse(p, n)
            if declaration == 0 { return .needMoreBytes }
            if phase == .prolog { throw .notWellFormed("XML declaration is not at the start") }
        }
        frame.begin(at: declaration, limits: limits, isHeader: true)
        return nil
    }
}
