/// The parameters behind a value: `;name=value;name`. Looked through when asked; nothing is kept apart.
public struct SIPParameters: Sendable, Hashable, Sequence {
    /// From the first semicolon on.
    public let text: SIPBytes

    public init(_ text: SIPBytes) { self.text = text }

    public static let empty = SIPParameters(.empty)

    public var isEmpty: Bool { text.isEmpty }

    /// The value of the first parameter of that name: empty for one without a value, quotes are left on.
    /// - Parameter name: in lower case.
    public func raw(_ name: StaticString) -> SIPBytes? {
        if text.isEmpty { return nil }
        var iterator = makeIterator()
        while let parameter = iterator.next() {
            if parameter.name.matches(name) { return parameter.value ?? .empty }
        }
        return nil
    }

    /// The value without quotes.
    public subscript(_ name: StaticString) -> SIPBytes? { raw(name)?.unquoted }

    /// The value of the first parameter of that name, in any case.
    public subscript(named name: SIPBytes) -> SIPBytes? {
        for parameter in self where parameter.name.matches(name) { return parameter.value?.unquoted ?? .empty }
        return nil
    }

    public func has(_ name: StaticString) -> Bool { raw(name) != nil }

    public struct Parameter: Sendable {
        public let name: SIPBytes
        /// As written, with quotes; nil without `=`.
        public let value: SIPBytes?
    }

    public struct Iterator: IteratorProtocol {
        var cursor: Cursor

        public mutating func next() -> Parameter? {
            while true {
                cursor.skipBlanks()
                if cursor.take(0x3B) || cursor.take(0x2C) { continue }
                if cursor.isAtEnd { return nil }
                let from = cursor.index
                while !cursor.isAtEnd, cursor.byte != 0x3B, cursor.byte != 0x3D { cursor.index += 1 }
                let name = cursor.bytes.part(from, cursor.index).trimmed
                guard cursor.take(0x3D) else { return Parameter(name: name, value: nil) }
                cursor.skipBlanks()
                let valueFrom = cursor.index
                if cursor.byte == 0x22 {
                    if let quoted = cursor.quotedString() {
                        while !cursor.isAtEnd, cursor.byte != 0x3B { cursor.index += 1 }
                        return Parameter(name: name, value: quoted)
                    }
                    cursor.index = valueFrom
                }
                while !cursor.isAtEnd, cursor.byte != 0x3B { cursor.index += 1 }
                return Parameter(name: name, value: cursor.bytes.part(valueFrom, cursor.index).trimmed)
            }
        }
    }

    public func makeIterator() -> Iterator { Iterator(cursor: Cursor(text)) }
}

/// The values of a header that holds lists: over all its lines, cut at commas outside quotes and angle brackets (RFC 3261 §7.3.1).
public struct SIPItems: Sequence, Sendable {
    let message: SIPMessage
    let header: SIPHeader
    /// The values do not hold the message.
    var isBare = false

    public struct Iterator: IteratorProtocol {
        let message: SIPMessage
        let header: SIPHeader
        let isBare: Bool
        var field = 0
        var rest: SIPBytes?

        public mutating func next() -> SIPBytes? {
            while true {
                if rest == nil {
                    guard let found = message.fieldIndex(header, from: field) else { return nil }
                    field = found + 1
                    rest = isBare ? message.bareValue(at: found) : message.value(at: found)
                }
                guard let line = rest else { return nil }
                let end = Self.itemEnd(line)
                rest = end < line.count ? line.part(end + 1, line.count) : nil
                let item = line.part(0, end).trimmed
                if !item.isEmpty { return item }
            }
        }

        static func itemEnd(_ line: SIPBytes) -> Int {
            var isQuoted = false
            var isBracketed = false
            var index = 0
            while index < line.count {
                switch line.start[index] {
                case 0x22: isQuoted.toggle()
                case 0x5C where isQuoted: index += 1
                case 0x3C where !isQuoted: isBracketed = true
                case 0x3E where !isQuoted: isBracketed = false
                case 0x2C where !isQuoted && !isBracketed: return index
                default: break
                }
                index += 1
            }
            return line.count
        }
    }

    public func makeIterator() -> Iterator { Iterator(message: message, header: header, isBare: isBare) }

    public var first: SIPBytes? {
        var iterator = makeIterator()
        return iterator.next()
    }

    public var isEmpty: Bool { first == nil }
    public var array: [SIPBytes] { Array(self) }

    /// Whether one of the items, without its parameters, is that token, in any case.
    /// - Parameter lowered: in lower case.
    public func contains(_ lowered: StaticString) -> Bool {
        for item in self {
            let end = item.firstIndex(of: 0x3B) ?? item.count
            if item.part(0, end).trimmed.matches(lowered) { return true }
        }
        return false
    }
}
