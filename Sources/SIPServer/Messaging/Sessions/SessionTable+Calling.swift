import Ground
import IMCore
import NIOCore
import SIPWire
import XMPPWire

// INVITEs of ours: what an XMPP user writes to a contact that takes message sessions opens one (RFC 7573 §4).

extension SessionTable {
    /// Opens a session with a registered contact.
    ///
    /// - Parameters:
    ///   - thread: the stanza's, as Call-ID; empty makes one.
    ///   - answer: the session, or nil: the messages then go as MESSAGE. Called once, never before this returns.
    func open(
        with endpoint: SIPEndpoint, at binding: Binding, for peer: [UInt8], thread: [UInt8],
        _ answer: @escaping (ChatSession?) -> Void
    ) {
        let owner = Array(endpoint.address.prefix { $0 != 0x2F })
        guard port != nil, hasRoom(for: owner), let flow = binding.flow, flow.isOpen,
            let peerJID = try? JID(parsing: String(decoding: peer, as: UTF8.self)).bare
        else { return server.loop.execute { answer(nil) } }
        let name = String(decoding: HexText.digits(.random(in: .min ... .max)), as: UTF8.self)
        // Nothing goes less protected than the call itself: who is called over TLS, talks over TLS.
        let isSecure = flow.transport == .tls && server.tls != nil
        let path = ChatSession.path(self, flow, name: name, isSecure: isSecure)
        let contact = contact(on: flow, name: name)
        let request = invite(
            binding, from: peer, to: owner, callID: thread.isEmpty ? Array(name.utf8) : thread, tag: name,
            contact: contact, offer: offer(path, flow))
        let client = server.send(request, to: .binding(binding)) { [weak self] outcome in
            guard let self else { return answer(nil) }
            guard case .response(let response) = outcome, response.status.isSuccess,
                var dialog = SessionDialog(answer: response, flow: flow, contact: contact)
            else { return answer(nil) }
            // The ACK of a 2xx is a request of its own (RFC 3261 §13.2.2.4).
            let ack = dialog.request(
                .ack, maxForwards: server.config.maxForwards, sequence: response.cseqNumber)
            server.sendAlone(ack, to: dialog.way)
            guard let session = opened(response, dialog, name, path, endpoint, owner, peerJID) else {
                let bye = dialog.request(.bye, maxForwards: server.config.maxForwards)
                server.send(bye, to: dialog.way) { _ in }
                return answer(nil)
            }
            answer(session)
        }
        // Nobody sits before a phone for long when a message comes.
        server.loop.scheduleTask(in: .seconds(20)) { [weak client] in client?.cancel() }
    }

    private func offer(_ path: MSRPURI, _ flow: SIPFlow) -> SIPBytes {
        let now = UInt64(clamping: server.time.now)
        var writer = SDPWriter(
            address: server.config.advertisedHost ?? flow.local.ip, session: now, version: now)
        writer.addMSRP(
            port: path.port ?? 2_855, isTLS: path.isSecure, path: path, acceptTypes: ChatSession.acceptTypes,
            acceptWrappedTypes: ChatSession.wrappedTypes, setup: "actpass",
            maxSize: server.config.contentBytes, fingerprint: server.tls?.fingerprint)
        return writer.bytes
    }

    private func invite(
        _ binding: Binding, from: [UInt8], to: [UInt8], callID: [UInt8], tag: String, contact: SIPBytes,
        offer: SIPBytes
    ) -> OutgoingRequest {
        var builder = SIPRequestBuilder(.invite, binding.contact)
        if !binding.pathText.isEmpty { builder.add(.route, binding.pathText) }
        builder.add(.maxForwards, number: server.config.maxForwards)
        builder.addParty(.from, uri: SIPBytes(MessageRequest.uri(of: from)), tag: SIPBytes(tag))
        builder.addParty(.to, uri: SIPBytes(MessageRequest.uri(of: to)), tag: nil)
        builder.add(.callID, callID)
        builder.addCSeq(1, .invite)
        builder.add(.contact, contact)
        builder.add(.allow, "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE")
        return OutgoingRequest(
            method: .invite,
            bytes: builder.finish(body: offer, type: SIPBytes("application/sdp" as StaticString)))
    }

    private func opened(
        _ response: SIPMessage, _ dialog: SessionDialog, _ name: String, _ path: MSRPURI,
        _ endpoint: SIPEndpoint,
        _ owner: [UInt8], _ peer: JID
    ) -> ChatSession? {
        guard let answer = Self.offer(response), answer.media.count == 1,
            let media = answer.media.first,
            media.isMSRP, !media.isRefused, !media.path.isEmpty, media.isMSRPOverTLS == path.isSecure
        else { return nil }
        // Who offers connects, unless the peer says that it does (RFC 4975 §5.4, RFC 6135 §4.2.2).
        let isActive = media.setup?.matches("active") != true
        let place = isActive ? Self.place(media, dialog.flow) : nil
        guard !isActive || place != nil else { return nil }
        let session = ChatSession(
            self, name: name, dialog: dialog, offer: answer, media: 0, party: endpoint.address,
            resource: endpoint.resource, owner: owner, foreign: nil, peer: peer, path: path)
        session.timer = SessionTimer.agreed(in: response, uptime: server.uptime)
        add(session)
        if let place { connect(place, for: media) { [weak session] link in session?.connected(link) } }
        return session
    }
}
