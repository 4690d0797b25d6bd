/// Finds the complete top-level elements of an XML stream (RFC 6120 §4) in bytes that arrive in pieces.
///
/// It frames, it does not check: the generator trusts its server to send well-formed XML, and what the checks of the
/// run need is verified in the elements themselves. It is resumable: no byte is looked at twice, however slowly an
/// element drips in.
///
/// Use: call ``next(in:)`` until it returns nil, drop ``consumed`` bytes from the front, tell ``rebase()``, and offer
/// the rest again with the following bytes behind it.
struct ElementFramer {
    enum Event: Equatable {
        /// An element at `start ..< end`, whose start tag ends at `tagEnd`.
        case element(start: Int, tagEnd: Int, end: Int)
        /// `</stream:stream>`.
        case streamClosed
        /// An element exceeds ``limit``, so nothing more can be framed.
        case tooLong
    }

    private enum State { case text, tag, apostropheValue, quoteValue, characters }

    /// Largest element in bytes.
    static let limit = 16_777_216

    private var state = State.text
    private var depth = 0
    private var position = 0
    private var tagStart = 0
    private var elementStart = 0
    private var tagEnd = 0
    /// Bytes at the front that no later call needs.
    private(set) var consumed = 0

    /// The bytes up to ``consumed`` are gone: offsets count from there now.
    mutating func rebase() {
        position -= consumed
        tagStart -= consumed
        elementStart -= consumed
        tagEnd -= consumed
        consumed = 0
    }

    /// A stream begins anew (RFC 6120 §4.3.3): the next start tag opens it.
    mutating func reset() { self = ElementFramer() }

    /// - Parameter bytes: what earlier calls were given and not consumed, and what has arrived since.
    /// - Returns: the next event, nil when more bytes are needed.
    mutating func next(in bytes: UnsafeRawBufferPointer) -> Event? {
        while position < bytes.count {
            switch state {
            case .text:
                guard let open = bytes.offset(of: UInt8(ascii: "<"), from: position) else {
                    position = bytes.count
                    if depth <= 1 { consumed = position }
                    break
                }
                tagStart = open
                if depth <= 1 {
                    elementStart = open
                    consumed = open
                }
                state = .tag
                position = open + 1
            case .apostropheValue, .quoteValue:
                let quote = state == .quoteValue ? UInt8(ascii: "\"") : UInt8(ascii: "'")
                if let close = bytes.offset(of: quote, from: position) {
                    position = close + 1
                    state = .tag
                } else {
                    position = bytes.count
                }
            case .characters:
                // The end may lie across two reads: step back by its length less one, never before the section.
                let from = max(tagStart + 1, position - 2)
                if let close = bytes.offset(of: "]]>", from: from) {
                    position = close + 3
                    state = .text
                } else {
                    position = bytes.count
                }
            case .tag:
                if let event = scanTag(bytes) { return event }
            }
        }
        return position - consumed > Self.limit ? .tooLong : nil
    }

    private mutating func scanTag(_ bytes: UnsafeRawBufferPointer) -> Event? {
        if bytes[tagStart + 1] == UInt8(ascii: "!") {
            state = .characters
            return nil
        }
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "'"):
                state = .apostropheValue
                return nil
            case UInt8(ascii: "\""):
                state = .quoteValue
                return nil
            case UInt8(ascii: ">"):
                state = .text
                return endTag(bytes)
            default: continue
            }
        }
        return nil
    }

    /// A tag lies at `tagStart ..< position`.
    private mutating func endTag(_ bytes: UnsafeRawBufferPointer) -> Event? {
        switch bytes[tagStart + 1] {
        case UInt8(ascii: "?"):
            if depth <= 1 { consumed = position }
            return nil
        case UInt8(ascii: "/"):
            depth -= 1
            guard depth <= 1 else { return nil }
            consumed = position
            return depth == 1 ? .element(start: elementStart, tagEnd: tagEnd, end: position) : .streamClosed
        default: break
        }
        if depth == 1 { tagEnd = position }
        if bytes[position - 2] == UInt8(ascii: "/") {
            guard depth == 1 else { return nil }
            consumed = position
            return .element(start: elementStart, tagEnd: tagEnd, end: position)
        }
        if depth == 0 { consumed = position }
        depth += 1
        return nil
    }
}
