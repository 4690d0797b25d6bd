import Ground
import IMCore
import XMLWire
import XMPPWire

/// Presence of a client (RFC 6121 §3, §4).
extension C2SSession {
    func handlePresence(
        _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, _ attributes: StanzaAttributes
    ) {
        guard let home else { return }
        let type = attributes.type.map { String(decoding: $0.value.slice(of: bytes), as: UTF8.self) } ?? ""
        if let kind = SubscriptionMachine.Stanza(rawValue: type) {
            return subscription(kind, bytes, frame, attributes, home)
        }
        streamManagement?.ledger.openHandled()
        switch type {
        case "", "unavailable":
            if attributes.to == nil {
                broadcastPresence(bytes, frame, attributes, isAvailable: type.isEmpty, home)
            } else {
                directPresence(bytes, frame, attributes, isAvailable: type.isEmpty, home)
            }
        case "probe":
            switch target(attributes.to, bytes) {
            case .own: server.router.probe(home.jid, by: self, home)
            case .user(let jid): server.router.probe(jid, by: self, home)
            case .service(let jid) where home.isSharing: toService(.presence, jid, bytes, attributes, nil)
            case .service(let jid):
                // Asking would tell that the user is there.
                deliver(
                    PresenceStanza(type: "unavailable", from: Array(jid.bare.description.utf8)), to: home.address)
            case .domain, .remote: break
            case .malformed: refuse("presence", attributes, bytes, .jidMalformed())
            }
        case "error":
            switch target(attributes.to, bytes) {
            case .user(let jid): forward(stamp(bytes, frame, attributes), to: jid)
            case .service(let jid): toService(.presence, jid, bytes, attributes, nil)
            case .own, .domain, .remote, .malformed: break
            }
        default:
            refuse("presence", attributes, bytes, .badRequest("unknown presence type"))
        }
    }

    private func broadcastPresence(
        _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, _ attributes: StanzaAttributes, isAvailable: Bool,
        _ home: UserHome
    ) {
        let stanza = stamp(
            bytes, frame, attributes, photo: isAvailable ? photoUpdate(bytes, frame, home) : nil)
        guard isAvailable else {
            forgetCapabilities()
            home.noteStatus(childText("status", bytes, frame))
            return server.router.becomeUnavailable(self, home, stanza: stanza)
        }
        var priority = 0
        if let text = childText("priority", bytes, frame) {
            // RFC 6121 §4.7.2.3: an integer from -128 to 127.
            guard let value = Int8(text.trimmed) else {
                return refuse("presence", attributes, bytes, .badRequest("priority must be from -128 to 127"))
            }
            priority = Int(value)
        }
        let show = childText("show", bytes, frame)?.trimmed ?? ""
        guard ["", "away", "chat", "dnd", "xa"].contains(show) else {
            return refuse("presence", attributes, bytes, .badRequest("unknown show value"))
        }
        if server.router.config.quietMode { server.router.noteActivity(of: self, home) }
        server.router.becomeAvailable(
            self, home,
            Availability(priority: Int8(priority), show: show.isEmpty ? "available" : show, stanza: stanza))
        noteCapabilities(bytes, frame)
        if !hasSeenBanner { showBanner() }
    }

    private func directPresence(
        _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, _ attributes: StanzaAttributes, isAvailable: Bool,
        _ home: UserHome
    ) {
        switch target(attributes.to, bytes) {
        case .user(let jid), .service(let jid):
            if home.blocks(jid, .presenceOut, at: self) {
                return refuse("presence", attributes, bytes, .blocked)
            }
            let photo = isAvailable ? photoUpdate(bytes, frame, home) : nil
            server.router.direct(
                stamp(bytes, frame, attributes, photo: photo), isAvailable: isAvailable, to: jid, from: self, home)
        case .malformed: refuse("presence", attributes, bytes, .jidMalformed())
        case .remote: refuse("presence", attributes, bytes, StanzaError(.cancel, .remoteServerNotFound))
        case .domain(let jid): toMany(.presence, jid, bytes, attributes, nil)
        case .own: break
        }
    }

    private func subscription(
        _ kind: SubscriptionMachine.Stanza, _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame,
        _ attributes: StanzaAttributes, _ home: UserHome
    ) {
        // Counted once the change is durable.
        let number = streamManagement?.ledger.open()
        let contact: JID
        switch target(attributes.to, bytes) {
        case .user(let jid), .domain(let jid), .remote(let jid), .service(let jid): contact = jid.bare
        case .malformed, .own:
            if attributes.to == nil {
                refuse("presence", attributes, bytes, .badRequest("a subscription needs a 'to'"))
            } else {
                refuse("presence", attributes, bytes, .jidMalformed())
            }
            if let number { stanzaIsSafe(number) }
            return
        }
        // RFC 6121 §3.1.2: from the bare address, to the bare address.
        let stanza = stamp(bytes, frame, attributes, from: home.address)
            .addressed(to: Array(contact.description.utf8))
        let context = RefusalContext(attributes, bytes)
        let isLocal = server.router.serves(contact.domain) || server.router.service(contact.domain) != nil
        server.router.sendSubscription(kind, to: contact, from: home, stanza: stanza) { [weak self] error in
            if let error {
                self?.deliver(context.reply("presence", error, to: self?.address ?? []))
            } else if !isLocal, kind == .subscribe {
                self?.deliver(
                    context.reply("presence", StanzaError(.cancel, .remoteServerNotFound), to: self?.address ?? []))
            }
            if let number { self?.stanzaIsSafe(number) }
        }
    }

    private func forward(_ stanza: PresenceStanza, to jid: JID) {
        guard let home, let other = server.router.homes.loaded(jid), let resource = jid.resource,
            !home.blocks(jid, .presenceOut, at: self), let endpoint = other.endpoint(resource: resource),
            !other.blocks(
                JID(preparedLocal: home.jid.local, domain: home.jid.domain, resource: self.resource), .presenceIn,
                at: endpoint)
        else { return }
        endpoint.deliver(stanza, to: Array(jid.description.utf8))
    }

    /// The stanza with `from` put in and `to` taken out, so that it can be sent to many.
    private func stamp(
        _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, _ attributes: StanzaAttributes, from: [UInt8]? = nil,
        photo: (cuts: [Span], xml: String)? = nil
    ) -> PresenceStanza {
        var cuts: [Span] = []
        if let to = attributes.to { cuts.append(to.whole) }
        if let old = attributes.from { cuts.append(old.whole) }
        if let photo { cuts += photo.cuts }
        cuts.sort { $0.start < $1.start }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + fromAttribute.count + 24)
        result += bytes.part(0, Int(frame.name.end))
        if let from { result += Array(" from='".utf8) + XMLText.escaped(from) + [39] } else { result += fromAttribute }
        if let language, !attributes.hasLanguage { result += Array(" xml:lang='\(XMLText.escape(language))'".utf8) }
        let gap = result.count
        var position = Int(frame.name.end)
        for cut in cuts {
            result += bytes.part(position, Int(cut.start))
            position = Int(cut.end)
        }
        if let photo {
            let contentEnd = frame.isSelfClosing ? Int(frame.startTagEnd) - 2 : Int(frame.endTagStart)
            result += bytes.part(position, contentEnd)
            if frame.isSelfClosing { result.append(62) }
            result += Array((photo.xml + "</presence>").utf8)
        } else {
            result += bytes.part(position, bytes.count)
        }
        return PresenceStanza(bytes: result, gap: gap)
    }

    /// Text of a direct child in the stream's namespace.
    private func childText(_ name: StaticString, _ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame) -> String? {
        for child in frame.children where child.inheritsStreamNamespace && child.localName(equals: name, in: bytes) {
            if child.isSelfClosing { return "" }
            let element = try? XMLElement(
                parsing: child.whole.slice(of: bytes), streamDefaultNamespace: XMPPNamespace.client,
                streamPrefixes: [])
            return element?.text
        }
        return nil
    }
}

/// What an error reply needs of a stanza that may be gone by then.
struct RefusalContext {
    let id: String?
    let to: String?

    init(_ attributes: C2SSession.StanzaAttributes, _ bytes: UnsafeRawBufferPointer) {
        id = attributes.id.map { C2SSession.quoted($0, bytes) }
        to = attributes.to.map { C2SSession.quoted($0, bytes) }
    }

    func reply(_ name: String, _ error: StanzaError, to address: [UInt8]) -> [UInt8] {
        var xml = "<\(name) type='error'"
        if let id { xml += " id=\(id)" }
        if let to { xml += " from=\(to)" }
        xml += " to='\(XMLText.escape(String(decoding: address, as: UTF8.self)))'>\(error.xml)</\(name)>"
        return Array(xml.utf8)
    }
}

extension String {
    /// Without white space at the ends.
    var trimmed: String {
        var part = self[...]
        while let first = part.first, first.isWhitespace { part.removeFirst() }
        while let last = part.last, last.isWhitespace { part.removeLast() }
        return String(part)
    }
}
