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
