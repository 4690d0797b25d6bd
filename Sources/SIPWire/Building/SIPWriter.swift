import NIOCore

/// Appends header lines and bodies to a buffer.
public struct SIPWriter: Sendable {
    public var buffer: ByteBuffer

    @inlinable
    public init(_ buffer: ByteBuffer) { self.buffer = buffer }

    @inline(__always)
    mutating func raw(_ bytes: SIPBytes) {
        bytes.withBytes { _ = buffer.writeBytes($0) }
    }

    @inline(__always)
    mutating func raw(_ literal: StaticString) {
        buffer.writeBytes(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func byte(_ byte: UInt8) { buffer.writeInteger(byte) }

    mutating func decimal(_ number: Int) {
        guard number >= 0 else { return decimal(0) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var index = 20
            var rest = number
            repeat {
                index -= 1
                digits[index] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
                rest /= 10
            } while rest > 0
            _ = buffer.writeBytes(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: digits[index...])))
        }
    }

    mutating func endLine() { raw("\r\n") }

    mutating func name(_ header: SIPHeader) {
        raw(header.name)
        raw(": ")
    }

    /// Writes a run of lines as they stand, but for the splice if it falls among them.
    @inline(__always)
    mutating func lines(of message: SIPMessage, _ from: Int, _ to: Int, _ splice: SIPSplice?) {
        let (start, end) = (message.lineStart(from), message.lineStart(to))
        guard let splice, splice.offset >= start, splice.offset <= end else { return raw(message.part(start, end)) }
        raw(message.part(start, splice.offset))
        raw(splice.bytes)
        raw(message.part(splice.offset, end))
    }

    /// Writes the lines of these headers as they stand, neighbours in one run.
    mutating func lines(
        of message: SIPMessage, splice: SIPSplice? = nil, where isWanted: (SIPHeader) -> Bool
    ) {
        var index = 0
        while index < message.fieldCount {
            guard isWanted(message.fields[index].header) else {
                index += 1
                continue
            }
            let from = index
            while index < message.fieldCount, isWanted(message.fields[index].header) { index += 1 }
            lines(of: message, from, index, splice)
        }
    }
}

/// Bytes that go into a message at one place when its lines are copied.
public struct SIPSplice: Sendable {
    /// Counted from the start line.
    public let offset: Int
    public let bytes: SIPBytes

    public init(offset: Int, bytes: SIPBytes) {
        self.offset = offset
        self.bytes = bytes
    }
}

extension SIPMessage {
    /// Where the line of that field begins; past the last one, where the empty line is.
    func lineStart(_ index: Int) -> Int {
        index < fieldCount ? Int(fields[index].nameStart) : bodyStart - 2
    }
}

/// What both builders write: lines, then the body with its length.
public protocol SIPBuilder {
    var writer: SIPWriter { get set }
}

extension SIPBuilder {
    public mutating func add(_ header: SIPHeader, _ value: SIPBytes) {
        writer.name(header)
        writer.raw(value)
        writer.endLine()
    }

    public mutating func add(_ header: SIPHeader, _ value: StaticString) {
        writer.name(header)
        writer.raw(value)
        writer.endLine()
    }

    public mutating func add(_ header: SIPHeader, _ value: [UInt8]) {
        writer.name(header)
        writer.buffer.writeBytes(value)
        writer.endLine()
    }

    /// The text must hold no line ends; one that does is cut there.
    public mutating func add(_ header: SIPHeader, text: String) {
        writer.name(header)
        writer.buffer.writeBytes(text.utf8.prefix { $0 != 0x0D && $0 != 0x0A })
        writer.endLine()
    }

    public mutating func add(_ header: SIPHeader, number: Int) {
        writer.name(header)
        writer.decimal(number)
        writer.endLine()
    }

    /// A header of another name. Name and value must hold no line ends.
    public mutating func add(named name: StaticString, _ value: SIPBytes) {
        writer.raw(name)
        writer.raw(": ")
        writer.raw(value)
        writer.endLine()
    }

    /// A line whose value is put together piece by piece.
    public mutating func add(_ header: SIPHeader, _ write: (inout ByteBuffer) -> Void) {
        writer.name(header)
        write(&writer.buffer)
        writer.endLine()
    }

    /// Whole lines with their line ends, made before.
    public mutating func add(lines: SIPBytes) { writer.raw(lines) }

    /// Copies all lines of that header.
    public mutating func copy(_ header: SIPHeader, from message: SIPMessage) {
        guard message.has(header) else { return }
        writer.lines(of: message) { $0 == header }
    }

    /// Copies all lines but those of the given headers.
    public mutating func copyAll(from message: SIPMessage, except: SIPHeaderSet, splice: SIPSplice? = nil) {
        writer.lines(of: message, splice: splice) { !except.contains($0) }
    }

    /// Ends the header without a body.
    public consuming func finish() -> ByteBuffer {
        var writer = writer
        writer.raw("Content-Length: 0\r\n\r\n")
        return writer.buffer
    }

    /// Ends the header and appends the body. The Content-Type is written here; `nil` when it has been added.
    public consuming func finish(body: SIPBytes, type: SIPBytes?) -> ByteBuffer {
        var builder = self
        if let type { builder.add(.contentType, type) }
        builder.add(.contentLength, number: body.count)
        builder.writer.endLine()
        builder.writer.raw(body)
        return builder.writer.buffer
    }

    public consuming func finish(body: ByteBuffer, type: StaticString) -> ByteBuffer {
        var builder = self
        builder.add(.contentType, type)
        builder.add(.contentLength, number: body.readableBytes)
        builder.writer.endLine()
        var body = body
        builder.writer.buffer.writeBuffer(&body)
        return builder.writer.buffer
    }

    /// Ends a message that has all its headers, Content-Length with them, and appends the body.
    public consuming func finishRaw(body: SIPBytes) -> ByteBuffer {
        var writer = writer
        writer.endLine()
        writer.raw(body)
        return writer.buffer
    }
}
