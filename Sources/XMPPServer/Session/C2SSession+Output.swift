import Ground
import IMCore
import NIOCore
import XMPPWire

/// Output: everything of a tick goes into one buffer and out in one write.
extension C2SSession {
    /// Bytes that are not a stanza, or a stanza that is already counted.
    func append(_ bytes: [UInt8]) {
        guard link != nil else { return }
        beginOutput()
        out!.writeBytes(bytes)
    }

    private func beginOutput() {
        if out == nil {
            out = server.takeBuffer()
            server.markDirty(self)
        }
    }

    // MARK: Stanzas

    public func deliver(_ bytes: [UInt8]) {
        guard phase == .bound else { return }
        if let tap = server.tap { traced(bytes, tap) }
        if held != nil, holds(bytes, nil) { return }
        if let management = streamManagement { management.sent(bytes, nil, self) }
        append(bytes)
    }

    public func deliver(_ entry: JournalEntry, as bytes: [UInt8]) {
        guard phase == .bound else { return }
        if let tap = server.tap { traced(bytes, tap) }
        if held != nil, holds(bytes, entry) { return }
        send(bytes, entry)
    }

    /// What has waited long enough, or need not wait.
    func send(_ bytes: [UInt8], _ entry: JournalEntry?) {
        if let management = streamManagement {
            management.sent(bytes, entry, self)
        } else if let entry {
            written.append(entry)
        }
        append(bytes)
    }

    public func deliver(_ presence: PresenceStanza, to address: [UInt8]) {
        guard phase == .bound else { return }
        if streamManagement != nil || held != nil { return deliver(presence.addressed(to: address)) }
        guard link != nil else { return }
        if let tap = server.tap { traced(presence.addressed(to: address), tap) }
        beginOutput()
        let gap = presence.gap
        presence.bytes.withUnsafeBytes { bytes in
            _ = out!.writeBytes(bytes.part(0, gap))
            out!.writeBytes(PresenceStanza.toPrefix)
            out!.writeBytes(XMLText.escaped(address))
            out!.writeInteger(UInt8(39))
            _ = out!.writeBytes(bytes.part(gap, bytes.count))
        }
    }

    /// Hands the buffer to the channel. Called by the server once a tick.
    func flush() {
        guard var buffer = out else { return }
        out = nil
        guard let link else { return }
        streamManagement?.requestAck(into: &buffer, server.time.uptime)
        guard buffer.readableBytes > 0 else { return server.giveBack(buffer) }
        server.counters.bytesOut += buffer.readableBytes
        link.write(buffer)
        let waiting = link.bytesWaiting
        if waiting == 0 {
            server.giveBack(buffer)
            settleAll()
        } else if waiting > server.config.outboundBytes {
            giveUp(StreamError(.policyViolation, "the client does not read"))
        } else if !written.isEmpty {
            link.notifyWhenWritten(written.count)
        }
    }

    // MARK: Settling without stream management

    /// Everything handed over is in the socket of a live link: that is the end of the server's duty (§6 of
    /// docs/ARCHITECTURE.md).
    private func settleAll() {
        guard !written.isEmpty else { return }
        let entries = written
        written.removeAll(keepingCapacity: entries.count <= 16)
        for entry in entries { server.router.journal.settle(entry, by: address) }
    }

    func settleWritten() {
        guard let link, out == nil, link.bytesWaiting == 0 else { return }
        settleAll()
    }

    /// For a link that knows which of the messages are with the client: the oldest ones are.
    func settle(first count: Int) {
        let entries = Array(written.prefix(count))
        written.removeFirst(entries.count)
        for entry in entries { server.router.journal.settle(entry, by: address) }
    }

    /// The socket took what waited.
    func drained() {
        if !written.isEmpty { settleWritten() }
        let waiters = drainWaiters
        drainWaiters = []
        for waiter in waiters { waiter() }
    }

    public func whenDrained(_ body: @escaping () -> Void) {
        flush()
        guard let link, phase == .bound else { return body() }
        if link.isWritable, !(streamManagement?.hasMuchUnacked(server.config) ?? false) {
            server.loop.execute(body)
        } else {
            drainWaitersSince = server.time.uptime
            drainWaiters.append(body)
        }
    }

    // MARK: In flight

    public var inFlight: [JournalEntry] {
        let waiting = held?.entries ?? []
        guard let management = streamManagement else { return waiting.isEmpty ? written : written + waiting }
        let sent = written.isEmpty ? management.entries : written + management.entries
        return waiting.isEmpty ? sent : sent + waiting
    }

    func takeInFlight() -> [JournalEntry] {
        let entries = inFlight
        written = []
        held = nil
        streamManagement?.unacked.removeAll()
        return entries
    }

    /// The link is useless although it is open: as if it were lost.
    func giveUp(_ error: StreamError) {
        guard let link else { return }
        server.logger.info("stream given up", metadata: ["jid": "\(label)", "reason": "\(error.text ?? "")"])
        linkLost(link)
        link.closeNow()
    }

    /// Who this is, for the log.
    var label: String { address.isEmpty ? remoteAddress : String(decoding: address, as: UTF8.self) }
}
