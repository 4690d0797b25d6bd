import IMCore
import Interworking
import SIPWire
import XMPPWire

// A contact's messages through a session, while there is one with who wrote them.

extension SIPEndpoint {
    /// True when the first of the queue goes through a session, or waits until one is open.
    func sendInSession(_ item: Item, _ stanza: MessageStanza) -> Bool {
        guard let sessions = handler.server.sessions else { return false }
        if let session = sessions.session(of: address, with: stanza.from) {
            isSending = true
            if let entry = item.entry { session.noteDelivery(of: entry, to: self) }
            session.send(stanza) { [weak self] in
                self?.done(item, stanza, $0, answersItself: session.isMSRP)
            } reported: { [weak self] in
                self?.acknowledge(stanza)
            }
            return true
        }
        guard stanza.type == .chat, stanza.readableText != nil, sessions.mayOpen(for: self),
            let binding = bindings.first(where: { $0.takesSessions && $0.flow?.isOpen == true })
        else { return false }
        isSending = true
        let peer = Array(stanza.from.prefix { $0 != 0x2F })
        sessions.open(
            with: self, at: binding, for: peer, thread: PagerContent.callID(ofThread: stanza.thread)
        ) { [weak self] session in
            guard let self else { return }
            if session == nil { sessions.wasRefused(by: address) }
            guard isSending, let first = queue.first, first.entry === item.entry else { return }
            isSending = false
            sendNext()
        }
        return true
    }

    private func done(
        _ item: Item, _ stanza: MessageStanza, _ outcome: SessionOutcome, answersItself: Bool
    ) {
        // Given back meanwhile.
        guard isSending, let first = queue.first, first.entry === item.entry else { return }
        isSending = false
        switch outcome {
        case .taken:
            queue.removeFirst()
            tried = 0
            if let entry = item.entry { handler.router.journal.settle(entry, by: address, "taken in the session") }
            succeeded()
            if stanza.wantsReceipt, !stanza.id.isEmpty, !answersItself { acknowledge(stanza) }
        case .refused(let code):
            queue.removeFirst()
            tried = 0
            if let entry = item.entry, let home {
                handler.router.refused(entry, by: self, home, ErrorMapping.error(for: SIPStatus(code)))
            }
        // The session is over: as MESSAGE then.
        case .lost: break
        }
        sendNext()
    }
}
