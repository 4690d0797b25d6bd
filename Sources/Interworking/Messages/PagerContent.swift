import SIPWire

/// The body of a MESSAGE for a stanza, and what goes into the headers beside it (RFC 7572 §4, table 1).
///
///     <body/>      body                    <subject/>   Subject             xml:lang   Content-Language
///     <thread/>    Call-ID                 from         From, with `gr`     to         Request-URI, To
///
/// `type` has no counterpart there; `id` has one in envelopes alone.
public struct PagerContent: Sendable {
    public var type: StaticString
    public var body: [UInt8]
    /// Safe for a header; empty for none.
    public var subject: [UInt8] = []
    /// Safe for a header; empty where the stanza has no thread.
    public var callID: [UInt8] = []
    public var language: [UInt8] = []
    /// It is about another message: nobody waits for it, and a contact that does not know the kind is spared it.
    public var isNotice = false

    /// - Parameters:
    ///   - takesCPIM: the contact understands envelopes: it can be asked for notifications.
    ///   - from: URIs of the two, for envelopes.
    ///   - date: now, as XEP-0082 writes it.
    /// - Returns: nil where there is nothing to tell: reactions, keys, states that SIP has no word for.
    public init?(_ stanza: MessageStanza, takesCPIM: Bool, from: [UInt8], to: [UInt8], date: String) {
        if let text = stanza.readableText {
            let wishes = MessageContent.Disposition(
                messageID: String(decoding: stanza.id, as: UTF8.self), wantsDelivery: stanza.wantsReceipt,
                wantsDisplay: stanza.isMarkable)
            if takesCPIM, !stanza.id.isEmpty, stanza.wantsReceipt || stanza.isMarkable {
                type = "message/cpim"
                body = CPIM.write(
                    from: from, to: to, date: date, disposition: wishes, type: "text/plain;charset=UTF-8", content: text
                )
            } else {
                type = text.allSatisfy { $0 < 0x80 } ? "text/plain" : "text/plain;charset=UTF-8"
                body = text
            }
            if let subject = stanza.subject, stanza.body != nil { self.subject = Self.headerText(subject) }
            if stanza.language.count <= 35, stanza.language.allSatisfy(Self.isLanguage) { language = stanza.language }
            callID = Self.callID(ofThread: stanza.thread)
            return
        }
        isNotice = true
        if let notification = stanza.notification {
            guard takesCPIM else { return nil }
            type = "message/cpim"
            body = DispositionNotification.write(notification, from: from, to: to, date: date)
        } else if let state = stanza.chatState {
            type = Composing.type
            body = Composing.write(isActive: state == .composing)
        } else {
            return nil
        }
    }

    private static func isLanguage(_ byte: UInt8) -> Bool {
        byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte >= 0x30 && byte <= 0x39 || byte == 0x2D
    }

    /// Nothing that would end the line.
    static func headerText(_ text: [UInt8]) -> [UInt8] {
        var safe = text.prefix(500).map { $0 < 0x20 || $0 == 0x7F ? 0x20 : $0 }
        // Not in the middle of a character.
        while let last = safe.last, last & 0xC0 == 0x80, text.count > 500 { safe.removeLast() }
        if text.count > 500, let last = safe.last, last >= 0xC0 { safe.removeLast() }
        return safe
    }

    /// A thread as Call-ID: as it is where it can be one, so that answers carry the thread; else a digest of it.
    public static func callID(ofThread thread: [UInt8]) -> [UInt8] {
        guard !thread.isEmpty else { return [] }
        var ats = 0
        var isWord = thread.count <= 128 && thread.first != 0x40 && thread.last != 0x40
        for byte in thread where isWord {
            if byte == 0x40 {
                ats += 1
                isWord = ats == 1
            } else {
                isWord = Self.isWord(byte)
            }
        }
        guard !isWord else { return thread }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in thread { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Array("thread-\(String(hash, radix: 16))".utf8)
    }

    /// `word` of RFC 3261 §25.1.
    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x39: true
        default: marks.contains(byte)
        }
    }

    private static let marks = Set("-.!%*_+`'~()<>:\\\"/[]?{}".utf8)
}
