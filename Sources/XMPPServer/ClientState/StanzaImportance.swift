import Ground
import XMLWire
import XMPPWire

/// How much a stanza matters to a client whose user does not look at it (XEP-0352 §3.2).
enum StanzaImportance: Equatable {
    /// Availability of an address; only the last word of each counts.
    case availability(of: [UInt8])
    /// Chat states, events, receipts, headlines: in order, when there is a reason to wake the client anyway.
    case unimportant
    /// Something to read. Goes at once, but may wait in quiet mode.
    case message
    /// Answers, requests, errors, calls, invitations: at once in any case.
    case urgent
}

/// Tells importance from the bytes of a stanza; makes an index of the children, no tree.
final class ImportanceReader {
    private static let limits = XMLLimits(elementBytes: 16 << 20, depth: 256, attributes: 256)
    private var scanner = ImportanceReader.openScanner()
    private let frame = ElementFrame()

    private static func openScanner() -> XMLStreamScanner {
        var scanner = XMLStreamScanner(limits: limits)
        _ = StandaloneElement.streamHeader.withUnsafeBytes { scanner.next($0, frame: ElementFrame()) }
        return scanner
    }

    func importance(of stanza: [UInt8]) -> StanzaImportance {
        stanza.withUnsafeBytes { importance($0) }
    }

    /// What cannot be read is urgent: better once too often.
    private func importance(_ bytes: UnsafeRawBufferPointer) -> StanzaImportance {
        guard scan(bytes) else { return .urgent }
        if frame.nameEquals("message", in: bytes) { return messageImportance(bytes) }
        guard frame.nameEquals("presence", in: bytes) else { return .urgent }
        if let type = frame.attribute("type", in: bytes)?.value, !type.equals("unavailable", in: bytes) {
            return .urgent
        }
        guard let from = frame.attribute("from", in: bytes)?.value else { return .unimportant }
        return .availability(of: Array(from.slice(of: bytes)))
    }

    private func scan(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if case .element(let length) = scanner.next(bytes, frame: frame), length == bytes.count { return true }
        scanner = Self.openScanner()
        frame.reset()
        return false
    }

    private func messageImportance(_ bytes: UnsafeRawBufferPointer) -> StanzaImportance {
        let type = frame.attribute("type", in: bytes)?.value
        if let type, type.equals("error", in: bytes) { return .urgent }
        if let type, type.equals("headline", in: bytes) { return .unimportant }
        guard frame.childCount <= ElementFrame.indexedChildren else { return .message }
        var result = StanzaImportance.unimportant
        var carbon: Span?
        for child in frame.children {
            if child.inheritsStreamNamespace || child.namespace(equals: "jabber:client", in: bytes) {
                if child.localName(equals: "body", in: bytes) || child.localName(equals: "subject", in: bytes) {
                    result = .message
                }
            } else if Self.isUrgent(child, bytes) {
                return .urgent
            } else if child.namespace(equals: "urn:xmpp:eme:0", in: bytes)
                || child.namespace(equals: "eu.siacs.conversations.axolotl", in: bytes)
            {
                result = .message
            } else if child.namespace(equals: "urn:xmpp:carbons:2", in: bytes) {
                carbon = child.whole
            }
        }
        // A copy matters as much as what it copies (XEP-0280 §7: received or sent, forwarded, message).
        if let carbon, result == .unimportant { return copied(carbon.slice(of: bytes)) }
        return result
    }

    private static func isUrgent(_ child: ChildSpan, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let namespace = child.namespace.slice(of: bytes)
        // Calls (XEP-0353, XEP-0482), answers of an archive, attention, confirmation of a login, invitations.
        if namespace.starts(with: callPrefix) || child.namespace(equals: "urn:xmpp:call-invites:0", in: bytes)
            || child.namespace(equals: "urn:xmpp:mam:2", in: bytes)
            || child.namespace(equals: "urn:xmpp:attention:0", in: bytes)
            || child.namespace(equals: "http://jabber.org/protocol/http-auth", in: bytes)
            || child.namespace(equals: "jabber:x:conference", in: bytes)
        {
            return true
        }
        return child.namespace(equals: "http://jabber.org/protocol/muc#user", in: bytes)
            && ByteCompare.contains(child.whole.slice(of: bytes), "<invite")
    }

    private static let callPrefix = Array("urn:xmpp:jingle-message:".utf8)

    private func copied(_ carbon: UnsafeRawBufferPointer) -> StanzaImportance {
        guard scan(carbon), let forwarded = frame.children.first?.whole.slice(of: carbon), scan(forwarded),
            let message = frame.children.first(where: { $0.localName(equals: "message", in: forwarded) })
        else { return .message }
        let inner = message.whole.slice(of: forwarded)
        guard scan(inner) else { return .message }
        return messageImportance(inner)
    }
}
