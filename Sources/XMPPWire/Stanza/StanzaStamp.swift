import Ground
import XMLWire

/// Derives stanzas from finished ones by splicing bytes; no tree is built.
public enum StanzaStamp {
    /// Puts `addition` before the end tag; expands a self-closing stanza.
    public static func appending(_ addition: [UInt8], to stanza: [UInt8]) -> [UInt8] {
        guard let end = stanza.lastIndex(of: 60), stanza.count > end + 1 else { return stanza }
        if stanza[end + 1] == 47 {
            var result: [UInt8] = []
            result.reserveCapacity(stanza.count + addition.count)
            result += stanza[..<end]
            result += addition
            result += stanza[end...]
            return result
        }
        // `<message …/>`: the name ends at the first white space or slash.
        guard let slash = stanza.lastIndex(of: 47) else { return stanza }
        let name = stanza[1...].prefix { $0 != 32 && $0 != 47 && $0 != 62 && $0 != 9 && $0 != 10 && $0 != 13 }
        return stanza[..<slash] + [62] + addition + [60, 47] + name + [62]
    }

    /// A stored stanza as it is delivered later (XEP-0203).
    public static func delayed(_ stanza: [UInt8], from domain: String, stamp: String) -> [UInt8] {
        appending(Array("<delay xmlns='urn:xmpp:delay' from='\(domain)' stamp='\(stamp)'/>".utf8), to: stanza)
    }

    /// A carbon copy (XEP-0280 §6–7). `direction` is `sent` or `received`.
    public static func carbon(
        _ direction: String, of stanza: [UInt8], type: MessageType, from bare: [UInt8], to full: [UInt8]
    ) -> [UInt8] {
        var result = Array("<message from='".utf8)
        result.reserveCapacity(stanza.count + 320)
        result += XMLText.escaped(bare)
        result += Array("' to='".utf8)
        result += XMLText.escaped(full)
        result += Array("'\(type.attribute)><\(direction) xmlns='urn:xmpp:carbons:2'>".utf8)
        result += Array("<forwarded xmlns='urn:xmpp:forward:0'>".utf8)
        appendCopy(of: stanza, to: &result)
        result += Array("</forwarded></\(direction)></message>".utf8)
        return result
    }

    /// Appends a stanza that leaves the stream's namespace: it says its own (XEP-0297 §3.1).
    public static func appendCopy(of stanza: [UInt8], to result: inout [UInt8]) {
        let start = Array("<message".utf8)
        guard stanza.starts(with: start) else {
            result += stanza
            return
        }
        result += start
        if !XMLStartTag.declaresDefaultNamespace(stanza) { result += Array(" xmlns='jabber:client'".utf8) }
        result += stanza[start.count...]
    }

    private static let idStart = Array("<stanza-id xmlns='urn:xmpp:sid:0' id='".utf8)

    /// The stanza with the id of an archive (XEP-0359).
    public static func identified(_ stanza: [UInt8], _ id: [UInt8], by address: [UInt8]) -> [UInt8] {
        appending(idStart + id + Array("' by='".utf8) + XMLText.escaped(address) + Array("'/>".utf8), to: stanza)
    }

    /// The stanza without the id that this server has put at its end.
    public static func withoutStanzaID(_ stanza: [UInt8]) -> [UInt8] {
        // Nothing but the end tag follows it.
        guard let end = stanza.lastIndex(of: 60), end > idStart.count, stanza[end - 1] == 62, stanza[end - 2] == 47,
            let start = stanza[..<end].lastIndex(of: 60), stanza[start...].starts(with: idStart)
        else { return stanza }
        return Array(stanza[..<start] + stanza[end...])
    }

    /// The error stanza for a message that cannot be delivered, with what the sender had written (RFC 6120 §8.3.1);
    /// `stanza` has `from` and `to`. Empty when it cannot be read.
    public static func errorReply(to stanza: [UInt8], error: StanzaError) -> [UInt8] {
        let read = stanza.withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
        }
        guard let original = read else { return [] }
        var reply = XMLElement(original.name, namespace: original.namespace, attributes: ["type": "error"])
        reply["id"] = original["id"]
        reply["from"] = original["to"]
        reply["to"] = original["from"]
        reply["xml:lang"] = original["xml:lang"]
        // Our own id is of the recipient's archive, which never got the message.
        reply.children = original.children.filter {
            guard case .element(let child) = $0 else { return true }
            return child.name != "stanza-id" || child.namespace != "urn:xmpp:sid:0"
        }
        reply.children.append(.element(error.element))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(stanza.count + 256)
        reply.write(into: &bytes, inheritedNamespace: StanzaNamespace.client)
        return bytes
    }
}

/// The start tag of an element that was checked before.
enum XMLStartTag {
    /// Whether the start tag itself has a default namespace declaration. The element was checked before.
    ///
    /// Values are skipped, because they may hold `>` and anything that looks like a declaration; the name may stand
    /// after any white space. A second declaration would end the stream of whoever receives it.
    static func declaresDefaultNamespace(_ element: [UInt8]) -> Bool {
        var quote: UInt8 = 0
        var index = 1
        while index < element.count {
            let byte = element[index]
            if quote != 0 {
                if byte == quote { quote = 0 }
            } else if byte == 34 || byte == 39 {
                quote = byte
            } else if byte == 62 {
                return false
            } else if byte == 120, isSpace(element[index - 1]), element[index...].starts(with: declaration) {
                let next = index + declaration.count
                if next < element.count, element[next] == 61 || isSpace(element[next]) { return true }
            }
            index += 1
        }
        return false
    }

    private static let declaration = Array("xmlns".utf8)

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }
}
