import NIOCore

/// Cuts the bytes of a TCP or TLS connection into messages (RFC 3261 §18.3, RFC 5626 §4.4.1).
///
/// The caller keeps the unconsumed bytes; nothing is looked at twice but the last three bytes of an unfinished header.
public struct SIPStreamFramer: Sendable {
    public enum Event: Sendable, Equatable {
        /// Call again with more bytes after the same ones.
        case needMoreBytes
        /// A complete message of so many bytes.
        case message(length: Int)
        /// CRLFCRLF between messages: answer with one CRLF. Consume so many bytes.
        case ping(length: Int)
        /// A single CRLF, the peer's answer to our ping, or what separates messages. Consume so many bytes.
        case pong(length: Int)
        /// The stream cannot go on: after the answer, close. The header, when it was complete, has so many bytes.
        case fault(SIPStatus, header: Int)
    }

    public var limits: SIPLimits
    private var examined = 0
    /// Header and body of the message at hand, once its header is complete.
    private var expected: Int?

    public init(limits: SIPLimits = SIPLimits()) { self.limits = limits }

    /// - Parameter bytes: from the first unconsumed byte on.
    public mutating func next(_ bytes: UnsafeRawBufferPointer) -> Event {
        if expected == nil, examined == 0, let event = betweenMessages(bytes) { return event }
        if expected == nil {
            guard let end = headerEnd(bytes) else {
                if bytes.count > limits.headerBytes { return .fault(.messageTooLarge, header: 0) }
                examined = max(0, bytes.count - 3)
                return .needMoreBytes
            }
            guard end <= limits.headerBytes else { return .fault(.messageTooLarge, header: end) }
            guard let body = Self.contentLength(UnsafeRawBufferPointer(rebasing: bytes[..<end])) else {
                return .fault(.badRequest, header: end)
            }
            guard body <= limits.bodyBytes else { return .fault(.requestEntityTooLarge, header: end) }
            guard end + body <= limits.messageBytes else { return .fault(.messageTooLarge, header: end) }
            expected = end + body
        }
        guard let length = expected, bytes.count >= length else { return .needMoreBytes }
        expected = nil
        examined = 0
        return .message(length: length)
    }

    private func betweenMessages(_ bytes: UnsafeRawBufferPointer) -> Event? {
        guard let first = bytes.first else { return .needMoreBytes }
        guard first == 0x0D || first == 0x0A else { return nil }
        if first == 0x0A { return .pong(length: 1) }
        if bytes.count >= 4, bytes[1] == 0x0A, bytes[2] == 0x0D, bytes[3] == 0x0A { return .ping(length: 4) }
        guard bytes.count >= 2 else { return .needMoreBytes }
        if bytes[1] != 0x0A { return .fault(.badRequest, header: 0) }
        // CR of a second line end: it is a ping when the rest has come.
        if bytes.count == 3, bytes[2] == 0x0D { return .needMoreBytes }
        return .pong(length: 2)
    }

    /// After the empty line.
    private func headerEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var index = examined
        let last = min(bytes.count, limits.headerBytes + 4)
        while index + 4 <= last {
            if bytes[index + 3] > 0x0D {
                index += 4
                continue
            }
            if bytes[index] == 0x0D, bytes[index + 1] == 0x0A, bytes[index + 2] == 0x0D, bytes[index + 3] == 0x0A {
                return index + 4
            }
            index += 1
        }
        return nil
    }

    /// nil when it is missing, given twice, or no number: where the message ends is then unknown.
    private static func contentLength(_ header: UnsafeRawBufferPointer) -> Int? {
        var found: Int?
        var index = 0
        while index < header.count {
            let lineStart = index
            while index < header.count, header[index] != 0x0A { index += 1 }
            let line = SIPBytes(
                owner: nil, start: header.baseAddress!.assumingMemoryBound(to: UInt8.self) + lineStart,
                count: index - lineStart)
            index += 1
            guard line.hasPrefix("l") || line.hasPrefix("content-length"), let colon = line.firstIndex(of: 0x3A)
            else { continue }
            let name = line.part(0, colon).trimmed
            guard name.matches("l") || name.matches("content-length") else { continue }
            var value = line.part(colon + 1, line.count)
            if value.count > 0, value.start[value.count - 1] == 0x0D { value = value.part(0, value.count - 1) }
            guard found == nil else { return nil }
            // A folded value stands in the next line.
            if value.trimmed.isEmpty, index < header.count, Lexical.isBlank(header[index]) {
                let from = index
                while index < header.count, header[index] != 0x0D { index += 1 }
                value = SIPBytes(
                    owner: nil, start: header.baseAddress!.assumingMemoryBound(to: UInt8.self) + from,
                    count: index - from)
            }
            guard let number = value.trimmed.integer(Int.self) else { return nil }
            found = number
        }
        return found
    }
}
