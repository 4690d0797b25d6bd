import Ground
import IMCore
import Interworking
import SIPWire
import XMPPWire

// From the core to the SIP side.

extension ChatSession {
    /// Things that wait for the connection.
    private static let backlogBound = 200
    /// Milliseconds until a SEND without response counts as lost (RFC 4975 §7.1).
    private static let patience: Int64 = 30_000
    private static let chunk = 16_384

    /// Sends what a stanza says.
    ///
    /// - Parameters:
    ///   - done: called once, never before this returns.
    ///   - reported: the client has told that its user has got it.
    func send(
        _ stanza: MessageStanza, _ done: @escaping (SessionOutcome) -> Void,
        reported: @escaping () -> Void = {}
    ) {
        lastUse = server.uptime
        if stanza.chatState == .gone, stanza.readableText == nil {
            server.loop.execute { done(.taken) }
            return end(.byUser)
        }
        guard !hasEnded else { return server.loop.execute { done(.lost) } }
        if let notification = stanza.notification { reportWhatItSays(notification) }
        let takesEnvelopes =
            isMSRP && media.accepts("message/cpim") && media.acceptsWrapped("message/imdn+xml")
        guard
            let content = PagerContent(
                stanza, takesCPIM: takesEnvelopes, from: MessageRequest.uri(of: peer, "im"),
                to: MessageRequest.uri(of: party, "im"), date: Timestamp.format(server.time.now))
        else { return server.loop.execute { done(.taken) } }
        hasSpoken = true
        if isMSRP {
            sendMSRP(content, wantsReport: stanza.wantsReceipt && !takesEnvelopes, done, reported)
        } else {
            sendInDialog(content, stanza, done)
        }
    }

    // MARK: MSRP

    private func sendMSRP(
        _ content: PagerContent, wantsReport: Bool, _ done: @escaping (SessionOutcome) -> Void,
        _ reported: @escaping () -> Void
    ) {
        if let maxSize = media.maxSize, content.body.count > maxSize {
            return server.loop.execute { done(.refused(413)) }
        }
        guard let link, let path = localPath else {
            guard backlog.count < Self.backlogBound else { return server.loop.execute { done(.lost) } }
            backlog.append { [weak self] in
                guard let self, !hasEnded, self.link != nil else { return done(.lost) }
                sendMSRP(content, wantsReport: wantsReport, done, reported)
            }
            return
        }
        var body = SIPBytes(content.body)
        var type = content.type.description
        if !accepts(content.type) {
            guard !content.isNotice, media.acceptsWrapped("text/plain") else {
                return server.loop.execute { done(.taken) }
            }
            body = SIPBytes(Array("Content-Type: \(type)\r\n\r\n".utf8) + content.body)
            body = SIPBytes(Array(envelopeHead.utf8) + body.array)
            type = "message/cpim"
        }
        let id = "m\(name.prefix(8))\(sequence)"
        var names: [String] = []
        link.write {
            names = MSRPWriter.send(
                body, type: type, messageID: id, to: media.path, from: path, wantsReport: wantsReport,
                chunk: Self.chunk, transaction: transaction, into: &$0)
        }
        guard let last = names.last else {
            end(.over)
            return server.loop.execute { done(.lost) }
        }
        if wantsReport, awaitingReport.count < 1_000 { awaitingReport[id] = reported }
        unanswered[last] = Sent(done: done, deadline: server.uptime + Self.patience)
    }

    private var envelopeHead: String {
        let from = String(decoding: MessageRequest.uri(of: peer, "im"), as: UTF8.self)
        let to = String(decoding: MessageRequest.uri(of: party, "im"), as: UTF8.self)
        return
            "From: <\(from)>\r\nTo: <\(to)>\r\nDateTime: \(Timestamp.format(server.time.now))\r\n\r\n"
    }

    /// The type may have parameters, which are not listed.
    private func accepts(_ type: StaticString) -> Bool {
        switch type.description.prefix(while: { $0 != ";" }) {
        case "text/plain": media.accepts("text/plain")
        case "message/cpim": media.accepts("message/cpim")
        case "application/im-iscomposing+xml": media.accepts("application/im-iscomposing+xml")
        default: false
        }
    }

    func answered(_ transaction: String, _ code: Int) {
        guard let sent = unanswered.removeValue(forKey: transaction) else { return }
        sent.done((200..<300).contains(code) ? .taken : .refused(code))
        // The client no longer knows the session (§7.2).
        if code == 481 { end(.over) }
    }

    // MARK: In the dialog

    private func sendInDialog(
        _ content: PagerContent, _ stanza: MessageStanza, _ done: @escaping (SessionOutcome) -> Void
    ) {
        let request: OutgoingRequest
        if content.isNotice {
            guard let state = stanza.chatState else { return server.loop.execute { done(.taken) } }
            request = dialog.request(
                .info, maxForwards: server.config.maxForwards,
                body: MicrosoftForm.activity(isTyping: state == .composing),
                type: MicrosoftForm.activityType)
        } else {
            request = dialog.request(
                .message, maxForwards: server.config.maxForwards, body: SIPBytes(content.body),
                type: SIPBytes("text/plain; charset=UTF-8" as StaticString))
        }
        server.send(request, to: dialog.way) { [weak self] outcome in
            if case .tooLarge = outcome { return done(.refused(513)) }
            guard case .response(let response) = outcome else {
                self?.end(.over)
                return done(.lost)
            }
            let status = response.status
            done(status.isSuccess ? .taken : .refused(Int(status.rawValue)))
            // RFC 3261 §12.2.1.2
            if status == .callDoesNotExist || status == .requestTimeout { self?.end(.over) }
        }
    }
}
