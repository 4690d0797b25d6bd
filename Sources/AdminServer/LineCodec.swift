import NIOCore

/// Cuts the byte stream at line feeds. A line feed cannot occur inside a JSON text that is encoded on one line.
struct LineDecoder: NIOSingleStepByteToMessageDecoder {
    typealias InboundOut = ByteBuffer

    struct LineTooLong: Error {}

    let limit: Int
    /// Bytes already searched in vain, so that a long line is searched once.
    private var searched = 0

    init(limit: Int) {
        self.limit = limit
    }

    mutating func decode(buffer: inout ByteBuffer) throws -> ByteBuffer? {
        let bytes = buffer.readableBytesView
        guard let end = bytes[(bytes.startIndex + searched)...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = bytes.count
            if searched > limit { throw LineTooLong() }
            return nil
        }
        searched = 0
        let length = end - bytes.startIndex
        if length > limit { throw LineTooLong() }
        let line = buffer.readSlice(length: length)
        buffer.moveReaderIndex(forwardBy: 1)
        return line
    }

    /// The end of the stream also ends a line, except an empty one.
    mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> ByteBuffer? {
        if let line = try decode(buffer: &buffer) { return line }
        searched = 0
        return buffer.readableBytes == 0 ? nil : buffer.readSlice(length: buffer.readableBytes)
    }
}

/// Closes a connection on which nothing moves.
final class IdleCloser: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }
}
