import XMLWire
import XMPPWire

/// Typing notices between RFC 3994 and XEP-0085.
public enum Composing {
    public static let type: StaticString = "application/im-iscomposing+xml"
    static let namespace = "urn:ietf:params:xml:ns:im-iscomposing"
    /// Seconds after which a notice is repeated or over (RFC 3994 §3.2 has 120 as default).
    static let refresh = 90

    /// Whether somebody writes; nil for what is no such document.
    static func read(_ body: UnsafeRawBufferPointer) -> Bool? {
        guard let element = XMLDocument.read(body), element.name == "isComposing", element.namespace == namespace,
            let state = element.child("state", namespace: namespace)
        else { return nil }
        return state.text.filter { !$0.isWhitespace } == "active"
    }

    public static func write(isActive: Bool) -> [UInt8] {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<isComposing xmlns=\"\(namespace)\"><state>"
        text += isActive ? "active" : "idle"
        text += "</state><contenttype>text/plain</contenttype>"
        if isActive { text += "<refresh>\(refresh)</refresh>" }
        return Array((text + "</isComposing>").utf8)
    }
}

/// Notifications of what became of a message, between RFC 5438 and XEP-0184, XEP-0333.
public enum DispositionNotification {
    public static let type: StaticString = "message/imdn+xml"
    static let namespace = "urn:ietf:params:xml:ns:imdn"

    /// Nil for what is no such document or says nothing that can be told.
    static func read(_ body: UnsafeRawBufferPointer) -> MessageContent.Notification? {
        guard let element = XMLDocument.read(body), element.name == "imdn", element.namespace == namespace,
            let id = element.child("message-id", namespace: namespace)?.text, !id.isEmpty, id.utf8.count <= 200
        else { return nil }
        for child in element.elements {
            guard let status = child.child("status", namespace: namespace)?.firstElement?.name else { continue }
            switch (child.name, status) {
            case ("delivery-notification", "delivered"): return .init(messageID: id, state: .delivered)
            case ("display-notification", "displayed"): return .init(messageID: id, state: .displayed)
            case ("delivery-notification", _), ("display-notification", _), ("processing-notification", _):
                return .init(messageID: id, state: .failed)
            default: continue
            }
        }
        return nil
    }

    /// A whole CPIM envelope with the notification inside.
    ///
    /// - Parameters:
    ///   - from: the `im:` URI of who got the message.
    ///   - date: now, as XEP-0082 writes it.
    public static func write(
        _ notification: MessageContent.Notification, from: [UInt8], to: [UInt8], date: String
    ) -> [UInt8] {
        let kind = notification.state == .displayed ? "display-notification" : "delivery-notification"
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<imdn xmlns=\"\(namespace)\"><message-id>"
        text += XMLText.escape(notification.messageID)
        text += "</message-id><datetime>\(date)</datetime><recipient-uri>"
        text += XMLText.escape(String(decoding: from, as: UTF8.self))
        text += "</recipient-uri><\(kind)><status><\(notification.state.rawValue)/></status></\(kind)></imdn>"
        return CPIM.write(
            from: from, to: to, date: date, disposition: nil, isNotification: true, type: type,
            content: Array(text.utf8))
    }
}

/// Small XML documents out of SIP bodies: with a declaration before them, and untrusted.
enum XMLDocument {
    /// Bytes that are read.
    private static let limit = 16_384

    static func read(_ body: UnsafeRawBufferPointer) -> XMLElement? {
        guard body.count <= limit else { return nil }
        var start = 0
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x0D || $0 == 0x0A || $0 == 0x09 }
        if body.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
        while start < body.count, isBlank(body[start]) { start += 1 }
        if body.count > start + 5, body[start] == 0x3C, body[start + 1] == 0x3F {
            guard let end = body[start...].firstIndex(of: 0x3E) else { return nil }
            start = end + 1
            while start < body.count, isBlank(body[start]) { start += 1 }
        }
        var end = body.count
        while end > start, isBlank(body[end - 1]) { end -= 1 }
        return try? XMLElement(
            parsing: UnsafeRawBufferPointer(rebasing: body[start..<end]), streamDefaultNamespace: "",
            streamPrefixes: [])
    }
}
