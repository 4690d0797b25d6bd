/// One complete element, seen in place; valid only while the read that brought it is being handled.
struct Element {
    enum Kind {
        case message, iq, presence
        case features, streamError
        case proceed, challenge, success, failure
        case enabled, failed, ackRequest, ack
        case other
    }

    let bytes: UnsafeRawBufferPointer
    /// Offset of the first byte after the start tag.
    let tagEnd: Int

    /// Which element it is, by its local name.
    var kind: Kind {
        var start = 1
        var end = 1
        loop: while end < tagEnd {
            switch bytes[end] {
            case UInt8(ascii: " "), UInt8(ascii: ">"), UInt8(ascii: "/"), 0x09, 0x0A, 0x0D: break loop
            case UInt8(ascii: ":"): start = end + 1
            default: break
            }
            end += 1
        }
        let name = bytes.part(start, end)
        switch name.count {
        case 1: return name[0] == UInt8(ascii: "r") ? .ackRequest : name[0] == UInt8(ascii: "a") ? .ack : .other
        case 2: return name.isEqual(to: "iq") ? .iq : .other
        case 5: return name.isEqual(to: "error") ? .streamError : .other
        case 6: return name.isEqual(to: "failed") ? .failed : .other
        case 7:
            if name.isEqual(to: "message") { return .message }
            if name.isEqual(to: "success") { return .success }
            if name.isEqual(to: "enabled") { return .enabled }
            if name.isEqual(to: "proceed") { return .proceed }
            return name.isEqual(to: "failure") ? .failure : .other
        case 8:
            if name.isEqual(to: "presence") { return .presence }
            return name.isEqual(to: "features") ? .features : .other
        case 9: return name.isEqual(to: "challenge") ? .challenge : .other
        default: return .other
        }
    }

    /// The raw value of an attribute of the start tag without a prefix, entities as they stand.
    func attribute(_ name: StaticString) -> UnsafeRawBufferPointer? {
        Self.attribute(name, in: bytes.part(0, tagEnd))
    }

    /// The raw value of the attribute `name` in `tag`, which is a whole start tag.
    static func attribute(_ name: StaticString, in tag: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var cursor = 1
        while cursor < tag.count, !isSpace(tag[cursor]) { cursor += 1 }
        while cursor < tag.count {
            while cursor < tag.count, isSpace(tag[cursor]) { cursor += 1 }
            let start = cursor
            while cursor < tag.count, tag[cursor] != UInt8(ascii: "="), !isSpace(tag[cursor]) { cursor += 1 }
            let end = cursor
            while cursor < tag.count, isSpace(tag[cursor]) || tag[cursor] == UInt8(ascii: "=") { cursor += 1 }
            guard cursor < tag.count, tag[cursor] == UInt8(ascii: "'") || tag[cursor] == UInt8(ascii: "\"") else {
                return nil
            }
            guard let close = tag.offset(of: tag[cursor], from: cursor + 1) else { return nil }
            if tag.part(start, end).isEqual(to: name) { return tag.part(cursor + 1, close) }
            cursor = close + 1
        }
        return nil
    }

    /// Whether the attribute `name` is there and has exactly `value`.
    @inline(__always)
    func attribute(_ name: StaticString, is value: StaticString) -> Bool {
        attribute(name)?.isEqual(to: value) ?? false
    }

    /// Whether `needle` occurs anywhere after the start tag.
    func contains(_ needle: StaticString) -> Bool { bytes.offset(of: needle, from: tagEnd) != nil }

    /// The character data between the start tag and the next tag, entities as they stand.
    var text: UnsafeRawBufferPointer {
        guard let end = bytes.offset(of: UInt8(ascii: "<"), from: tagEnd) else { return bytes.part(0, 0) }
        return bytes.part(tagEnd, end)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
