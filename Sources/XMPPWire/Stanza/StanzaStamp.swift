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
        // The copied stanza leaves the stream's namespace: it says its own (XEP-0297 §3.1).
        let start = Array("<message".utf8)
        if stanza.starts(with: start) {
            result += start
            if !declaresNamespace(stanza) { result += Array(" xmlns='jabber:client'".utf8) }
            result += stanza[start.count...]
        } else {
            result += stanza
        }
        result += Array("</forwarded></\(direction)></message>".utf8)
        return result
    }

    private static func declaresNamespace(_ stanza: [UInt8]) -> Bool {
        stanza.withUnsafeBytes { bytes in
            guard let element = try? XMLStartTag(bytes) else { return false }
            return element.attributes["xmlns"] != nil
        }
    }

    /// The error stanza for a message that cannot be delivered (RFC 6120 §8.3.1); `stanza` has `from` and `to`.
    public static func errorReply(to stanza: [UInt8], error: StanzaError) -> [UInt8] {
        stanza.withUnsafeBytes { bytes in
            guard let tag = try? XMLStartTag(bytes) else { return [] }
            var xml = "<\(tag.name) type='error'"
            if let id = tag.attributes["id"] { xml += " id='\(XMLText.escape(id))'" }
            if let to = tag.attributes["to"] { xml += " from='\(XMLText.escape(to))'" }
            if let from = tag.attributes["from"] { xml += " to='\(XMLText.escape(from))'" }
            return Array((xml + ">" + error.xml + "</\(tag.name)>").utf8)
        }
    }
}

/// Name and attributes of an element, read leniently from bytes that were checked before.
public struct XMLStartTag {
    public let name: String
    public let attributes: [String: String]

    public init(_ bytes: UnsafeRawBufferPointer) throws(XMLFault) {
        let element = try XMLElement(parsing: bytes, streamDefaultNamespace: "jabber:client", streamPrefixes: [])
        name = element.name
        var found: [String: String] = [:]
        for attribute in element.attributes { found[attribute.name] = attribute.value }
        if Self.declares(bytes) { found["xmlns"] = element.namespace }
        attributes = found
    }

    /// Whether the start tag itself has a default namespace declaration.
    private static func declares(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let end = bytes.firstIndex(of: 62) else { return false }
        let needle = Array(" xmlns=".utf8)
        guard end > needle.count else { return false }
        return (0...(end - needle.count)).contains { start in
            needle.indices.allSatisfy { bytes[start + $0] == needle[$0] }
        }
    }
}
