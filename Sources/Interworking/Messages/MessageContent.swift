import SIPWire

/// The body of a MESSAGE as we understand it (RFC 3428 §8): text, or something about another message.
public enum MessageContent: Sendable, Equatable {
    /// UTF-8, with what is wished to be told of it (RFC 5438).
    case text([UInt8], Disposition)
    /// Somebody writes, or has stopped (RFC 3994).
    case composing(Bool)
    /// What became of an earlier message (RFC 5438).
    case notification(Notification)

    /// The part of a CPIM envelope that speaks about notifications.
    public struct Disposition: Sendable, Equatable {
        /// The sender's own id of the message; empty for none.
        public var messageID: String = ""
        public var wantsDelivery = false
        public var wantsDisplay = false

        public static let none = Disposition()

        public init(messageID: String = "", wantsDelivery: Bool = false, wantsDisplay: Bool = false) {
            self.messageID = messageID
            self.wantsDelivery = wantsDelivery
            self.wantsDisplay = wantsDisplay
        }
    }

    public struct Notification: Sendable, Equatable {
        public enum State: String, Sendable { case delivered, displayed, failed }

        public var messageID: String
        public var state: State

        public init(messageID: String, state: State) {
            self.messageID = messageID
            self.state = state
        }
    }

    /// Why a body is not understood.
    public enum Refusal: Error, Sendable, Equatable {
        /// 415, with what we take.
        case type
        /// 415, with what we take (`acceptedEncodings`): another coding, or bytes that are not what it says.
        case encoding
        /// 400
        case malformed
    }

    /// What we take, for the Accept header of a 415.
    public static let accepted: StaticString =
        "text/plain, text/html, message/cpim, message/imdn+xml, application/im-iscomposing+xml, multipart/alternative"

    /// For the Accept-Encoding header of a 415.
    public static let acceptedEncodings: StaticString = "identity, deflate, gzip"

    /// Envelopes in envelopes that are opened.
    private static let depth = 4

    /// Reads a body.
    ///
    /// - Parameters:
    ///   - type: the value of Content-Type; nil where there is none: then it is plain text (RFC 3428 §4 requires the header, and
    ///     clients that leave it out mean text).
    ///   - encoding: the value of Content-Encoding.
    public static func read(
        _ body: UnsafeRawBufferPointer, type: SIPBytes?, encoding: SIPBytes? = nil
    ) throws(Refusal) -> MessageContent {
        if let encoding, !encoding.isEmpty, !encoding.matches("identity") {
            guard encoding.matches("deflate") || encoding.matches("gzip") else { throw .encoding }
            guard let inflated = CompressedBody.inflate(body) else { throw .encoding }
            let content: Result<MessageContent, Refusal> = inflated.withUnsafeBytes { bytes in
                do throws(Refusal) { return .success(try read(bytes, type: type)) } catch { return .failure(error) }
            }
            return try content.get()
        }
        // The usual case.
        guard let type, !type.equals("text/plain") else { return .text(try utf8(body, nil), .none) }
        return try read(body, MediaType(type), depth)
    }

    private static func read(
        _ body: UnsafeRawBufferPointer, _ type: MediaType, _ depth: Int
    ) throws(Refusal) -> MessageContent {
        guard depth > 0 else { throw .type }
        if type.name.matches("text/plain") { return .text(try utf8(body, type.charset), .none) }
        if type.name.matches("text/html") { return .text(PlainText.ofHTML(try utf8(body, type.charset)), .none) }
        if type.name.matches("application/im-iscomposing+xml") {
            guard let isActive = Composing.read(body) else { throw .malformed }
            return .composing(isActive)
        }
        if type.name.matches("message/imdn+xml") {
            guard let notification = DispositionNotification.read(body) else { throw .malformed }
            return .notification(notification)
        }
        if type.name.matches("message/cpim") {
            guard let envelope = CPIM(body) else { throw .malformed }
            let content = try read(envelope.content, envelope.contentType, depth - 1)
            guard case .text(let text, let inner) = content else { return content }
            return .text(text, envelope.disposition ?? inner)
        }
        if type.name.hasPrefix("multipart/") {
            guard let boundary = type.parameters["boundary"], !boundary.isEmpty else { throw .malformed }
            return try best(of: Multipart.parts(body, boundary: boundary), depth)
        }
        throw .type
    }

    /// The plainest part that is understood (RFC 2046 §5.1.4 has the richest last).
    private static func best(of parts: [Multipart.Part], _ depth: Int) throws(Refusal) -> MessageContent {
        if let plain = parts.first(where: { $0.type.name.matches("text/plain") }) {
            return try read(plain.body, plain.type, depth - 1)
        }
        for part in parts {
            if let content = try? read(part.body, part.type, depth - 1) { return content }
        }
        throw .type
    }

    // MARK: Character sets

    /// The text in UTF-8 without what XML does not allow; without a charset it is UTF-8.
    private static func utf8(_ body: UnsafeRawBufferPointer, _ charset: SIPBytes?) throws(Refusal) -> [UInt8] {
        guard let charset, !charset.matches("utf-8"), !charset.matches("us-ascii") else {
            if body.allSatisfy({ $0 < 0x80 }) { return Array(body) }
            let text = Array(body)
            guard String(validating: text, as: UTF8.self) == nil else { return text }
            // Old phones send Latin 1 and say nothing of it.
            return latin1(body)
        }
        if charset.matches("iso-8859-1") || charset.matches("latin1") || charset.matches("windows-1252") {
            return latin1(body)
        }
        if charset.hasPrefix("utf-16") {
            return Array(utf16(body, isLittle: charset.matches("utf-16le")).utf8)
        }
        throw .type
    }

    private static func latin1(_ body: UnsafeRawBufferPointer) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(body.count + body.count / 4)
        for byte in body {
            if byte < 0x80 {
                text.append(byte)
            } else {
                text.append(0xC0 | byte >> 6)
                text.append(0x80 | byte & 0x3F)
            }
        }
        return text
    }

    private static func utf16(_ body: UnsafeRawBufferPointer, isLittle: Bool) -> String {
        var units: [UInt16] = []
        units.reserveCapacity(body.count / 2)
        var index = 0
        while index + 1 < body.count {
            let (first, second) = (UInt16(body[index]), UInt16(body[index + 1]))
            units.append(isLittle ? second << 8 | first : first << 8 | second)
            index += 2
        }
        if units.first == 0xFFFE { units = units.map(\.byteSwapped) }
        if units.first == 0xFEFF { units.removeFirst() }
        return String(decoding: units, as: UTF16.self)
    }
}

/// The value of a Content-Type header.
struct MediaType {
    /// `type/subtype`, in any case.
    let name: SIPBytes
    let parameters: SIPParameters

    init(_ value: SIPBytes) {
        let end = value.firstIndex(of: 0x3B) ?? value.count
        name = value.part(0, end).trimmed
        parameters = SIPParameters(value.part(end, value.count))
    }

    var charset: SIPBytes? { parameters["charset"] }
}
