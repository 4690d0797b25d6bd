import NIOCore

/// Where serialized XML goes.
protocol ByteSink {
    mutating func append(_ bytes: UnsafeRawBufferPointer)
    mutating func append(literal: StaticString)
    mutating func append(string: String)
}

extension [UInt8]: ByteSink {
    mutating func append(_ bytes: UnsafeRawBufferPointer) { append(contentsOf: bytes) }

    mutating func append(literal: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    mutating func append(string: String) { append(contentsOf: string.utf8) }
}

extension ByteBuffer: ByteSink {
    mutating func append(_ bytes: UnsafeRawBufferPointer) { writeBytes(bytes) }

    mutating func append(literal: StaticString) { writeStaticString(literal) }

    mutating func append(string: String) { writeString(string) }
}

extension XMLEscape {
    /// Appends `text` as character data to a buffer.
    public static func append(text: String, to output: inout ByteBuffer) {
        append(text, isAttribute: false, to: &output)
    }

    /// Appends `attribute` as an attribute value to a buffer.
    public static func append(attribute: String, to output: inout ByteBuffer) {
        append(attribute, isAttribute: true, to: &output)
    }
}
