import Ground
import IMCore
import NIOCore
import XMLWire
import XMPPWire

/// Nonzas of XEP-0198 on a bound stream, and resumption on a new one.
extension C2SSession {
    /// Handles `<enable/>`, `<r/>` and `<a/>`; false when the element is none of them.
    func streamManagementElement(_ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame) -> Bool {
        if frame.nameEquals("r", in: bytes) {
            guard frame.namespace.equals("urn:xmpp:sm:3", in: bytes) else { return false }
            streamManagement?.ackRequested(self)
            return true
        }
        if frame.nameEquals("a", in: bytes) {
            guard frame.namespace.equals("urn:xmpp:sm:3", in: bytes) else { return false }
            acknowledged(bytes, frame)
            return true
        }
        if frame.nameEquals("enable", in: bytes), frame.namespace.equals("urn:xmpp:sm:3", in: bytes) {
            enable(bytes, frame)
            return true
        }
        if frame.nameEquals("resume", in: bytes), frame.namespace.equals("urn:xmpp:sm:3", in: bytes) {
            append(Array(StreamManagementState.failed("unexpected-request").utf8))
            return true
        }
        return false
    }

    private func acknowledged(_ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame) {
        guard let management = streamManagement else { return }
        guard let value = frame.attribute("h", in: bytes)?.value,
            let h = UInt32(String(decoding: value.slice(of: bytes), as: UTF8.self))
        else { return end(StreamError(.badFormat, "an ack without a valid 'h'")) }
        guard management.acknowledge(h, self) else { return end(management.countTooHigh(h)) }
        if management.hasLittleUnacked(server.config) { drained() }
    }

    private func enable(_ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame) {
        guard streamManagement == nil else {
            return append(Array(StreamManagementState.failed("unexpected-request").utf8))
        }
        let value = frame.attribute("resume", in: bytes)?.value.slice(of: bytes)
        let wantsResumption = value.map { $0.elementsEqual("true".utf8) || $0.elementsEqual("1".utf8) } ?? false
        let canResume = wantsResumption && server.config.resumeSeconds > 0
        let id = canResume ? RandomToken.make() : nil
        streamManagement = StreamManagementState(resumptionID: id)
        if let id {
            server.resumable[id] = self
            append(
                Array(
                    ("<enabled xmlns='urn:xmpp:sm:3' id='\(id)' resume='true'"
                        + " max='\(server.config.resumeSeconds)'/>").utf8))
        } else {
            append(Array("<enabled xmlns='urn:xmpp:sm:3'/>".utf8))
        }
    }

    // MARK: MessageOrigin

    public func stanzaIsSafe(_ number: UInt64) {
        guard let management = streamManagement else { return }
        management.ledger.complete(number)
        if management.owed != nil || !management.whenSafe.isEmpty { management.answer(self) }
    }

    /// Makes the next flush happen although nothing else goes out.
    func wakeForAck() {
        guard link != nil, out == nil else { return }
        out = server.takeBuffer()
        server.markDirty(self)
    }

    // MARK: Resumption

    /// `<resume/>` on a new, authenticated stream (XEP-0198 §5).
    func resumeRequest(_ element: XMLElement) {
        guard let id = element["previd"], let h = element["h"].flatMap({ UInt32($0) }) else {
            return append(Array(StreamManagementState.failed("bad-request").utf8))
        }
        guard let old = server.resumable[id], old.account == account else {
            return append(Array(StreamManagementState.failed("item-not-found").utf8))
        }
        pauseInput()
        takeOver(old, h, id)
    }

    /// Hands the link to the old session as soon as everything that arrived on its old link is durable: the client
    /// must not send that again, so the answer waits until `h` covers it.
    private func takeOver(_ old: C2SSession, _ h: UInt32, _ id: String) {
        guard phase == .authenticated, link != nil else { return }
        // Also when another stream was faster: the last one to ask has the session.
        old.detachLink()
        guard old.phase == .bound, let management = old.streamManagement else {
            append(Array(StreamManagementState.failed("item-not-found").utf8))
            return resumeInput()
        }
        guard management.ledger.outstanding == 0 else {
            management.whenSafe.append { [self] in takeOver(old, h, id) }
            return server.router.journal.flush()
        }
        handOver(to: old, h, id)
    }

    /// The server had not noticed that the old link is dead: it is closed now.
    private func detachLink() {
        guard let link else { return }
        linkLost(link)
        link.closeNow()
    }

    private func handOver(to old: C2SSession, _ h: UInt32, _ id: String) {
        guard let link, let management = old.streamManagement else { return }
        guard management.acknowledge(h, old) else { return end(management.countTooHigh(h)) }
        flush()
        // A write that fails closes the link at once.
        guard self.link === link else { return }
        startReading()
        old.link = link
        old.remoteAddress = remoteAddress
        old.scanner = scanner
        old.isSecure = isSecure
        old.isWaiting = false
        link.session = old
        phase = .ended
        self.link = nil
        negotiation = nil
        server.forget(self)
        management.resumed()
        old.append(
            Array("<resumed xmlns='urn:xmpp:sm:3' previd='\(id)' h='\(management.ledger.h)'/>".utf8))
        for stanza in management.unacked { old.append(stanza.bytes) }
        old.becomeActive()
        old.wakeForAck()
        if let home = old.home { server.router.resumed(old, of: home) }
        if isProcessing { heir = old } else if let rest = input { old.receive(rest) }
        input = nil
    }
}
