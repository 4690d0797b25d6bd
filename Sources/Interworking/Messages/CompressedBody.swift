import CZlib

/// Bodies that are compressed (Content-Encoding, RFC 3261 §20.12): Linphone compresses its disposition notifications.
enum CompressedBody {
    /// Most bytes of what comes out; a body of few bytes may hold very many.
    static let largest = 65_536
    /// Zlib and gzip, told apart by their heads; bare deflate, which some mean by `deflate`.
    private static let windows: [Int32] = [15 + 32, -15]

    /// Nil for what is not compressed like that, or is larger.
    static func inflate(_ body: UnsafeRawBufferPointer) -> [UInt8]? {
        guard let start = body.bindMemory(to: UInt8.self).baseAddress else { return nil }
        for window in windows {
            var stream = z_stream()
            guard roost_inflate_begin(&stream, window) == Z_OK else { return nil }
            defer { inflateEnd(&stream) }
            var isWhole = false
            let bytes = [UInt8](unsafeUninitializedCapacity: min(largest, max(4_096, body.count * 32))) {
                output, count in
                stream.next_in = UnsafeMutablePointer(mutating: start)
                stream.avail_in = UInt32(body.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                isWhole = CZlib.inflate(&stream, Z_FINISH) == Z_STREAM_END
                count = isWhole ? Int(stream.total_out) : 0
            }
            if isWhole { return bytes }
        }
        return nil
    }
}
