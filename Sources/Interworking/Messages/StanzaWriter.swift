import IMCore
import SIPWire
import XMLWire
import XMPPWire

/// Writes the stanza that a MESSAGE becomes (RFC 7572 §5, table 2), byte for byte as XMPP clients get it.
///
///     From, `gr`             from                     Subject               <subject/>, and the type `normal`
///     Request-URI            to                       Call-ID               <thread/>
///     Content-Language       xml:lang                 imdn.Message-ID       id
///     body                   <body/>                  Disposition-…         <request/> (XEP-0184), <markable/> (XEP-0333)
public struct StanzaWriter {
    /// Prepared addresses.
    public var from: [UInt8]
    public var to: [UInt8]
    /// What the server calls the message: the id, where the sender has none.
    public var name: [UInt8]
    /// The address whose stanza id it gets (XEP-0359); empty for none.
    public var identifiedBy: [UInt8] = []
    public var subject: SIPBytes?
    public var callID: SIPBytes?
    public var language: SIPBytes?

    public init(from: [UInt8], to: [UInt8], name: [UInt8]) {
        self.from = from
        self.to = to
        self.name = name
    }

    /// Type and traits of what `write` writes, for routing; the same rules as for what clients send.
    public func shape(of content: MessageContent) -> (type: MessageType, traits: MessageTraits) {
        switch content {
        case .text(_, let disposition):
            var traits: MessageTraits = [.body, .substance, .lasting]
            if disposition.wantsDelivery || disposition.wantsDisplay { traits.insert(.receipt) }
            return (title.isEmpty ? .chat : .normal, traits)
        case .composing: return (.chat, .chatState)
        case .notification: return (.chat, [.receipt, .substance, .lasting])
        }
    }

    private var title: SIPBytes { subject.map { $0.trimmed } ?? .empty }

    public func write(_ content: MessageContent) -> [UInt8] {
        var bytes: [UInt8] = []
        switch content {
        case .text(let text, let disposition):
            let title = title
            bytes.reserveCapacity(from.count + to.count + name.count * 2 + text.count + title.count + 320)
            open(
                &bytes, title.isEmpty ? .chat : .normal,
                id: disposition.messageID.isEmpty ? name : Array(disposition.messageID.utf8))
            if !title.isEmpty { Self.append(element: "subject", title, to: &bytes) }
            bytes += Self.bodyStart
            Self.append(text: text, to: &bytes)
            bytes += Self.bodyEnd
            if let callID, !callID.isEmpty { Self.append(element: "thread", callID, to: &bytes) }
            if disposition.wantsDelivery { bytes += Self.receiptRequest }
            if disposition.wantsDisplay { bytes += Self.markable }
        case .composing(let isActive):
            open(&bytes, .chat, id: name)
            bytes += isActive ? Self.composing : Self.paused
            if let callID, !callID.isEmpty { Self.append(element: "thread", callID, to: &bytes) }
        case .notification(let notification):
            open(&bytes, .chat, id: name)
            bytes += notification.state == .displayed ? Self.displayedStart : Self.receivedStart
            XMLEscape.append(attribute: notification.messageID, to: &bytes)
            bytes += Self.emptyEnd
        }
        if !identifiedBy.isEmpty {
            bytes += Self.stanzaIDStart
            bytes += name
            bytes += Self.stanzaIDMiddle
            bytes += XMLText.escaped(identifiedBy)
            bytes += Self.emptyEnd
        }
        bytes += Self.end
        return bytes
    }

    private func open(_ bytes: inout [UInt8], _ type: MessageType, id: [UInt8]) {
        bytes += Self.fromStart
        bytes += XMLText.escaped(from)
        bytes += Self.toStart
        bytes += XMLText.escaped(to)
        bytes += type == .chat ? Self.chatStart : Self.normalStart
        bytes += XMLText.escaped(id)
        if let language, !language.isEmpty, language.count <= 35 {
            bytes += Self.languageStart
            let first = language.firstIndex(of: 0x2C).map { language.part(0, $0).trimmed } ?? language
            bytes += XMLText.escaped(first.array.filter { $0 > 0x20 && $0 < 0x7F })
        }
        bytes += Self.quoteEnd
    }

    /// Character data; line ends become those of XML.
    private static func append(text: [UInt8], to bytes: inout [UInt8]) {
        if text.contains(0x0D) {
            var plain: [UInt8] = []
            plain.reserveCapacity(text.count)
            for (index, byte) in text.enumerated() {
                if byte != 0x0D {
                    plain.append(byte)
                } else if index + 1 == text.count || text[index + 1] != 0x0A {
                    plain.append(0x0A)
                }
            }
            plain.withUnsafeBytes { XMLEscape.append(text: $0, to: &bytes) }
        } else {
            text.withUnsafeBytes { XMLEscape.append(text: $0, to: &bytes) }
        }
    }

    private static func append(element name: StaticString, _ value: SIPBytes, to bytes: inout [UInt8]) {
        bytes.append(0x3C)
        bytes += UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        bytes.append(0x3E)
        value.withBytes { XMLEscape.append(text: $0, to: &bytes) }
        bytes += [0x3C, 0x2F]
        bytes += UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        bytes.append(0x3E)
    }

    private static let fromStart = Array("<message from='".utf8)
    private static let toStart = Array("' to='".utf8)
    private static let chatStart = Array("' type='chat' id='".utf8)
    private static let normalStart = Array("' id='".utf8)
    private static let languageStart = Array("' xml:lang='".utf8)
    private static let quoteEnd = Array("'>".utf8)
    private static let bodyStart = Array("<body>".utf8)
    private static let bodyEnd = Array("</body>".utf8)
    private static let receiptRequest = Array("<request xmlns='urn:xmpp:receipts'/>".utf8)
    private static let markable = Array("<markable xmlns='urn:xmpp:chat-markers:0'/>".utf8)
    private static let composing = Array("<composing xmlns='http://jabber.org/protocol/chatstates'/>".utf8)
    private static let paused = Array("<paused xmlns='http://jabber.org/protocol/chatstates'/>".utf8)
    private static let receivedStart = Array("<received xmlns='urn:xmpp:receipts' id='".utf8)
    private static let displayedStart = Array("<displayed xmlns='urn:xmpp:chat-markers:0' id='".utf8)
    private static let stanzaIDStart = Array("<stanza-id xmlns='urn:xmpp:sid:0' id='".utf8)
    private static let stanzaIDMiddle = Array("' by='".utf8)
    private static let emptyEnd = Array("'/>".utf8)
    private static let end = Array("</message>".utf8)
}
