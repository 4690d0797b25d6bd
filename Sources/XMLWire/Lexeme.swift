/// The lexical level of XML 1.0 (fifth edition) over raw bytes: characters, names, references.
///
/// Every function takes the first byte `p`, a start index and the end `n` of what may be read, and reads nothing
/// outside. None looks further than the byte that decides, so a result never depends on how input was split.
enum Lexeme {
    /// Longest reference that is waited for, from `&` to `;`. Leading zeros make longer ones legal; they are refused,
    /// because an incomplete reference is read again with each new byte.
    static let longestReference = 64

    @inline(__always)
    static func isSpace(_ c: UInt8) -> Bool { c == 0x20 || c == 0x0A || c == 0x09 || c == 0x0D }

    /// ASCII NameChar without the colon: letters, digits, `-`, `.`, `_`.
    @inline(__always)
    static func isNameByte(_ c: UInt8) -> Bool {
        let low: UInt64 = 0x03FF_6000_0000_0000
        let high: UInt64 = 0x07FF_FFFE_87FF_FFFE
        return c < 0x80 && ((c < 0x40 ? low : high) >> UInt64(c & 63)) & 1 != 0
    }

    /// ASCII NameStartChar without the colon: letters, `_`.
    @inline(__always)
    static func isNameStartByte(_ c: UInt8) -> Bool {
        let letters: UInt64 = 0x07FF_FFFE_87FF_FFFE
        return c &- 0x40 < 0x40 && (letters >> UInt64(c & 63)) & 1 != 0
    }

    /// NameStartChar beyond ASCII (XML 1.0 §2.3 [4]).
    static func isNameStart(_ c: UInt32) -> Bool {
        switch c {
        case 0xC0...0xD6, 0xD8...0xF6, 0xF8...0x2FF, 0x370...0x37D, 0x37F...0x1FFF, 0x200C...0x200D, 0x2070...0x218F,
            0x2C00...0x2FEF, 0x3001...0xD7FF, 0xF900...0xFDCF, 0xFDF0...0xFFFD, 0x10000...0xEFFFF:
            true
        default: false
        }
    }

    /// NameChar beyond ASCII (XML 1.0 §2.3 [4a]).
    static func isNameCharacter(_ c: UInt32) -> Bool {
        isNameStart(c) || c == 0xB7 || (0x300...0x36F).contains(c) || (0x203F...0x2040).contains(c)
    }

    /// Char (XML 1.0 §2.2 [2]).
    static func isCharacter(_ c: UInt32) -> Bool {
        switch c {
        case 0x09, 0x0A, 0x0D, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
    }

    @inline(__always)
    static func equal(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Bool {
        var i = 0
        while i &+ 8 <= count {
            if a.loadUnaligned(fromByteOffset: i, as: UInt64.self)
                != b.loadUnaligned(fromByteOffset: i, as: UInt64.self)
            {
                return false
            }
            i &+= 8
        }
        while i < count {
            if a.load(fromByteOffset: i, as: UInt8.self) != b.load(fromByteOffset: i, as: UInt8.self) { return false }
            i &+= 1
        }
        return true
    }

    // MARK: UTF-8

    /// Length of the well-formed multi-byte character at `i` (RFC 3629 §4), or 0 when its end has not arrived.
    ///
    /// - Throws: `.notWellFormed` for overlong forms, surrogates, values above U+10FFFF, stray bytes, and for
    ///   U+FFFE and U+FFFF, which are not XML characters. A wrong byte is reported without waiting for the rest.
    @inline(__always)
    static func multibyte(_ p: UnsafePointer<UInt8>, _ i: Int, _ n: Int) throws(XMLFault) -> Int {
        let c = p[i]
        guard c >= 0xC2, c <= 0xF4 else { throw invalidUTF8() }
        guard i &+ 1 < n else { return 0 }
        let second = p[i &+ 1]
        if c < 0xE0 {
            guard second & 0xC0 == 0x80 else { throw invalidUTF8() }
            return 2
        }
        var low: UInt8 = 0x80
        var high: UInt8 = 0xBF
        switch c {
        case 0xE0: low = 0xA0
        case 0xED: high = 0x9F
        case 0xF0: low = 0x90
        case 0xF4: high = 0x8F
        default: break
        }
        guard second >= low, second <= high else { throw invalidUTF8() }
        guard i &+ 2 < n else { return 0 }
        let third = p[i &+ 2]
        guard third & 0xC0 == 0x80 else { throw invalidUTF8() }
        if c < 0xF0 {
            if c == 0xEF, second == 0xBF, third >= 0xBE { throw .notWellFormed("character is not allowed in XML") }
            return 3
        }
        guard i &+ 3 < n else { return 0 }
        guard p[i &+ 3] & 0xC0 == 0x80 else { throw invalidUTF8() }
        return 4
    }

    /// The character whose bytes `multibyte` has found well-formed.
    static func scalar(_ p: UnsafePointer<UInt8>, _ i: Int, length: Int) -> UInt32 {
        switch length {
        case 2: UInt32(p[i] & 0x1F) << 6 | UInt32(p[i + 1] & 0x3F)
        case 3: UInt32(p[i] & 0x0F) << 12 | UInt32(p[i + 1] & 0x3F) << 6 | UInt32(p[i + 2] & 0x3F)
        default:
            UInt32(p[i] & 0x07) << 18 | UInt32(p[i + 1] & 0x3F) << 12 | UInt32(p[i + 2] & 0x3F) << 6
                | UInt32(p[i + 3] & 0x3F)
        }
    }

    @inline(never)
    static func invalidUTF8() -> XMLFault { .notWellFormed("invalid UTF-8") }

    @inline(never)
    static func illegalCharacter() -> XMLFault { .notWellFormed("character is not allowed in XML") }

    // MARK: Names

    /// Continues a qualified name (Namespaces in XML 1.0 §4 [7]) that began at `start`; `i` is where to go on.
    ///
    /// - Parameters:
    ///   - colon: index of the colon, 0 while none was seen (no name starts at index 0).
    ///   - isQualified: a colon is allowed; false for entities (Namespaces in XML 1.0 §7).
    /// - Returns: true when `i` stands on the byte after the name, false when the bytes ran out.
    @inline(__always)
    static func name(
        _ p: UnsafePointer<UInt8>, _ i: inout Int, _ n: Int, start: Int, colon: inout Int, isQualified: Bool = true
    ) throws(XMLFault) -> Bool {
        while true {
            if i == (colon == 0 ? start : colon &+ 1) {
                guard i < n else { return false }
                if isNameStartByte(p[i]) {
                    i &+= 1
                } else {
                    let length = try nonASCIINameCharacter(p, i, n, isFirst: true)
                    if length == 0 { return false }
                    i &+= length
                }
            }
            while i < n, isNameByte(p[i]) { i &+= 1 }
            guard i < n else { return false }
            let c = p[i]
            if c == 0x3A {
                guard isQualified else { throw .notWellFormed("colon in the name of an entity") }
                guard colon == 0 else { throw .notWellFormed("name has more than one colon") }
                colon = i
                i &+= 1
            } else if c < 0x80 {
                return true
            } else {
                let length = try nonASCIINameCharacter(p, i, n, isFirst: false)
                if length == 0 { return false }
                i &+= length
            }
        }
    }

    @inline(never)
    private static func nonASCIINameCharacter(
        _ p: UnsafePointer<UInt8>, _ i: Int, _ n: Int, isFirst: Bool
    ) throws(XMLFault) -> Int {
        guard p[i] >= 0x80 else { throw .notWellFormed("illegal start of a name") }
        let length = try multibyte(p, i, n)
        guard length > 0 else { return 0 }
        let c = scalar(p, i, length: length)
        guard isFirst ? isNameStart(c) : isNameCharacter(c) else { throw .notWellFormed("illegal character in a name") }
        return length
    }

    // MARK: References

    /// Index after the reference that begins with `&` at `i`, or 0 when its end has not arrived.
    @inline(never)
    static func reference(_ p: UnsafePointer<UInt8>, _ i: Int, _ n: Int) throws(XMLFault) -> Int {
        var scalar: UInt32 = 0
        return try reference(p, i, n, scalar: &scalar)
    }

    /// As `reference(_:_:_:)`, and gives the character that the reference stands for.
    ///
    /// - Throws: `.restricted` for an entity that is not predefined (XML 1.0 §4.6, RFC 6120 §11.1).
    static func reference(
        _ p: UnsafePointer<UInt8>, _ i: Int, _ n: Int, scalar: inout UInt32
    ) throws(XMLFault) -> Int {
        guard i + 1 < n else { return 0 }
        if p[i + 1] == UInt8(ascii: "#") { return try characterReference(p, i, n, scalar: &scalar) }
        var end = i + 1
        var colon = 0
        let bound = min(n, i + longestReference)
        guard try name(p, &end, bound, start: i + 1, colon: &colon, isQualified: false) else {
            if bound < n { throw .restricted("entity reference") }
            return 0
        }
        guard p[end] == UInt8(ascii: ";") else { throw .notWellFormed("reference without semicolon") }
        switch (end - i - 1, p[i + 1], p[i + 2]) {
        case (2, UInt8(ascii: "l"), UInt8(ascii: "t")): scalar = 0x3C
        case (2, UInt8(ascii: "g"), UInt8(ascii: "t")): scalar = 0x3E
        case (3, UInt8(ascii: "a"), UInt8(ascii: "m")) where p[i + 3] == UInt8(ascii: "p"): scalar = 0x26
        case (4, UInt8(ascii: "a"), UInt8(ascii: "p")) where p[i + 3] == 0x6F && p[i + 4] == 0x73: scalar = 0x27
        case (4, UInt8(ascii: "q"), UInt8(ascii: "u")) where p[i + 3] == 0x6F && p[i + 4] == 0x74: scalar = 0x22
        default: throw .restricted("entity reference")
        }
        return end + 1
    }

    private static func characterReference(
        _ p: UnsafePointer<UInt8>, _ i: Int, _ n: Int, scalar: inout UInt32
    ) throws(XMLFault) -> Int {
        var j = i + 2
        guard j < n else { return 0 }
        let isHexadecimal = p[j] == UInt8(ascii: "x")
        if isHexadecimal { j += 1 }
        let first = j
        var value: UInt32 = 0
        while j < n {
            let c = p[j]
            if c == UInt8(ascii: ";"), j > first {
                guard isCharacter(value) else { throw illegalCharacter() }
                scalar = value
                return j + 1
            }
            let digit: UInt32
            switch c {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt32(c) - 0x30
            case UInt8(ascii: "a")...UInt8(ascii: "f") where isHexadecimal: digit = UInt32(c) - 0x57
            case UInt8(ascii: "A")...UInt8(ascii: "F") where isHexadecimal: digit = UInt32(c) - 0x37
            default: throw .notWellFormed("malformed character reference")
            }
            value = value * (isHexadecimal ? 16 : 10) + digit
            if value > 0x10FFFF { throw illegalCharacter() }
            j += 1
            if j - i > longestReference { throw .notWellFormed("character reference is too long") }
        }
        return 0
    }
}
