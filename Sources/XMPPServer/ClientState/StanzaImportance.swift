import Ground
import XMLWire
import XMPPWire

/// How much a stanza matters to a client whose user does not look at it (XEP-0352 §3.2).
enum StanzaImportance: Equatable {
    /// Availability of an address; only the last word of each counts.
    case availability(of: [UInt8])
    /// A chat state, or an item of a node: only the last word about the same counts.
    case latest(of: [UInt8])
    /// Other events, receipts, headlines: in order, when there is a reason to wake the client anyway.
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
        if let key = latestKey(bytes) { return .latest(of: key) }
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

    /// What a message is the last word about: its sender, when it is a mere chat state, or the one item of a node that
    /// it tells of. Begins with a byte that no address has.
    private func latestKey(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        guard frame.childCount <= 8, let from = frame.attribute("from", in: bytes)?.value else { return nil }
        var isChatState = false
        var event: Span?
        for child in frame.children {
            if child.namespace(equals: "http://jabber.org/protocol/chatstates", in: bytes) {
                isChatState = true
            } else if child.namespace(equals: "http://jabber.org/protocol/pubsub#event", in: bytes), event == nil {
                event = child.whole
            } else if child.inheritsStreamNamespace && child.localName(equals: "thread", in: bytes)
                || child.namespace(equals: "urn:xmpp:hints", in: bytes)
                || child.namespace(equals: "urn:xmpp:sid:0", in: bytes)
            {
                continue
            } else {
                return nil
            }
        }
        let sender = Array(from.slice(of: bytes))
        if isChatState { return event == nil ? [0] + sender : nil }
        guard let event else { return nil }
        defer { _ = scan(bytes) }
        return item(of: event.slice(of: bytes)).map { [1] + sender + [1] + $0 }
    }

    /// Node and id of the only item that an `<event/>` tells of.
    private func item(of event: UnsafeRawBufferPointer) -> [UInt8]? {
        guard scan(event), frame.childCount == 1, let items = frame.children.first?.whole.slice(of: event),
            scan(items), frame.nameEquals("items", in: items), frame.childCount == 1,
            let node = frame.attribute("node", in: items)?.value.slice(of: items),
            let item = frame.children.first?.whole.slice(of: items)
        else { return nil }
        let name = Array(node)
        guard scan(item), frame.nameEquals("item", in: item), let id = frame.attribute("id", in: item)?.value else {
            return nil
        }
        return name + [1] + Array(id.slice(of: item))
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
        // Copies of what one sends have one sender and many recipients.
        if case .latest = messageImportance(inner) { return .unimportant }
        guard scan(inner) else { return .message }
        return messageImportance(inner)
    }
}
