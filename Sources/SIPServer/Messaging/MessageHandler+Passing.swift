import IMCore
import Interworking
import SIPWire
import XMLWire
import XMPPWire

// MESSAGE that goes on as it came: what no XMPP client could be told, and what is for people of other domains. Whom a user
// may write to, and who wants to hear of whom, holds for it all the same.

extension MessageHandler {
    /// A body that nobody here reads: for the recipient's contacts as it came. Neither kept nor archived, since nobody could be
    /// given it later: who has no contact that can be reached now is as one that does not take the type (415).
    ///
    /// - Parameters:
    ///   - home: of the sender; nil for somebody of another domain, whom `foreign` names.
    ///   - address: the recipient's, prepared and bare.
    func passOn(
        _ request: IncomingRequest, _ refusal: MessageContent.Refusal, from source: PendingMessage, of home: UserHome?,
        foreign: JID?, to address: [UInt8], _ uri: SIPURI
    ) {
        guard let proxy = server.proxy, let sender = foreign ?? home?.jid,
            let recipient = try? JID(parsing: String(decoding: address, as: UTF8.self))
        else { return refuse(request, refusal) }
        if let home, let error = router.refusal(of: home, writingTo: recipient, at: source) {
            return refuse(request, ErrorMapping.status(of: error.condition), error.text ?? "")
        }
        router.homes.withHome(recipient) { [self] theirs in
            let named = server.registrar.gruus.resolve(uri, domain: Array(recipient.domain.utf8), server.location)
            let bindings = (named?.bindings ?? server.location.bindings(of: address)).filter(\.isReachable)
            // Nobody, one who blocks the sender, and one without a contact look alike.
            guard let theirs, router.takesMessages(theirs, from: sender), !bindings.isEmpty else {
                return refuse(request, refusal)
            }
            proxy.forward(request, toContacts: bindings, of: address)
        }
    }

    /// A MESSAGE for somebody of another domain. What holds for a user's messages over XMPP holds for it: block lists, the
    /// switch of instant messages, the rate, the archive and the copies for the user's other clients. Others than users of ours
    /// have no such rules here.
    ///
    /// - Parameter goOn: sends it on as it came, body and all; the answer is the far side's.
    func leave(_ request: IncomingRequest, for uri: SIPURI, _ goOn: @escaping () -> Void) {
        let message = request.message
        guard message.toTag.isEmpty, let user = writer(of: request) else { return goOn() }
        guard message.body.count <= server.config.contentBytes else {
            return refuse(request, .messageTooLarge, "at most \(server.config.contentBytes) bytes")
        }
        router.homes.withHome(user) { [self] home in
            guard let home else { return request.respond(.forbidden) }
            guard mayGo(home) else {
                return request.respond(.serviceUnavailable) { $0.add(.retryAfter, number: 1) }
            }
            // A number is nobody whom lists could name.
            let recipient = AddressMapping.jid(of: uri)
            let source = source(of: request, home)
            let domain = try? JID(local: nil, domain: uri.host.string, resource: nil)
            if let known = recipient ?? domain, let error = router.refusal(of: home, writingTo: known, at: source) {
                return refuse(request, ErrorMapping.status(of: error.condition), error.text ?? "")
            }
            if let recipient, let element = stanza(of: request, from: source, to: recipient) {
                router.copySent(element, by: source, of: home)
                router.keepSent(element, by: source, of: home, to: recipient)
            }
            goOn()
        }
    }

    /// The user of ours that sends the request.
    private func writer(of request: IncomingRequest) -> JID? {
        switch request.sender {
        case .user(let jid): return jid
        case .trunk: return nil
        case .unknown:
            // Let through without a proof.
            guard let from = request.from?.uri, server.domain(from) != nil else { return nil }
            return AddressMapping.jid(of: from, keepsResource: false)
        }
    }

    /// What the MESSAGE would be in XMPP; nil where it says nothing there.
    private func stanza(of request: IncomingRequest, from source: PendingMessage, to recipient: JID) -> XMLElement? {
        let message = request.message
        let (type, encoding) = (message.first(.contentType), message.first(.contentEncoding))
        let content = try? message.body.read { bytes throws(MessageContent.Refusal) in
            try MessageContent.read(bytes, type: type, encoding: encoding)
        }
        guard case .text(let text, _)? = content, !text.isEmpty else { return nil }
        var writer = StanzaWriter(
            from: source.address, to: Array(recipient.description.utf8),
            name: router.journal.names.name(of: router.journal.nextID()))
        writer.subject = message.first(.subject)
        writer.callID = message.callID
        writer.language = message.first(.contentLanguage)
        return writer.write(.text(text, .none)).withUnsafeBytes {
            try? XMLElement(parsing: $0, streamDefaultNamespace: StanzaNamespace.client, streamPrefixes: [])
        }
    }
}
