#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `memcmp` under a name that says what it answers.
public enum ByteCompare {
    @inline(__always)
    public static func same(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int) -> Bool {
        memcmp(left, right, count) == 0
    }
}

extension UnsafeRawBufferPointer {
    /// The bytes from `start` up to `end`, relative to this buffer's first byte.
    @inline(__always)
    public func part(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[start..<end])
    }
}

extension ByteCompare {
    /// Whether the bytes of `literal` stand anywhere in `bytes`.
    public static func contains(_ bytes: UnsafeRawBufferPointer, _ literal: StaticString) -> Bool {
        let length = literal.utf8CodeUnitCount
        guard let base = bytes.baseAddress, length > 0, bytes.count >= length, literal.hasPointerRepresentation
        else { return false }
        let last = bytes.count - length
        var index = 0
        while index <= last, let found = memchr(base + index, Int32(literal.utf8Start[0]), last - index + 1) {
            if same(found, literal.utf8Start, length) { return true }
            index = UnsafeRawPointer(found) - base + 1
        }
        return false
    }
}
