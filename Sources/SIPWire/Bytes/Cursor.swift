/// Reads the grammar of RFC 3261 §25.1 from left to right. Never goes past `end`.
struct Cursor {
    let bytes: SIPBytes
    var index = 0

    init(_ bytes: SIPBytes) { self.bytes = bytes }

    var isAtEnd: Bool { index >= bytes.count }
    @inline(__always) var byte: UInt8 { index < bytes.count ? bytes.start[index] : 0 }

    mutating func skipBlanks() {
        while index < bytes.count, Lexical.isBlank(bytes.start[index]) { index += 1 }
    }

    /// Takes that byte when it is next.
    mutating func take(_ expected: UInt8) -> Bool {
        guard index < bytes.count, bytes.start[index] == expected else { return false }
        index += 1
        return true
    }

    /// That byte with white space around it (SEMI, SLASH, EQUAL, COMMA …). Takes the blanks also when it is not there.
    mutating func takeSpaced(_ expected: UInt8) -> Bool {
        skipBlanks()
        guard take(expected) else { return false }
        skipBlanks()
        return true
    }

    /// The longest run of bytes of the class, perhaps none.
    mutating func run(_ classes: UInt16) -> SIPBytes {
        let table = Lexical.table
        let from = index
        while index < bytes.count, table[Int(bytes.start[index])] & classes != 0 { index += 1 }
        return bytes.part(from, index)
    }

    mutating func token() -> SIPBytes? {
        let found = run(Lexical.token)
        return found.isEmpty ? nil : found
    }

    /// A quoted string with its quotes; nil when it is not closed.
    mutating func quotedString() -> SIPBytes? {
        let from = index
        guard take(0x22) else { return nil }
        while index < bytes.count {
            let byte = bytes.start[index]
            index += 1
            if byte == 0x22 { return bytes.part(from, index) }
            if byte == 0x5C {
                // quoted-pair is a backslash and an ASCII character.
                guard index < bytes.count, bytes.start[index] < 0x80 else { return nil }
                index += 1
            }
        }
        return nil
    }

    /// A host: name, IPv4 address, or IPv6 reference with its brackets (RFC 3261 §25.1, RFC 5954).
    mutating func host() -> SIPBytes? {
        let from = index
        if byte == 0x5B {
            index += 1
            while index < bytes.count, bytes.start[index] != 0x5D { index += 1 }
            let inner = bytes.part(from + 1, index)
            guard take(0x5D), HostGrammar.isIPv6(inner) else { return nil }
            return bytes.part(from, index)
        }
        let name = run(Lexical.hostName)
        return HostGrammar.isName(name) ? name : nil
    }

    /// `*( ;name [= value] )` with white space, up to the end or a comma; false when it breaks the grammar.
    mutating func parameters(untilComma: Bool = false) -> Bool {
        while true {
            let before = index
            skipBlanks()
            if isAtEnd { return true }
            guard take(0x3B) else {
                index = before
                return untilComma
                    && {
                        skipBlanks(); return byte == 0x2C
                    }()
            }
            skipBlanks()
            guard token() != nil else { return false }
            let afterName = index
            if takeSpaced(0x3D) {
                guard parameterValue() else { return false }
            } else {
                index = afterName
            }
        }
    }

    /// `token / host / quoted-string`; a bare IPv6 address too, as in `received` (RFC 5118 §4.5).
    mutating func parameterValue() -> Bool {
        if byte == 0x22 { return quotedString() != nil }
        if byte == 0x5B { return host() != nil }
        let from = index
        let table = Lexical.table
        // Colons and slashes: addresses of RFC 5118, and what clients write into `+sip.instance`-like parameters unquoted.
        while index < bytes.count,
            table[Int(bytes.start[index])] & Lexical.token != 0 || bytes.start[index] == 0x3A
                || bytes.start[index] == 0x2F || bytes.start[index] == 0x40
        {
            index += 1
        }
        return index > from
    }
}

/// What a host may be.
enum HostGrammar {
    static func isName(_ name: SIPBytes) -> Bool {
        guard name.count > 0, name.count <= 255 else { return false }
        // Empty labels are in no name; one dot at the end is (RFC 3261 §25.1).
        var wasDot = true
        for index in 0..<name.count {
            let isDot = name.start[index] == 0x2E
            if isDot && wasDot { return false }
            wasDot = isDot
        }
        return true
    }

    /// The text between the brackets. Three colons pass before an IPv4 address: RFC 3261's grammar made them, and
    /// they must be tolerated (RFC 5118 §4.10, RFC 5954).
    static func isIPv6(_ text: SIPBytes) -> Bool {
        guard text.count >= 2, text.count <= 64 else { return false }
        var groups = 0
        var digits = 0
        var index = 0
        var isCompressed = false
        var mustBeIPv4 = false
        while index < text.count {
            let byte = text.start[index]
            if byte == 0x3A {
                var colons = 1
                while index + colons < text.count, text.start[index + colons] == 0x3A { colons += 1 }
                if colons > 3 || (colons > 1 && isCompressed) { return false }
                if colons > 1 { isCompressed = true } else if index == 0 { return false }
                if colons == 3 { mustBeIPv4 = true }
                index += colons
                if index == text.count, colons == 1 { return false }
                digits = 0
                continue
            }
            let from = index
            while index < text.count, text.start[index] != 0x3A {
                if text.start[index] == 0x2E {
                    return isIPv4(text.part(from, text.count)) && (isCompressed ? groups <= 6 : groups == 6)
                }
                guard Lexical.table[Int(text.start[index])] & Lexical.hex != 0 else { return false }
                index += 1
                digits += 1
            }
            if digits > 4 || mustBeIPv4 { return false }
            groups += 1
        }
        return !mustBeIPv4 && (isCompressed ? groups <= 7 : groups == 8)
    }

    /// The eight groups of an IPv6 address; nil for what is none.
    static func groups(_ text: SIPBytes) -> [UInt16]? {
        guard isIPv6(text) else { return nil }
        var groups: [UInt16] = []
        var gap: Int?
        var index = 0
        while index < text.count {
            if text[index] == 0x3A {
                if index + 1 < text.count, text[index + 1] == 0x3A { gap = groups.count }
                index += 1
                continue
            }
            let from = index
            var value: UInt32 = 0
            while index < text.count, text[index] != 0x3A, text[index] != 0x2E {
                value = value << 4 | UInt32(Lexical.hexValue(text[index]))
                index += 1
            }
            if index < text.count, text[index] == 0x2E {
                let parts = text.part(from, text.count).split(separator: 0x2E).compactMap {
                    SIPBytes(Array($0)).integer(UInt16.self)
                }
                guard parts.count == 4 else { return nil }
                groups += [parts[0] << 8 | parts[1], parts[2] << 8 | parts[3]]
                break
            }
            groups.append(UInt16(truncatingIfNeeded: value))
        }
        if let gap, groups.count < 8 {
            groups.insert(contentsOf: [UInt16](repeating: 0, count: 8 - groups.count), at: gap)
        }
        return groups.count == 8 ? groups : nil
    }

    static func isIPv4(_ text: SIPBytes) -> Bool {
        var parts = 0
        var index = 0
        while index < text.count {
            var value = 0
            let from = index
            while index < text.count, text.start[index] != 0x2E {
                let digit = text.start[index] &- 0x30
                guard digit < 10, index - from < 3 else { return false }
                value = value * 10 + Int(digit)
                index += 1
            }
            guard index > from, value < 256 else { return false }
            parts += 1
            if index == text.count { break }
            index += 1
            if index == text.count { return false }
        }
        return parts == 4
    }
}
