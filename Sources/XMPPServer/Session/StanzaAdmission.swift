import Ground
import IMCore
import XMLWire
import XMPPWire

/// What a bound client sends: checked, addressed, and handed to the handler of its kind (RFC 6120 §8).
extension C2SSession {
    /// Where the attributes lie that routing reads.
    struct StanzaAttributes {
        var to: AttributeSpan?
        var from: AttributeSpan?
        var id: AttributeSpan?
        var type: AttributeSpan?
        var hasLanguage = false

        init(_ frame: ElementFrame, _ bytes: UnsafeRawBufferPointer) {
            for attribute in frame.attributes {
                let name = attribute.name.slice(of: bytes)
                switch name.count {
                case 2:
                    if name[0] == 116, name[1] == 111 { to = attribute }
                    if name[0] == 105, name[1] == 100 { id = attribute }
                case 4:
                    if attribute.name.equals("from", in: bytes) { from = attribute }
                    if attribute.name.equals("type", in: bytes) { type = attribute }
                case 8: if attribute.name.equals("xml:lang", in: bytes) { hasLanguage = true }
                default: break
                }
            }
        }
    }

    /// One element of a bound stream.
    func admit(_ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame) {
        if let tap = server.tap { tap.passed(bytes, .received, self) }
        let inClientNamespace = frame.namespace == .none || frame.namespace.equals("jabber:client", in: bytes)
        if frame.hasPrefixedRoot || frame.usesStreamPrefix || (!inClientNamespace && isStanzaName(bytes, frame)) {
            return admitUnusual(bytes)
        }
        let attributes = StanzaAttributes(frame, bytes)
        if frame.nameEquals("message", in: bytes) {
            guard isFromThisClient(attributes, bytes) else { return }
            server.counters.messages += 1
            handleMessage(bytes, frame, attributes)
        } else if frame.nameEquals("presence", in: bytes) {
            guard isFromThisClient(attributes, bytes) else { return }
            server.counters.presences += 1
            handlePresence(bytes, frame, attributes)
            streamManagement?.answer(self)
        } else if frame.nameEquals("iq", in: bytes) {
            guard isFromThisClient(attributes, bytes) else { return }
            server.counters.requests += 1
            handleIQ(bytes, frame, attributes)
        } else if !streamManagementElement(bytes, frame), !clientStateElement(bytes, frame) {
            end(StreamError(.unsupportedStanzaType, "the element is not understood"))
        }
    }

    private func isStanzaName(_ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame) -> Bool {
        frame.nameEquals("message", in: bytes) || frame.nameEquals("presence", in: bytes)
            || frame.nameEquals("iq", in: bytes)
    }

    /// RFC 6120 §8.1.2.1: a client may name itself, bare or full, and nobody else.
    private func isFromThisClient(_ attributes: StanzaAttributes, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let from = attributes.from else { return true }
        let value = from.value.slice(of: bytes)
        if ByteHash.equal(address, value) { return true }
        if let home, ByteHash.equal(home.address, value) { return true }
        if let text = XMLEscape.unescape(attribute: value), let jid = try? JID(parsing: text), let account {
            if jid == account || jid == JID(preparedLocal: account.local, domain: account.domain, resource: resource) {
                return true
            }
        }
        end(StreamError(.invalidFrom))
        return false
    }

    /// A stanza that leans on prefixes or namespaces of the client's own stream: rewritten so that it stands alone.
    private func admitUnusual(_ bytes: UnsafeRawBufferPointer) {
        guard let header = scanner.header else { return }
        let prefixes = [(prefix: header.prefix, uri: header.streamNamespace)] + header.extraPrefixes
        guard
            let element = try? XMLElement(
                parsing: bytes, streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: prefixes)
        else { return end(StreamError(.notWellFormed)) }
        guard element.namespace == XMPPNamespace.client else {
            if [XMPPNamespace.streamManagement, XMPPFeature.clientStateNamespace].contains(element.namespace) {
                return readmit(element, inherited: "")
            }
            return end(
                ["message", "presence", "iq"].contains(element.name)
                    ? StreamError(.invalidNamespace, "stanzas are in \(XMPPNamespace.client)")
                    : StreamError(.unsupportedStanzaType, "the element is not understood"))
        }
        readmit(element, inherited: XMPPNamespace.client)
    }

    private func readmit(_ element: XMLElement, inherited: String) {
        var plain = StandaloneElement.streamHeader
        let start = plain.count
        element.write(into: &plain, inheritedNamespace: inherited)
        guard let frame = StandaloneElement.frame(of: plain, from: start, limits: scanner.limits),
            !frame.hasPrefixedRoot, !frame.usesStreamPrefix
        else { return end(StreamError(.notWellFormed)) }
        plain.withUnsafeBytes { all in admit(all.part(start, all.count), frame) }
    }

    // MARK: Addresses

    /// What `to` says.
    enum Target {
        /// No `to`: the client's own account.
        case own
        /// A hosted domain, without or with a resource.
        case domain(JID)
        /// An account of a hosted domain.
        case user(JID)
        /// The domain of a service, or an address in it.
        case service(JID)
        case remote(JID)
        case malformed
    }

    func target(_ attribute: AttributeSpan?, _ bytes: UnsafeRawBufferPointer) -> Target {
        guard let attribute else { return .own }
        guard let text = XMLEscape.unescape(attribute: attribute.value.slice(of: bytes)),
            let jid = try? JID(parsing: text)
        else { return .malformed }
        guard server.router.serves(jid.domain) else {
            return server.router.service(jid.domain) == nil ? .remote(jid) : .service(jid)
        }
        return jid.local == nil ? .domain(jid) : .user(jid)
    }

    /// An error for a stanza of this client (RFC 6120 §8.3.1).
    func refuse(
        _ name: String, _ attributes: StanzaAttributes, _ bytes: UnsafeRawBufferPointer, _ error: StanzaError
    ) {
        if let type = attributes.type, type.value.equals("error", in: bytes) { return }
        var xml = "<\(name) type='error'"
        if let id = attributes.id { xml += " id=" + Self.quoted(id, bytes) }
        if let to = attributes.to { xml += " from=" + Self.quoted(to, bytes) }
        xml += " to='\(XMLText.escape(String(decoding: address, as: UTF8.self)))'>\(error.xml)</\(name)>"
        deliver(Array(xml.utf8))
    }

    /// An attribute value as the client wrote it, in quotes of our own.
    static func quoted(_ attribute: AttributeSpan, _ bytes: UnsafeRawBufferPointer) -> String {
        let text = XMLEscape.unescape(attribute: attribute.value.slice(of: bytes)) ?? ""
        return "'" + XMLText.escape(text) + "'"
    }
}

/// Reads a single element as if it had come on a stream of its own.
enum StandaloneElement {
    static let streamHeader = Array(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>".utf8)

    /// The index of the element that begins at `start`, behind `streamHeader`. Nil when it is not a sound element.
    static func frame(of bytes: [UInt8], from start: Int, limits: XMLLimits) -> ElementFrame? {
        var scanner = XMLStreamScanner(
            limits: XMLLimits(elementBytes: max(limits.elementBytes * 2, 4_096), depth: limits.depth + 1))
        let frame = ElementFrame()
        return bytes.withUnsafeBytes { all in
            guard case .streamOpen(let length) = scanner.next(all, frame: frame), length == start,
                case .element(let size) = scanner.next(all.part(start, all.count), frame: frame),
                start + size == all.count
            else { return nil }
            return frame
        }
    }
}
