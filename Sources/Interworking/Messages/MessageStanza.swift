import Ground
import XMLWire
import XMPPWire

/// What a message stanza says, as far as a SIP contact can be told (RFC 7572 §4).
public struct MessageStanza: Sendable {
    public enum ChatState: String, Sendable { case active, composing, paused, inactive, gone }

    /// Values as they mean, references resolved.
    public var from: [UInt8] = []
    public var to: [UInt8] = []
    public var id: [UInt8] = []
    public var type = MessageType.normal
    /// `xml:lang` of the stanza.
    public var language: [UInt8] = []
    public var body: [UInt8]?
    public var subject: [UInt8]?
    public var thread: [UInt8] = []
    /// XEP-0184
    public var wantsReceipt = false
    /// XEP-0333
    public var isMarkable = false
    public var notification: MessageContent.Notification?
    public var chatState: ChatState?
    /// It stands in place of an earlier one (XEP-0308).
    public var isCorrection = false
    /// An address of something, said beside the text (XEP-0066).
    public var url: [UInt8]?
    /// When it was sent, where that is not now (XEP-0203), milliseconds since 1970.
    public var delayedSince: Int64?
    /// Of type `error`: what is wrong.
    public var errorCondition: StanzaError.Condition?
    public var errorText: String?

    public init() {}

    /// The text a SIP contact gets: the body; of a correction the new body with a star, as people write it; of what has
    /// no body the address or the subject. Nil when there is nothing to read: reactions, markers, encrypted keys.
    public var readableText: [UInt8]? {
        if let body, !body.isEmpty { return isCorrection ? [0x2A, 0x20] + body : body }
        if let url, !url.isEmpty { return url }
        if let subject, !subject.isEmpty { return subject }
        return nil
    }
}

/// Reads stanzas that the server has checked before; no tree is built but of children that are rare. One for a loop.
public final class StanzaReader {
    private let frame = ElementFrame()
    private var scanner: XMLStreamScanner

    private static let header = Array(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>".utf8)
    private static let limits = XMLLimits(elementBytes: 16 << 20, depth: 256, attributes: 256)

    public init() { scanner = Self.opened(frame) }

    private static func opened(_ frame: ElementFrame) -> XMLStreamScanner {
        var scanner = XMLStreamScanner(limits: limits)
        _ = header.withUnsafeBytes { scanner.next($0, frame: frame) }
        return scanner
    }

    /// Nil for what is no message.
    public func read(_ bytes: [UInt8]) -> MessageStanza? { bytes.withUnsafeBytes { read($0) } }

    public func read(_ bytes: UnsafeRawBufferPointer) -> MessageStanza? {
        guard case .element = scanner.next(bytes, frame: frame) else {
            frame.reset()
            scanner = Self.opened(frame)
            return nil
        }
        guard frame.nameEquals("message", in: bytes) else { return nil }
        var stanza = MessageStanza()
        for attribute in frame.attributes where !attribute.isNamespaceDeclaration {
            if attribute.name.equals("from", in: bytes) {
                stanza.from = Self.value(attribute, bytes)
            } else if attribute.name.equals("to", in: bytes) {
                stanza.to = Self.value(attribute, bytes)
            } else if attribute.name.equals("id", in: bytes) {
                stanza.id = Self.value(attribute, bytes)
            } else if attribute.name.equals("type", in: bytes) {
                stanza.type =
                    MessageType(rawValue: String(decoding: Self.value(attribute, bytes), as: UTF8.self)) ?? .normal
            } else if attribute.name.equals("xml:lang", in: bytes) {
                stanza.language = Self.value(attribute, bytes)
            }
        }
        for child in frame.children { read(child, bytes, &stanza) }
        return stanza
    }

    private func read(_ child: ChildSpan, _ bytes: UnsafeRawBufferPointer, _ stanza: inout MessageStanza) {
        if child.inheritsStreamNamespace || child.namespace(equals: "jabber:client", in: bytes) {
            if child.localName(equals: "body", in: bytes) {
                // Of several in different languages the one in the stanza's own, else the first.
                let isPlain = Self.isPlain(child)
                if stanza.body == nil || isPlain { stanza.body = Self.text(child, bytes) }
            } else if child.localName(equals: "subject", in: bytes) {
                if stanza.subject == nil || Self.isPlain(child) { stanza.subject = Self.text(child, bytes) }
            } else if child.localName(equals: "thread", in: bytes) {
                stanza.thread = Self.text(child, bytes)
            } else if child.localName(equals: "error", in: bytes) {
                readError(child, bytes, &stanza)
            }
            return
        }
        if child.namespace(equals: "http://jabber.org/protocol/chatstates", in: bytes) {
            stanza.chatState = MessageStanza.ChatState(
                rawValue: String(decoding: child.localName.slice(of: bytes), as: UTF8.self))
        } else if child.namespace(equals: "urn:xmpp:receipts", in: bytes) {
            if child.localName(equals: "request", in: bytes) { stanza.wantsReceipt = true }
            if child.localName(equals: "received", in: bytes), let id = Self.tree(child, bytes)?["id"] {
                stanza.notification = .init(messageID: id, state: .delivered)
            }
        } else if child.namespace(equals: "urn:xmpp:chat-markers:0", in: bytes) {
            if child.localName(equals: "markable", in: bytes) { stanza.isMarkable = true }
            if child.localName(equals: "displayed", in: bytes), let id = Self.tree(child, bytes)?["id"] {
                stanza.notification = .init(messageID: id, state: .displayed)
            }
        } else if child.namespace(equals: "urn:xmpp:message-correct:0", in: bytes) {
            stanza.isCorrection = true
        } else if child.namespace(equals: "jabber:x:oob", in: bytes) {
            stanza.url = Self.tree(child, bytes)?.child("url", namespace: "jabber:x:oob").map { Array($0.text.utf8) }
        } else if child.namespace(equals: "urn:xmpp:delay", in: bytes) {
            stanza.delayedSince = Self.tree(child, bytes)?["stamp"].flatMap { Timestamp.parse($0)?.floor }
        }
    }

    private func readError(_ child: ChildSpan, _ bytes: UnsafeRawBufferPointer, _ stanza: inout MessageStanza) {
        guard let error = Self.tree(child, bytes) else { return }
        for element in error.elements where element.namespace == StanzaNamespace.errors {
            if element.name == "text" {
                stanza.errorText = element.text
            } else {
                stanza.errorCondition = StanzaError.Condition(rawValue: element.name) ?? .undefinedCondition
            }
        }
    }

    // MARK: Bytes

    /// No attribute: `<body>`.
    private static func isPlain(_ child: ChildSpan) -> Bool {
        Int(child.startTagEnd) - Int(child.whole.start) == child.localName.count + 2
    }

    private static func text(_ child: ChildSpan, _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        guard !child.isSelfClosing else { return [] }
        let whole = child.whole.slice(of: bytes)
        let start = Int(child.startTagEnd - child.whole.start)
        guard let end = whole.lastIndex(of: 0x3C), end >= start else { return [] }
        let content = UnsafeRawBufferPointer(rebasing: whole[start..<end])
        guard content.contains(where: { $0 == 0x26 || $0 == 0x3C || $0 == 0x0D }) else { return Array(content) }
        return XMLEscape.unescape(content).map { Array($0.utf8) } ?? tree(child, bytes).map { Array($0.text.utf8) }
            ?? []
    }

    private static func value(_ attribute: AttributeSpan, _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let raw = attribute.value.slice(of: bytes)
        guard attribute.hasReferences else { return Array(raw) }
        return XMLEscape.unescape(attribute: raw).map { Array($0.utf8) } ?? []
    }

    private static func tree(_ child: ChildSpan, _ bytes: UnsafeRawBufferPointer) -> XMLElement? {
        try? XMLElement(
            parsing: child.whole.slice(of: bytes), streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
    }
}
