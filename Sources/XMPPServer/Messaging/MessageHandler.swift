import Ground
import IMCore
import XMLWire
import XMPPWire

/// Messages of a client (RFC 6121 §5, §8): stamped by splicing bytes, then routed.
extension C2SSession {
    func handleMessage(
        _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, _ attributes: StanzaAttributes
    ) {
        guard let home else { return }
        let number = streamManagement?.ledger.open()
        let type = Self.messageType(attributes.type, bytes)
        // Further children are not looked at, and could pretend to be ours.
        guard frame.childCount <= ElementFrame.indexedChildren else {
            return refuseMessage(
                attributes, bytes, number,
                StanzaError(
                    .modify, .policyViolation, "a message has at most \(ElementFrame.indexedChildren) children"))
        }
        if let to = attributes.to {
            let value = to.value.slice(of: bytes)
            if let last = lastRecipient, !last.home.isForgotten, !home.hasRules,
                ByteHash.equal(last.address, value)
            {
                return server.router.route(
                    makeMessage(
                        bytes, frame, attributes, type: type, number: number, to: nil,
                        bare: value.part(0, last.bareEnd), full: last.isFull ? last.address : nil, home),
                    to: last.home)
            }
            // The usual case: `to` is written as we would write it, and its home is in memory.
            if let span = JIDSpan(value), span.isPrepared, span.localEnd >= 0 {
                let domain = value.part(span.domainStart, span.domainEnd)
                guard server.router.serves(domain) else { return elsewhere(bytes, attributes, number) }
                let bare = value.part(0, span.bareEnd)
                let isFull = span.resourceStart >= 0
                let message = makeMessage(
                    bytes, frame, attributes, type: type, number: number, to: nil, bare: bare,
                    full: isFull ? Array(value) : nil, home)
                if !home.hasRules, let recipient = server.router.homes.loaded(bare) {
                    lastRecipient = Recipient(
                        address: Array(value), bareEnd: span.bareEnd, isFull: isFull, home: recipient)
                    return server.router.route(message, to: recipient)
                }
                guard let jid = try? JID(parsing: String(decoding: bare, as: UTF8.self)) else {
                    return refuseMessage(attributes, bytes, number, .jidMalformed())
                }
                return server.router.route(message, to: jid)
            }
        }
        switch target(attributes.to, bytes) {
        case .malformed: refuseMessage(attributes, bytes, number, .jidMalformed())
        case .remote, .service: elsewhere(bytes, attributes, number)
        case .domain(let jid):
            if isStopped(bytes, attributes, number) { return }
            toMany(.message, jid, bytes, attributes, number)
        case .own: routeRewritten(home.jid, bytes, frame, attributes, type, number, home)
        case .user(let jid): routeRewritten(jid, bytes, frame, attributes, type, number, home)
        }
    }

    /// A user of ours that a client wrote to.
    struct Recipient {
        /// As the client writes it, which is as we would.
        let address: [UInt8]
        let bareEnd: Int
        /// There is a resource behind the bare address.
        let isFull: Bool
        /// May be forgotten meanwhile.
        let home: UserHome
    }

    /// Not to a user of ours: to a service, or nowhere.
    private func elsewhere(_ bytes: UnsafeRawBufferPointer, _ attributes: StanzaAttributes, _ number: UInt64?) {
        if case .service(let jid) = target(attributes.to, bytes) {
            if isStopped(bytes, attributes, number) { return }
            if server.router.config.quietMode, let home { server.router.noteActivity(of: self, home) }
            toService(.message, jid, bytes, attributes, number)
        } else {
            refuseMessage(attributes, bytes, number, StanzaError(.cancel, .remoteServerNotFound))
        }
    }

    /// Instant messaging is off for the user, and this is some: refused or dropped.
    private func isStopped(
        _ bytes: UnsafeRawBufferPointer, _ attributes: StanzaAttributes, _ number: UInt64?
    ) -> Bool {
        guard let home, !home.policy.values.messaging.isEnabled,
            let element = try? XMLElement(
                parsing: bytes, streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: [])
        else { return false }
        let (error, isStopped) = server.router.stopsMessage(element, of: home)
        guard isStopped else { return false }
        if let error { refuse("message", attributes, bytes, error) }
        if let number { stanzaIsSafe(number) }
        return true
    }

    private func routeRewritten(
        _ jid: JID, _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, _ attributes: StanzaAttributes,
        _ type: MessageType, _ number: UInt64?, _ home: UserHome
    ) {
        let full = Array(jid.description.utf8)
        let message = Array(jid.bare.description.utf8).withUnsafeBytes { bare in
            makeMessage(
                bytes, frame, attributes, type: type, number: number, to: full, bare: bare,
                full: jid.isBare ? nil : full, home)
        }
        server.router.route(message, to: jid.bare)
    }

    private func refuseMessage(
        _ attributes: StanzaAttributes, _ bytes: UnsafeRawBufferPointer, _ number: UInt64?, _ error: StanzaError
    ) {
        refuse("message", attributes, bytes, error)
        if let number { stanzaIsSafe(number) }
    }

    private static func messageType(_ attribute: AttributeSpan?, _ bytes: UnsafeRawBufferPointer) -> MessageType {
        guard let attribute else { return .normal }
        if attribute.value.equals("chat", in: bytes) { return .chat }
        if attribute.value.equals("groupchat", in: bytes) { return .groupchat }
        if attribute.value.equals("headline", in: bytes) { return .headline }
        if attribute.value.equals("error", in: bytes) { return .error }
        return .normal
    }

    // MARK: Stamping

    private static let idStart = Array("<stanza-id xmlns='urn:xmpp:sid:0' id='".utf8)
    private static let idMiddle = Array("' by='".utf8)
    private static let idEnd = Array("'/>".utf8)
    private static let endTag = Array("</message>".utf8)

    /// The stanza as recipients get it: `from` is the client's full address (RFC 6120 §8.1.2.1), `to` is prepared,
    /// the stream's language is said (§8.1.5), and the server's id is the only one from here (XEP-0359 §4).
    private func makeMessage(
        _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, _ attributes: StanzaAttributes, type: MessageType,
        number: UInt64?, to: [UInt8]?, bare: UnsafeRawBufferPointer, full: [UInt8]?, _ home: UserHome
    ) -> IncomingMessage {
        let id = server.router.journal.nextID()
        var cuts: [Span] = []
        let traits = Self.traits(bytes, frame, server.router, &cuts)
        if server.router.config.quietMode, traits.contains(.body) { server.router.noteActivity(of: self, home) }
        let isStamped = server.router.isIdentified(type, traits)
        var start: [UInt8] = []
        if let to {
            start = Array(" to='".utf8) + XMLText.escaped(to) + [39]
            if let old = attributes.to { cuts.append(old.whole) }
        }
        if let language, !attributes.hasLanguage { start += Array(" xml:lang='\(XMLText.escape(language))'".utf8) }
        if let from = attributes.from { cuts.append(from.whole) }
        if cuts.count > 1 { cuts.sort { $0.start < $1.start } }
        let contentEnd = frame.isSelfClosing ? Int(frame.startTagEnd) - 2 : Int(frame.endTagStart)
        let capacity = bytes.count + fromAttribute.count + start.count + bare.count + 96
        let stamped = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            var writer = RawWriter(buffer)
            let nameEnd = Int(frame.name.end)
            writer.write(bytes.part(0, nameEnd))
            writer.write(fromAttribute)
            writer.write(start)
            var position = nameEnd
            for cut in cuts {
                writer.write(bytes.part(position, Int(cut.start)))
                position = Int(cut.end)
            }
            writer.write(bytes.part(position, contentEnd))
            if frame.isSelfClosing { writer.write(62) }
            if isStamped {
                writer.write(Self.idStart)
                server.router.journal.names.withName(of: id) { writer.write($0) }
                writer.write(Self.idMiddle)
                writer.write(bare)
                writer.write(Self.idEnd)
            }
            writer.write(Self.endTag)
            count = writer.count
        }
        var message = IncomingMessage(
            id: id, type: type, traits: traits, bytes: stamped, fullAddress: full, ledgerNumber: number, sender: self,
            senderHome: home)
        if let name = attributes.id { message.nameHash = MessageTrail.hash(name.value.slice(of: bytes)) }
        return message
    }

    /// Reads what the children mean for routing; ids that pretend to be a server's are to be cut out, and formatted text
    /// (XEP-0071) where it is not wanted.
    private static func traits(
        _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, _ router: Router, _ cuts: inout [Span]
    ) -> MessageTraits {
        var traits: MessageTraits = []
        for child in frame.children {
            if child.inheritsStreamNamespace {
                if child.localName(equals: "body", in: bytes) {
                    traits.formUnion([.body, .substance, .lasting])
                } else if !child.localName(equals: "thread", in: bytes) {
                    traits.formUnion([.substance, .lasting])
                }
            } else if child.namespace(equals: "http://jabber.org/protocol/chatstates", in: bytes) {
                traits.insert(.chatState)
            } else if child.namespace(equals: "urn:xmpp:sid:0", in: bytes) {
                if child.localName(equals: "stanza-id", in: bytes), !isForeign(child, bytes, router) {
                    cuts.append(child.whole)
                }
            } else if child.namespace(equals: "urn:xmpp:hints", in: bytes) {
                if child.localName(equals: "no-copy", in: bytes) { traits.insert(.noCopy) }
                if child.localName(equals: "no-store", in: bytes) { traits.insert(.noStore) }
                if child.localName(equals: "no-permanent-store", in: bytes) { traits.insert(.noPermanentStore) }
                if child.localName(equals: "store", in: bytes) { traits.insert(.store) }
            } else if child.namespace(equals: "urn:xmpp:carbons:2", in: bytes) {
                traits.insert(child.localName(equals: "private", in: bytes) ? .noCopy : .isCarbon)
            } else if router.config.stripsXHTML, isXHTML(child, bytes) {
                cuts.append(child.whole)
            } else {
                if child.namespace(equals: "urn:xmpp:receipts", in: bytes)
                    || child.namespace(equals: "urn:xmpp:chat-markers:0", in: bytes)
                {
                    traits.insert(.receipt)
                } else if child.namespace(equals: "urn:xmpp:message-retract:1", in: bytes),
                    child.localName(equals: "retract", in: bytes)
                {
                    traits.insert(.retraction)
                } else if child.namespace(equals: "jabber:x:data", in: bytes) {
                    traits.insert(.form)
                } else if child.namespace(equals: "urn:xmpp:jingle-message:0", in: bytes) {
                    traits.insert(.call)
                }
                traits.insert(.substance)
                if !MessageTraits.transientNamespaces.contains(where: { child.namespace(equals: $0, in: bytes) }) {
                    traits.insert(.lasting)
                }
                // A namespace written with references matches nothing above, but would at the receiver.
                if child.localName(equals: "stanza-id", in: bytes), child.namespace.slice(of: bytes).contains(38) {
                    cuts.append(child.whole)
                }
            }
        }
        return traits
    }

    /// Whether an id is from somewhere else for certain: what is of no address here stays (XEP-0359 §4).
    private static func isForeign(_ child: ChildSpan, _ bytes: UnsafeRawBufferPointer, _ router: Router) -> Bool {
        let element = try? XMLElement(
            parsing: child.whole.slice(of: bytes), streamDefaultNamespace: XMPPNamespace.client, streamPrefixes: [])
        guard let by = element?["by"], let jid = try? JID(parsing: by) else { return false }
        return !router.domainNames.contains { jid.domain == $0 || jid.domain.hasSuffix("." + $0) }
    }
}

extension C2SSession {
    /// A namespace written with references counts too: nobody else is called `html` and hides its name.
    private static func isXHTML(_ child: ChildSpan, _ bytes: UnsafeRawBufferPointer) -> Bool {
        child.localName(equals: "html", in: bytes)
            && (child.namespace(equals: MessageTraits.xhtmlNamespace, in: bytes)
                || child.namespace.slice(of: bytes).contains(38))
    }
}

/// Appends bytes to uninitialised memory; writes nothing past its end.
struct RawWriter {
    private let buffer: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) { self.buffer = UnsafeMutableRawBufferPointer(buffer) }

    @inline(__always)
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0, let base = bytes.baseAddress, count &+ bytes.count <= buffer.count else { return }
        (buffer.baseAddress! + count).copyMemory(from: base, byteCount: bytes.count)
        count &+= bytes.count
    }

    @inline(__always)
    mutating func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

    @inline(__always)
    mutating func write(_ byte: UInt8) {
        guard count < buffer.count else { return }
        buffer[count] = byte
        count &+= 1
    }
}
