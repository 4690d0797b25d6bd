/// Runs of characters, eight bytes at a time.
extension Lexeme {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let tops: UInt64 = 0x8080_8080_8080_8080

    /// Bytes of `word` that are zero, below 0x20 in `plain`, or above 0x7F in `plain` raise the top bit of their lane.
    ///
    /// Borrows can raise lanes above a true hit, never below: the lowest raised lane is exact.
    @inline(__always)
    private static func hits(_ plain: UInt64, zeroIn a: UInt64, orIn b: UInt64) -> UInt64 {
        let zeros = ((a &- ones) & ~a) | ((b &- ones) & ~b)
        let controls = (plain &- ones &* 0x20) & ~plain
        return (zeros | controls | plain) & tops
    }

    @inline(__always)
    private static func word(_ p: UnsafePointer<UInt8>, _ i: Int) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(p).loadUnaligned(fromByteOffset: i, as: UInt64.self))
    }

    /// Passes over character data from `start`.
    ///
    /// - Returns: index of the next `<`; otherwise where to go on when more bytes are there: `n`, or the
    ///   first byte of a character or reference that is still incomplete.
    @inline(__always)
    static func text(_ p: UnsafePointer<UInt8>, _ start: Int, _ n: Int) throws(XMLFault) -> Int {
        var i = start
        while true {
            while i &+ 8 <= n {
                let w = word(p, i)
                // '<' and '>' differ in one bit.
                let found = hits(w, zeroIn: (w | ones &* 0x02) ^ (ones &* 0x3E), orIn: w ^ (ones &* 0x26))
                if found != 0 {
                    i &+= found.trailingZeroBitCount &>> 3
                    break
                }
                i &+= 8
            }
            guard i < n else { return n }
            let c = p[i]
            if c == 0x3C { return i }
            if c >= 0x80 {
                let length = try multibyte(p, i, n)
                if length == 0 { return i }
                i &+= length
            } else if c == 0x26 {
                let end = try reference(p, i, n)
                if end == 0 { return i }
                i = end
            } else if c == 0x3E {
                // The byte before a run of text is '>' or ';', so two brackets here are text.
                if i >= 2, p[i &- 1] == 0x5D, p[i &- 2] == 0x5D { throw .notWellFormed("]]> in character data") }
                i &+= 1
            } else if c >= 0x20 || isSpace(c) {
                i &+= 1
            } else {
                throw illegalCharacter()
            }
        }
    }

    /// Passes over an attribute value from `start` to its closing `quote`.
    ///
    /// - Returns: index of the quote; otherwise where to go on, as `text` does.
    @inline(__always)
    static func value(
        _ p: UnsafePointer<UInt8>, _ start: Int, _ n: Int, quote: UInt8, hasReferences: inout Bool
    ) throws(XMLFault) -> Int {
        var i = start
        let quotes = ones &* UInt64(quote)
        while true {
            while i &+ 8 <= n {
                let w = word(p, i)
                // '&' and the quotes stop; '<' is caught with them by a second test.
                let zeros = w ^ (ones &* 0x3C)
                let found = hits(w, zeroIn: w ^ quotes, orIn: w ^ (ones &* 0x26)) | ((zeros &- ones) & ~zeros & tops)
                if found != 0 {
                    i &+= found.trailingZeroBitCount &>> 3
                    break
                }
                i &+= 8
            }
            guard i < n else { return n }
            let c = p[i]
            if c == quote { return i }
            if c >= 0x80 {
                let length = try multibyte(p, i, n)
                if length == 0 { return i }
                i &+= length
            } else if c == 0x26 {
                let end = try reference(p, i, n)
                if end == 0 { return i }
                hasReferences = true
                i = end
            } else if c == 0x3C {
                throw .notWellFormed("< in an attribute value")
            } else if c >= 0x20 || isSpace(c) {
                i &+= 1
            } else {
                throw illegalCharacter()
            }
        }
    }

    /// Passes over the inside of a CDATA section.
    ///
    /// - Parameter isClosed: set when `]]>` was found; the result is then the index after it.
    /// - Returns: otherwise where to go on, as `text` does; that may be a `]` whose successors are missing.
    static func cdata(
        _ p: UnsafePointer<UInt8>, _ start: Int, _ n: Int, isClosed: inout Bool
    ) throws(XMLFault) -> Int {
        var i = start
        while true {
            while i &+ 8 <= n {
                let w = word(p, i)
                let found = hits(w, zeroIn: w ^ (ones &* 0x5D), orIn: w ^ (ones &* 0x5D))
                if found != 0 {
                    i &+= found.trailingZeroBitCount &>> 3
                    break
                }
                i &+= 8
            }
            guard i < n else { return n }
            let c = p[i]
            if c == 0x5D {
                guard i &+ 1 < n else { return i }
                if p[i &+ 1] == 0x5D {
                    guard i &+ 2 < n else { return i }
                    if p[i &+ 2] == 0x3E {
                        isClosed = true
                        return i &+ 3
                    }
                }
                i &+= 1
            } else if c >= 0x80 {
                let length = try multibyte(p, i, n)
                if length == 0 { return i }
                i &+= length
            } else if c >= 0x20 || isSpace(c) {
                i &+= 1
            } else {
                throw illegalCharacter()
            }
        }
    }
}
