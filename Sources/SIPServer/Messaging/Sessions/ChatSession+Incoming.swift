import Ground
import IMCore
import Interworking
import SIPWire
import XMLWire
import XMPPWire

// From the SIP side into the core.

extension ChatSession {
    /// Messages of one session that may be under way to the disk; beyond, its connection is not read from.
    private static let storingBound = 200
    /// Messages whose chunks may be incomplete at once.
    private static let assemblyBound = 4

    // MARK: MSRP

    func receive(_ frame: MSRPFrame, on link: MSRPLink) {
        lastUse = server.uptime
        hasHeard = true
        switch frame.kind {
        case .response(let code): answered(frame.transaction.string, code)
        case .report:
            let key = frame.messageID.string
            if let status = frame.status, (200..<300).contains(status) {
                awaitingReport.removeValue(forKey: key)?()
            }
        case .other: link.respond(to: frame, 501, "Unknown Method")
        case .send: receiveSend(frame, on: link)
        }
    }

    private func receiveSend(_ frame: MSRPFrame, on link: MSRPLink) {
        // From whom the description said it would come.
        guard let from = frame.fromPath.last, let expected = media.path.last,
            from.session == expected.session
        else {
            return link.respond(to: frame, 403, "Not Your Session")
        }
        guard let body = frame.body, !body.isEmpty else { return link.respond(to: frame, 200, "OK") }
        guard !frame.messageID.isEmpty, frame.messageID.count <= 200 else {
            return link.respond(to: frame, 400, "Missing Message-ID")
        }
        // Whole in one chunk: nothing has to be put together.
        let index = assemblies.firstIndex { $0.id == frame.messageID }
        var assembly =
            index.map { assemblies[$0].assembly }
            ?? MSRPAssembly(frame, bound: server.config.contentBytes)
        let outcome = assembly.add(frame)
        if let index { assemblies.remove(at: index) }
        switch outcome {
        case .more:
            guard assemblies.count < Self.assemblyBound else {
                return link.respond(to: frame, 413, "Too Many Messages At Once")
            }
            assemblies.append((frame.messageID.detached, assembly))
            link.respond(to: frame, 200, "OK")
        case .aborted:
            link.respond(
                to: frame, frame.continuation == .aborted ? 200 : 400,
                frame.continuation == .aborted ? "OK" : "Malformed Message")
        case .tooLarge: link.respond(to: frame, 413, "Message Too Large")
        case .complete:
            let type = assembly.contentType ?? SIPBytes("text/plain" as StaticString)
            let wish = ReportWish(
                messageID: frame.messageID.detached, bytes: assembly.message.count,
                wantsSuccess: assembly.wantsSuccessReport, wantsFailure: frame.failureReport != .no)
            storing += 1
            if storing == Self.storingBound { link.setReading(false) }
            receive(assembly.message, type: type, wish: wish) { [weak self, weak link] code, comment in
                guard let self, let link else { return }
                storing -= 1
                if storing == Self.storingBound / 2 { link.setReading(true) }
                // Stored: not before the sender may forget it (RFC 4975 §7.2).
                link.respond(to: frame, code, comment)
            }
        }
    }

    // MARK: MESSAGE in the dialog

    func receive(_ request: IncomingRequest) {
        let message = request.message
        guard message.body.count <= server.config.contentBytes else {
            return request.respond(.messageTooLarge)
        }
        let type = message.first(.contentType) ?? SIPBytes("text/plain" as StaticString)
        receive(message.body.array, type: type) { code, _ in
            switch code {
            case 415: request.respond(.unsupportedMediaType) { $0.add(.accept, MessageContent.accepted) }
            default: request.respond(SIPStatus(code))
            }
        }
    }

    // MARK: Into the core

    /// - Parameters:
    ///   - wish: of which reports the sender wants; nil outside of MSRP.
    ///   - answer: 200 once nothing can be lost, or what is wrong; called once.
    func receive(
        _ body: [UInt8], type: SIPBytes, wish: ReportWish? = nil, _ answer: @escaping (Int, String) -> Void
    ) {
        hasSpoken = true
        var content: MessageContent
        do throws(MessageContent.Refusal) {
            content = try SIPBytes(body).read { bytes throws(MessageContent.Refusal) in
                try MessageContent.read(bytes, type: type)
            }
        } catch {
            return error == .malformed
                ? answer(400, "Malformed Content") : answer(415, "Unsupported Media Type")
        }
        guard case .text(let text, var disposition) = content else {
            guard let wish, wish.wantsSuccess else { return submit(content, answer) }
            // Nobody will say that a notice was read: it is as good as told when it is on its way.
            return submit(content) { [weak self] code, comment in
                answer(code, comment)
                if code == 200 { self?.report(wish, 200, "OK") }
            }
        }
        if text.isEmpty { return answer(200, "OK") }
        if let wish {
            if wish.wantsSuccess { disposition.wantsDelivery = true }
            // The stanza has the message's own id, so that what comes back about it is known by that.
            if disposition.messageID.isEmpty { disposition.messageID = wish.messageID.string }
            content = .text(text, disposition)
            note(wish, as: disposition.messageID)
        }
        submit(content, answer)
    }

    func submit(_ content: MessageContent, _ answer: @escaping (Int, String) -> Void) {
        withHome { [self] home in
            let id = table.router.journal.nextID()
            var writer = StanzaWriter(
                from: origin, to: peer, name: table.router.journal.names.name(of: id))
            writer.callID = dialog.callID
            let shape = writer.shape(of: content)
            if table.router.isIdentified(shape.type, shape.traits) { writer.identifiedBy = peer }
            route(writer.write(content), id, shape.type, shape.traits, home, answer)
        }
    }

    /// The user is told that the other has closed the conversation.
    func sayGone() {
        withHome { [self] home in
            let id = table.router.journal.nextID()
            var element = XMLElement(
                "message", namespace: StanzaNamespace.client,
                attributes: [
                    "from": String(decoding: origin, as: UTF8.self),
                    "to": String(decoding: peer, as: UTF8.self),
                    "type": "chat",
                    "id": String(decoding: table.router.journal.names.name(of: id), as: UTF8.self),
                ])
            var thread = XMLElement("thread", namespace: StanzaNamespace.client)
            thread.children = [.text(dialog.callID.string)]
            element.children = [
                .element(XMLElement("gone", namespace: "http://jabber.org/protocol/chatstates")),
                .element(thread),
            ]
            route(element.stanzaBytes, id, .chat, .chatState, home) { _, _ in }
        }
    }

    /// Who the user sees: somebody elsewhere with the resource that the call came from.
    private var origin: [UInt8] { foreign.map { Array($0.description.utf8) } ?? party }

    /// The home of the SIP side; nil for somebody elsewhere.
    private func withHome(_ body: @escaping (UserHome?) -> Void) {
        guard foreign == nil, let jid = try? JID(parsing: String(decoding: owner, as: UTF8.self)) else {
            return body(nil)
        }
        if let home = table.router.homes.loaded(jid) { return body(home) }
        table.router.homes.withHome(jid, body)
    }

    private func route(
        _ bytes: [UInt8], _ id: MessageID, _ type: MessageType, _ traits: MessageTraits,
        _ home: UserHome?,
        _ answer: @escaping (Int, String) -> Void
    ) {
        let source = SessionSource(address: origin, resource: resource, reader: table.reader, answer)
        var incoming = IncomingMessage(
            id: id, type: type, traits: traits, bytes: bytes, fullAddress: nil, ledgerNumber: 1,
            sender: source,
            senderHome: home, from: foreign)
        incoming.nameHash = MessageTrail.hash(dialog.callID)
        incoming.way = way
        table.router.route(incoming, to: peerAddress)
    }
}

/// The sender of one message towards the core: what the core says becomes the answer.
final class SessionSource: StanzaSource {
    let address: [UInt8]
    let resource: String
    private let reader: StanzaReader
    private var answer: ((Int, String) -> Void)?

    init(
        address: [UInt8], resource: String, reader: StanzaReader,
        _ answer: @escaping (Int, String) -> Void
    ) {
        self.address = address
        self.resource = resource
        self.reader = reader
        self.answer = answer
    }

    func stanzaIsSafe(_ number: UInt64) { finish(200, "OK") }

    /// An error stanza; nothing else comes here.
    func deliver(_ bytes: [UInt8]) {
        guard answer != nil, let condition = reader.read(bytes)?.errorCondition else { return }
        let status =
            condition == .serviceUnavailable
            ? .temporarilyUnavailable : ErrorMapping.status(of: condition)
        finish(Int(status.rawValue), status.reason.description)
    }

    private func finish(_ code: Int, _ comment: String) {
        let body = answer
        answer = nil
        body?(code, comment)
    }
}
