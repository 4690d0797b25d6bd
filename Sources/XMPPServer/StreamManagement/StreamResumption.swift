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
        let resume = frame.attribute("resume", in: bytes)?.value.slice(of: bytes)
        let max = frame.attribute("max", in: bytes)?.value.slice(of: bytes)
        append(
            Array(
                enableStreamManagement(
                    resume: resume.map { $0.elementsEqual("true".utf8) || $0.elementsEqual("1".utf8) } ?? false,
                    max: max.flatMap { Int(String(decoding: $0, as: UTF8.self)) }
                ).utf8))
    }

    /// Switches stream management on.
    ///
    /// - Parameters:
    ///   - resume: the client wants to be able to resume.
    ///   - max: for how many seconds it would like that; less than the server's own limit is granted (§3).
    /// - Returns: `<enabled/>` or `<failed/>`.
    func enableStreamManagement(resume: Bool, max: Int?) -> String {
        guard streamManagement == nil else { return StreamManagementState.failed("unexpected-request") }
        var seconds = server.config.resumeSeconds
        if let max, max > 0 { seconds = min(seconds, max) }
        guard resume, seconds > 0 else {
            streamManagement = StreamManagementState(resumptionID: nil, resumeSeconds: 0)
            return "<enabled xmlns='urn:xmpp:sm:3'/>"
        }
        let id = RandomToken.make()
        streamManagement = StreamManagementState(resumptionID: id, resumeSeconds: seconds)
        server.resumable[id] = self
        return "<enabled xmlns='urn:xmpp:sm:3' id='\(id)' resume='true' max='\(seconds)'/>"
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

    /// What became of a `<resume/>`.
    enum Resumption {
        /// `<failed/>`.
        case failed(String)
        /// The old session has the link; `<resumed/>`, which goes out before anything else.
        case resumed(C2SSession, String)
    }

    /// `<resume/>` on a new, authenticated stream (XEP-0198 §5).
    func resumeRequest(_ element: XMLElement) {
        pauseInput()
        resumeSession(element) { [self] outcome in
            switch outcome {
            case .failed(let failure):
                append(Array(failure.utf8))
                resumeInput()
            case .resumed(let old, let answer): old.append(Array(answer.utf8))
            }
        }
    }

    /// Resumes if that is possible; input has to wait meanwhile.
    func resumeSession(_ element: XMLElement, then: @escaping (Resumption) -> Void) {
        guard let id = element["previd"], let h = element["h"].flatMap({ UInt32($0) }) else {
            return then(.failed(StreamManagementState.failed("bad-request")))
        }
        guard let old = server.resumable[id], old.account == account else { return then(resumptionFailed(id)) }
        takeOver(old, h, id, then)
    }

    private func resumptionFailed(_ id: String) -> Resumption {
        .failed(StreamManagementState.failed("item-not-found", h: server.endedSessions.h(id, of: account)))
    }

    /// Hands the link to the old session as soon as everything that arrived on its old link is durable: the client
    /// must not send that again, so the answer waits until `h` covers it.
    private func takeOver(_ old: C2SSession, _ h: UInt32, _ id: String, _ then: @escaping (Resumption) -> Void) {
        guard phase == .authenticated || phase == .authenticating, link != nil else { return }
        // Also when another stream was faster: the last one to ask has the session.
        old.detachLink()
        guard old.phase == .bound, let management = old.streamManagement else {
            return then(resumptionFailed(id))
        }
        guard management.ledger.outstanding == 0 else {
            management.whenSafe.append { [self] in takeOver(old, h, id, then) }
            return server.router.journal.flush()
        }
        handOver(to: old, h, id, then)
    }

    /// The server had not noticed that the old link is dead: it is closed now.
    private func detachLink() {
        guard let link else { return }
        linkLost(link)
        link.closeNow()
    }

    private func handOver(
        to old: C2SSession, _ h: UInt32, _ id: String, _ then: (Resumption) -> Void
    ) {
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
        old.mechanism = mechanism
        old.certificate = certificate
        old.userAgent = userAgent ?? old.userAgent
        old.waits = 0
        link.session = old
        phase = .ended
        self.link = nil
        negotiation = nil
        server.forget(self)
        management.resumed()
        then(.resumed(old, "<resumed xmlns='urn:xmpp:sm:3' previd='\(id)' h='\(management.ledger.h)'/>"))
        for stanza in management.unacked { old.append(stanza.bytes) }
        old.becomeActive()
        old.wakeForAck()
        if let home = old.home { server.router.resumed(old, of: home) }
        if isProcessing { heir = old } else if let rest = input { old.receive(rest) }
        input = nil
    }
}
