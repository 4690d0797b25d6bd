import Ground
import IMCore
import Interworking
import NIOCore
import SIPWire
import XMLWire
import XMPPWire

extension SIPEndpoint {
    /// Sends the first of the queue unless one is on its way.
    func sendNext() {
        while !isSending, isReachable, let item = queue.first {
            guard let stanza = handler.reader.read(item.bytes), stanza.type != .error else {
                drop(item, reportFailure(item) ? "told as a report" : "it cannot be told over SIP")
                continue
            }
            if sendInSession(item, stanza) { return }
            guard wants(stanza), let content = content(of: stanza) else {
                drop(item, "it has no text that SIP could carry")
                continue
            }
            send(item, stanza, content)
        }
    }

    /// An error about something that was said in a session.
    private func reportFailure(_ item: Item) -> Bool {
        guard let sessions = handler.server.sessions, let stanza = handler.reader.read(item.bytes) else { return false }
        return sessions.session(of: address, with: stanza.from)?.reportFailure(stanza) ?? false
    }

    /// Nothing for the contact in it: it counts as taken.
    private func drop(_ item: Item, _ reason: String) {
        queue.removeFirst()
        if let entry = item.entry { handler.router.journal.settle(entry, by: address, reason) }
    }

    /// Typing notices go to contacts that know them, and only where they say something new.
    private func wants(_ stanza: MessageStanza) -> Bool {
        let sender = Array(stanza.from.prefix { $0 != 0x2F })
        guard stanza.readableText == nil, stanza.notification == nil, let state = stanza.chatState else {
            // Text says that the writing is over (RFC 3994 §3.3).
            if !composing.isEmpty { composing.remove(sender) }
            return true
        }
        guard takesNotices else { return false }
        guard state == .composing else { return composing.remove(sender) != nil }
        if composing.count > 50 { composing = [] }
        composing.insert(sender)
        return true
    }

    private func content(of stanza: MessageStanza) -> PagerContent? {
        guard takesCPIM else { return PagerContent(stanza, takesCPIM: false, from: [], to: [], date: "") }
        return PagerContent(
            stanza, takesCPIM: true, from: MessageRequest.uri(of: stanza.from, "im"),
            to: MessageRequest.uri(of: address, "im"), date: Timestamp.format(handler.server.time.now))
    }

    private func send(_ item: Item, _ stanza: MessageStanza, _ content: PagerContent) {
        let ways = bindings.filter(\.isReachable)
        guard tried < ways.count else { return fails("no way to it is open") }
        let binding = ways[tried]
        var request = MessageRequest(
            target: binding.contact, from: MessageRequest.uri(of: stanza.from), to: MessageRequest.uri(of: address))
        request.route = binding.pathText
        request.date = stanza.delayedSince
        let outgoing = request.build(content, name: item.entry.map(name), handler)
        // Said at once, the sender's own request is still there to be answered.
        if outgoing.bytes.readableBytes > SIPTransport.largestDatagram, ways.count == 1, let flow = binding.flow,
            flow.transport == .udp, !handler.server.mayGoOverStream(outgoing, .binding(binding), flow)
        {
            return tooLarge(item)
        }
        if let entry = item.entry {
            binding.contact.withBytes { handler.router.noteDelivery(of: entry, to: self, Self.way(binding), $0) }
        }
        isSending = true
        handler.server.send(outgoing, to: .binding(binding)) { [weak self] outcome in
            self?.done(item, stanza, content, outcome)
        }
    }

    private static func way(_ binding: Binding) -> StaticString {
        switch binding.flow?.transport {
        case .udp: "MESSAGE over UDP to "
        case .tcp: "MESSAGE over TCP to "
        case .tls: "MESSAGE over TLS to "
        case nil: "MESSAGE to "
        }
    }

    private func name(_ entry: JournalEntry) -> [UInt8] { handler.router.journal.names.name(of: entry.id) }

    /// No datagram carries it, and the client takes no connection (RFC 3428 §8).
    private func tooLarge(_ item: Item) {
        queue.removeFirst()
        tried = 0
        guard let entry = item.entry, let home else { return }
        var error = ErrorMapping.error(for: .messageTooLarge)
        error.text = "SIP 513 Message Too Large: the contact's client can be reached over UDP only"
        handler.router.refused(entry, by: self, home, error)
    }

    // MARK: The answer

    private func done(_ item: Item, _ stanza: MessageStanza, _ content: PagerContent, _ outcome: SIPOutcome) {
        // Given back meanwhile.
        guard isSending, let first = queue.first, first.entry === item.entry else { return }
        isSending = false
        switch outcome {
        case .timeout: return failed("SIP: no answer")
        case .unreachable: return failed("SIP: not reachable")
        case .tooLarge:
            guard tried + 1 < bindings.count(where: \.isReachable) else {
                tooLarge(item)
                break
            }
            tried += 1
        case .response(let response):
            let status = response.status
            if status.isSuccess {
                taken(item, stanza, content, status)
            } else if content.isNotice || status == .unsupportedMediaType, adapt(content) {
                // Once more without what it does not know; a notice is not repeated.
                if content.isNotice { drop(item, "SIP \(status)") }
            } else if content.isNotice {
                drop(item, "SIP \(status)")
            } else if ErrorMapping.isTemporary(status) {
                return failed("SIP \(status)")
            } else {
                queue.removeFirst()
                tried = 0
                let error = ErrorMapping.error(for: status, reason: response.reason.string)
                if let entry = item.entry, let home { handler.router.refused(entry, by: self, home, error) }
            }
        }
        sendNext()
    }

    /// Another flow of the client may do; else it cannot be reached now.
    private func failed(_ reason: String) {
        tried += 1
        guard tried < bindings.count(where: \.isReachable) else { return fails(reason) }
        sendNext()
    }

    private func taken(_ item: Item, _ stanza: MessageStanza, _ content: PagerContent, _ status: SIPStatus) {
        queue.removeFirst()
        tried = 0
        if let entry = item.entry {
            handler.router.journal.settle(entry, by: address, status == .ok ? "SIP 200 OK" : "SIP \(status)")
        }
        succeeded()
        // The contact will not say it itself: its answer does (XEP-0184 §5.1).
        if stanza.wantsReceipt, !stanza.id.isEmpty, content.type.utf8CodeUnitCount < 30, !takesCPIM {
            acknowledge(stanza)
        }
    }

    /// False when there is nothing to do without.
    private func adapt(_ content: PagerContent) -> Bool {
        if takesCPIM {
            takesCPIM = false
            return true
        }
        if content.isNotice, takesNotices {
            takesNotices = false
            return true
        }
        return false
    }

    /// The receipt for a message that the contact has answered.
    func acknowledge(_ stanza: MessageStanza) {
        guard let home else { return }
        let id = String(decoding: stanza.id, as: UTF8.self)
        var receipt = XMLElement(
            "message", namespace: StanzaNamespace.client,
            attributes: [
                "from": String(decoding: address, as: UTF8.self), "to": String(decoding: stanza.from, as: UTF8.self),
                "id": String(
                    decoding: handler.router.journal.names.name(of: handler.router.journal.nextID()), as: UTF8.self),
            ])
        if stanza.type != .normal { receipt["type"] = stanza.type.rawValue }
        receipt.children = [.element(XMLElement("received", namespace: "urn:xmpp:receipts", attributes: ["id": id]))]
        handler.router.send(receipt, from: self, of: home)
    }
}
