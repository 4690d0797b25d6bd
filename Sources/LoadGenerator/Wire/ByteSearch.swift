#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

extension UnsafeRawBufferPointer {
    /// Offset of the first `byte` at or after `start`.
    @inline(__always)
    func offset(of byte: UInt8, from start: Int) -> Int? {
        guard let address = baseAddress, start < count else { return nil }
        guard let found = memchr(address + start, Int32(byte), count - start) else { return nil }
        return address.distance(to: UnsafeRawPointer(found))
    }

    /// Offset of the first occurrence of `needle` at or after `start`; `needle` is not empty.
    @inline(__always)
    func offset(of needle: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let address = baseAddress, let wanted = needle.baseAddress, !needle.isEmpty else { return nil }
        var cursor = start
        // Needles are short and begin with a byte that is rare where they are looked for.
        while cursor + needle.count <= count {
            guard let found = memchr(address + cursor, Int32(needle[0]), count - needle.count + 1 - cursor) else {
                return nil
            }
            let place = address.distance(to: UnsafeRawPointer(found))
            if memcmp(address + place, wanted, needle.count) == 0 { return place }
            cursor = place + 1
        }
        return nil
    }

    /// Offset of the first occurrence of `needle` at or after `start`.
    @inline(__always)
    func offset(of needle: StaticString, from start: Int = 0) -> Int? {
        offset(of: UnsafeRawBufferPointer(start: needle.utf8Start, count: needle.utf8CodeUnitCount), from: start)
    }

    @inline(__always)
    func isEqual(to text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount, let address = baseAddress else { return false }
        return memcmp(address, text.utf8Start, count) == 0
    }

    /// The bytes from `start` up to `end`.
    @inline(__always)
    func part(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[start..<end])
    }

    /// The bytes as text, damaged UTF-8 replaced, at most `limit` bytes.
    func text(limit: Int = .max) -> String {
        String(decoding: prefix(limit), as: UTF8.self)
    }
}
