/// The XML declaration in front of a stream header (XML 1.0 §2.8, RFC 6120 §11.5 and §11.6).
enum XMLDeclaration {
    /// Longest declaration that is waited for.
    static let longest = 256

    /// Reads the declaration whose `<?` is at the start of the `n` bytes at `p`.
    ///
    /// - Returns: its length, or 0 when its end has not arrived.
    /// - Throws: `.restricted` for any other processing instruction, `.unsupportedEncoding` when it names an encoding
    ///   other than UTF-8, `.notWellFormed` for wrong syntax or a version other than 1.x.
    static func parse(_ p: UnsafePointer<UInt8>, _ n: Int) throws(XMLFault) -> Int {
        let opening: StaticString = "<?xml"
        let arrived = min(opening.utf8CodeUnitCount, n)
        guard Lexeme.equal(p, opening.utf8Start, arrived) else { throw .restricted("processing instruction") }
        guard n > opening.utf8CodeUnitCount else { return 0 }
        guard Lexeme.isSpace(p[opening.utf8CodeUnitCount]) else { throw .restricted("processing instruction") }

        var end = opening.utf8CodeUnitCount
        let bound = min(n, longest)
        while end + 1 < bound, !(p[end] == UInt8(ascii: "?") && p[end + 1] == UInt8(ascii: ">")) { end += 1 }
        guard end + 1 < bound else {
            if n >= longest { throw .notWellFormed("XML declaration is too long") }
            return 0
        }
        var reader = Reader(p: p, i: opening.utf8CodeUnitCount, end: end)
        try reader.readAll()
        return end + 2
    }

    private struct Reader {
        let p: UnsafePointer<UInt8>
        var i: Int
        let end: Int

        mutating func readAll() throws(XMLFault) {
            guard let version = try pseudoAttribute("version") else { throw malformed }
            guard version.count >= 3, p[version.lowerBound] == UInt8(ascii: "1"),
                p[version.lowerBound + 1] == UInt8(ascii: "."),
                version.dropFirst(2).allSatisfy({ p[$0] >= 0x30 && p[$0] <= 0x39 })
            else { throw .notWellFormed("unknown XML version") }
            if let encoding = try pseudoAttribute("encoding") {
                guard matches(encoding, "utf-8", foldingCase: true) else { throw .unsupportedEncoding }
            }
            if let standalone = try pseudoAttribute("standalone") {
                guard matches(standalone, "yes") || matches(standalone, "no") else { throw malformed }
            }
            skipSpace()
            guard i == end else { throw malformed }
        }

        /// Range of the value when the next pseudo-attribute is `name`; nil, with nothing consumed, when it is not.
        private mutating func pseudoAttribute(_ name: StaticString) throws(XMLFault) -> Range<Int>? {
            let start = i
            skipSpace()
            let length = name.utf8CodeUnitCount
            guard i > start, i + length <= end, Lexeme.equal(p + i, name.utf8Start, length) else {
                i = start
                return nil
            }
            i += length
            skipSpace()
            guard i < end, p[i] == UInt8(ascii: "=") else { throw malformed }
            i += 1
            skipSpace()
            guard i < end, p[i] == 0x22 || p[i] == 0x27 else { throw malformed }
            let quote = p[i]
            i += 1
            let first = i
            while i < end, p[i] != quote { i += 1 }
            guard i < end else { throw malformed }
            i += 1
            return first..<(i - 1)
        }

        private mutating func skipSpace() {
            while i < end, Lexeme.isSpace(p[i]) { i += 1 }
        }

        private func matches(_ range: Range<Int>, _ literal: StaticString, foldingCase: Bool = false) -> Bool {
            guard range.count == literal.utf8CodeUnitCount else { return false }
            for (offset, index) in range.enumerated() {
                var c = p[index]
                if foldingCase, c >= 0x41, c <= 0x5A { c |= 0x20 }
                if c != literal.utf8Start[offset] { return false }
            }
            return true
        }

        private var malformed: XMLFault { .notWellFormed("malformed XML declaration") }
    }
}
