import Ground
import NIOCore
import XMLWire
import XMPPWire

/// Input: bytes to elements, elements to the phase they belong to.
extension C2SSession {
    func receive(_ bytes: ByteBuffer) {
        guard phase != .ended else { return }
        wasHeard = true
        let count = bytes.readableBytes
        server.counters.bytesIn += count
        if var waiting = input {
            input = nil
            waiting.writeImmutableBuffer(bytes)
            input = waiting
        } else {
            input = bytes
        }
        process()
        // Whoever sends on while we wait is not read further than one stanza.
        if isPaused, let input, input.readableBytes > server.config.stanzaBytes { stopReading() }
        throttle(byteRate.take(count, uptime: server.config.bytesPerSecond > 0 ? server.time.uptime : 0))
    }

    /// Works through what has arrived until it is used up or has to wait.
    func process() {
        guard !isProcessing, !isPaused, phase != .ended, var buffer = input else { return }
        isProcessing = true
        // Taken out while it is worked on: what an element causes may end the session and drop its input.
        input = nil
        let consumed = buffer.withUnsafeReadableBytes { step($0) }
        isProcessing = false
        buffer.moveReaderIndex(forwardBy: consumed)
        if let heir {
            self.heir = nil
            if buffer.readableBytes > 0 { heir.receive(buffer) }
            return
        }
        guard phase != .ended, buffer.readableBytes > 0 else { return }
        buffer.discardReadBytes()
        input = buffer
    }

    /// Handles elements until the input is used up or has to wait. Returns how many bytes were used.
    private func step(_ all: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        while offset < all.count, !isPaused, phase != .ended {
            let bytes = all.part(offset, all.count)
            let current = frame ?? server.sharedFrame
            switch scanner.next(bytes, frame: current) {
            case .needMoreBytes:
                if current.isInProgress, frame == nil {
                    frame = current
                    server.sharedFrame = ElementFrame()
                }
                return offset
            case .whitespace(let length):
                offset += length
                // Nothing but the exchange is allowed meanwhile (XEP-0388 §2.4).
                if phase == .authenticating, negotiation?.profile == .extensible {
                    end(StreamError(.policyViolation, "white space during the login"))
                }
            case .streamOpen(let length):
                frame = nil
                offset += length
                streamOpened()
            case .element(let length):
                frame = nil
                offset += length
                handle(bytes.part(0, length), current, rest: all.count - offset)
            case .streamClose(let length):
                offset += length
                endedByClient()
            case .fault(let fault):
                frame = nil
                end(StreamError(fault: fault))
            }
        }
        return offset
    }

    private func handle(_ bytes: UnsafeRawBufferPointer, _ frame: ElementFrame, rest: Int) {
        if server.config.stanzasPerSecond > 0 {
            throttle(stanzaRate.take(1, uptime: server.time.uptime))
        }
        switch phase {
        case .bound: admit(bytes, frame)
        case .header: end(StreamError(.badFormat, "an element before the stream header"))
        case .negotiating, .authenticating, .authenticated: negotiate(bytes, frame, rest: rest)
        case .ended: break
        }
    }

    /// Stops reading for that long: the client's own network slows it down.
    private func throttle(_ milliseconds: Int64) {
        guard milliseconds > 0, !isThrottled, link != nil else { return }
        isThrottled = true
        stopReading()
        server.loop.scheduleTask(in: .milliseconds(min(milliseconds, 60_000))) { [weak self] in
            guard let self, self.isThrottled else { return }
            self.isThrottled = false
            self.goOn()
        }
    }

    /// Input waits until `resumeInput`, because an answer has to come first.
    func pauseInput() { waits += 1 }

    /// Ends one `pauseInput`.
    func resumeInput() {
        waits = max(0, waits - 1)
        goOn()
    }

    /// The server owes the client one more answer.
    func requestOpened() {
        openRequests += 1
        if openRequests == Self.openRequestLimit { pauseInput() }
    }

    func requestAnswered() {
        openRequests -= 1
        if openRequests == Self.openRequestLimit - 1 { resumeInput() }
    }

    private func goOn() {
        guard !isPaused else { return }
        startReading()
        process()
    }

    private func stopReading() {
        guard !isReadingStopped, let link else { return }
        isReadingStopped = true
        link.setReading(false)
    }

    func startReading() {
        guard isReadingStopped, let link else { return }
        isReadingStopped = false
        link.setReading(true)
    }
}

extension StreamError {
    /// RFC 6120 §4.9.3 for what is wrong with the XML. The label keeps `.badNamespacePrefix`, a case of both types,
    /// from calling this initialiser again.
    init(fault: XMLFault) {
        switch fault {
        case .notWellFormed(let text): self.init(.notWellFormed, text)
        case .badNamespacePrefix: self.init(.badNamespacePrefix)
        case .restricted(let text): self.init(.restrictedXML, text)
        case .unsupportedEncoding: self.init(.unsupportedEncoding)
        case .tooLarge: self.init(.policyViolation, "the stanza is too large", extra: Self.tooBig)
        case .tooDeep: self.init(.policyViolation, "the stanza is nested too deeply or has too many attributes")
        }
    }

    /// The application-specific condition that clients know from other servers.
    private static let tooBig = "<stanza-too-big xmlns='urn:xmpp:errors'/>"
}
