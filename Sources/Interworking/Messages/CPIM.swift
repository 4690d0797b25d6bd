import SIPWire

/// An envelope of the common presence and instant messaging format (RFC 3862), with the headers of notifications
/// (RFC 5438 §6).
///
///     From: <im:bob@example.org>          headers of the message
///     NS: imdn <urn:ietf:params:imdn>
///     imdn.Message-ID: 34jk324j
///
///     Content-Type: text/plain            headers of the content
///
///     Hello
struct CPIM {
    let disposition: MessageContent.Disposition?
    let contentType: MediaType
    /// Inside the bytes that were read.
    let content: UnsafeRawBufferPointer

    static let imdnNamespace: StaticString = "<urn:ietf:params:imdn>"

    init?(_ body: UnsafeRawBufferPointer) {
        var lines = HeaderLines(body)
        var prefix = SIPBytes("imdn" as StaticString)
        var id = ""
        var wantsDelivery = false
        var wantsDisplay = false
        var hasDisposition = false
        while let (name, value) = lines.next() {
            if name.matches("ns") {
                // `NS: prefix <uri>`
                guard let space = value.firstIndex(of: 0x20) else { continue }
                if value.part(space, value.count).trimmed.equals(Self.imdnNamespace) { prefix = value.part(0, space) }
                continue
            }
            guard let dot = name.firstIndex(of: 0x2E), name.part(0, dot) == prefix else { continue }
            let local = name.part(dot + 1, name.count)
            if local.matches("message-id") {
                id = String(value.string.prefix(200))
                hasDisposition = true
            } else if local.matches("disposition-notification") {
                for item in value.string.split(separator: ",") {
                    switch item.prefix(while: { $0 != ";" }).filter({ $0 != " " }).lowercased() {
                    case "positive-delivery": wantsDelivery = true
                    case "display": wantsDisplay = true
                    default: break
                    }
                }
                hasDisposition = true
            }
        }
        guard lines.endedWithBlank else { return nil }
        var contentType = SIPBytes("text/plain" as StaticString)
        var inner = HeaderLines(lines.rest)
        while let (name, value) = inner.next() {
            if name.matches("content-type") { contentType = value }
        }
        guard inner.endedWithBlank else { return nil }
        disposition =
            hasDisposition
            ? .init(
                messageID: id, wantsDelivery: wantsDelivery && !id.isEmpty, wantsDisplay: wantsDisplay && !id.isEmpty)
            : nil
        self.contentType = MediaType(contentType)
        content = inner.rest
    }

    /// Writes an envelope.
    ///
    /// - Parameters:
    ///   - from: a URI, as `im:anna@example.org`.
    ///   - disposition: nil for a notification, which asks for none itself.
    ///   - date: as XEP-0082 writes it.
    static func write(
        from: [UInt8], to: [UInt8], date: String, disposition: MessageContent.Disposition?,
        isNotification: Bool = false,
        type: StaticString, content: [UInt8]
    ) -> [UInt8] {
        var bytes = Array("From: <".utf8)
        bytes.reserveCapacity(content.count + 400)
        bytes += from
        bytes += Array(">\r\nTo: <".utf8)
        bytes += to
        bytes += Array(">\r\nDateTime: \(date)\r\n".utf8)
        if let disposition {
            bytes += Array("NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: ".utf8)
            bytes += disposition.messageID.utf8.filter { $0 > 0x20 && $0 < 0x7F }
            bytes += Array("\r\n".utf8)
            var wishes: [String] = []
            if disposition.wantsDelivery { wishes.append("positive-delivery") }
            if disposition.wantsDisplay { wishes.append("display") }
            if !wishes.isEmpty {
                bytes += Array("imdn.Disposition-Notification: \(wishes.joined(separator: ", "))\r\n".utf8)
            }
        }
        bytes += Array("\r\nContent-Type: \(type)\r\n".utf8)
        if isNotification { bytes += Array("Content-Disposition: notification\r\n".utf8) }
        bytes += Array("Content-Length: \(content.count)\r\n\r\n".utf8)
        bytes += content
        return bytes
    }
}

/// Header lines up to a blank one, as in MIME; lines may end with LF alone.
struct HeaderLines {
    private let bytes: UnsafeRawBufferPointer
    private var index = 0
    /// The blank line was there.
    private(set) var endedWithBlank = false
    private var lines = 0

    /// Lines that are read.
    private static let limit = 100

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// What follows the blank line.
    var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[index...]) }

    mutating func next() -> (name: SIPBytes, value: SIPBytes)? {
        while index < bytes.count, lines < Self.limit {
            lines += 1
            let start = index
            while index < bytes.count, bytes[index] != 0x0A { index += 1 }
            var end = index
            if index < bytes.count { index += 1 }
            if end > start, bytes[end - 1] == 0x0D { end -= 1 }
            if end == start {
                endedWithBlank = true
                return nil
            }
            let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            guard let colon = line.firstIndex(of: 0x3A) else { continue }
            return (
                SIPBytes(UnsafeRawBufferPointer(rebasing: line[..<colon])).trimmed,
                SIPBytes(UnsafeRawBufferPointer(rebasing: line[(colon + 1)...])).trimmed
            )
        }
        return nil
    }
}

/// The parts of a multipart body (RFC 2046 §5.1).
enum Multipart {
    struct Part {
        let type: MediaType
        let body: UnsafeRawBufferPointer
    }

    /// Parts that are read.
    private static let limit = 20

    static func parts(_ body: UnsafeRawBufferPointer, boundary: SIPBytes) -> [Part] {
        let mark = [0x2D, 0x2D] + boundary.array
        var parts: [Part] = []
        var begin: Int?
        var line = 0
        while line < body.count, parts.count < limit {
            var next = line
            while next < body.count, body[next] != 0x0A { next += 1 }
            if next < body.count { next += 1 }
            if body.count - line >= mark.count, body[line..<line + mark.count].elementsEqual(mark) {
                if let begin {
                    // The line end before the mark belongs to it.
                    var end = max(begin, line - 1)
                    if end > begin, body[end - 1] == 0x0D { end -= 1 }
                    if let part = part(UnsafeRawBufferPointer(rebasing: body[begin..<end])) { parts.append(part) }
                }
                begin = next
            }
            line = next
        }
        return parts
    }

    private static func part(_ bytes: UnsafeRawBufferPointer) -> Part? {
        var lines = HeaderLines(bytes)
        var type = SIPBytes("text/plain" as StaticString)
        while let (name, value) = lines.next() {
            if name.matches("content-type") { type = value }
        }
        return lines.endedWithBlank ? Part(type: MediaType(type), body: lines.rest) : nil
    }
}
