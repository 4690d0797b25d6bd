import Ground
import IMCore
import Interworking
import NIOCore
import SIPWire
import XMPPWire

// INVITEs that come in.

extension SessionTable {
    /// Outside of dialogs, with message media; every other INVITE is the proxy's.
    public func wants(_ message: SIPMessage) -> Bool {
        guard message.toTag.isEmpty, let offer = Self.offer(message) else { return false }
        return offer.media.contains { Self.isMessages($0) }
    }

    static func offer(_ message: SIPMessage) -> SDPSession? {
        guard message.hasBody, message.contentType?.matches("application/sdp") == true else {
            return nil
        }
        return SDPSession(message.body)
    }

    private static func isMessages(_ media: SDPSession.Media) -> Bool {
        !media.isRefused && (media.isMSRP || media.isMicrosoftForm)
    }

    public func handle(_ request: IncomingRequest) {
        guard let uri = request.message.requestURI, let to = recipient(uri),
            let peer = try? JID(parsing: String(decoding: to, as: UTF8.self))
        else { return request.respond(.notFound) }
        if let proxy = server.proxy,
            server.location.bindings(of: peer).contains(where: { $0.takesSessions })
        {
            return proxy.forward(request)
        }
        switch request.sender {
        case .user(let jid): withOwn(request, jid, peer)
        case .trunk: withForeign(request, peer)
        case .unknown:
            guard let from = request.message.from?.uri else { return request.respond(.badRequest) }
            if server.domain(from) == nil {
                guard server.config.acceptsForeign else { return request.respond(.forbidden) }
                return withForeign(request, peer)
            }
            request.respond(.forbidden)
        }
    }

    private func withOwn(_ request: IncomingRequest, _ jid: JID, _ peer: JID) {
        router.homes.withHome(jid) { [self] home in
            guard let home else { return request.respond(.forbidden) }
            let contact = home.endpoints.lazy.compactMap { $0 as? SIPEndpoint }.first {
                $0.uses(request.flow)
            }
            let party = contact?.address ?? home.address + Array("/sip".utf8)
            accept(
                request, party: party, resource: contact?.resource ?? "sip", owner: jid, foreign: nil, peer)
        }
    }

    private func withForeign(_ request: IncomingRequest, _ peer: JID) {
        guard let from = request.message.from?.uri, server.domain(from) == nil,
            let jid = AddressMapping.jid(of: from),
            !router.serves(jid.domain)
        else { return request.respond(.forbidden) }
        accept(
            request, party: Array(jid.bare.description.utf8), resource: jid.resource ?? "",
            owner: jid.bare,
            foreign: jid, peer)
    }

    private func accept(
        _ request: IncomingRequest, party: [UInt8], resource: String, owner: JID, foreign: JID?,
        _ peer: JID
    ) {
        router.homes.withHome(peer) { [self] home in
            guard !request.isAnswered else { return }
            // Nobody, and one who blocks the caller, look alike (XEP-0191 §3.1).
            guard let home, !home.blocks(owner, .message) else { return request.respond(.notFound) }
            guard hasRoom(for: Array(owner.description.utf8)) else {
                return request.respond(.busyHere) { $0.add(.retryAfter, number: 60) }
            }
            guard let offer = Self.offer(request.message), let choice = choice(offer, request.flow) else {
                return refuseMedia(request)
            }
            let timer = SessionTimer.verdict(
                on: request.message, least: server.config.sessionMinSeconds, uptime: server.uptime)
            if case .tooBrief(let least) = timer {
                return request.respond(.sessionIntervalTooSmall) { $0.add(.minSE, number: least) }
            }
            let name =
                HexText.digits(.random(in: .min ... .max))
                + HexText.digits(.random(in: .min ... .max)).prefix(8)
            guard
                let dialog = SessionDialog(
                    accepting: request,
                    contact: contact(on: request.flow, name: String(decoding: name, as: UTF8.self)))
            else { return request.respond(.badRequest, reason: "Missing Contact") }
            let session = ChatSession(
                self, name: String(decoding: name, as: UTF8.self), dialog: dialog, offer: offer,
                media: choice,
                party: party, resource: resource, owner: Array(owner.description.utf8), foreign: foreign,
                peer: peer)
            if case .timed(let timer) = timer { session.timer = timer }
            add(session)
            session.answer(request)
        }
    }

    /// `<sip:name@host:port;transport=tcp>`
    func contact(on flow: SIPFlow, name: String) -> SIPBytes {
        let host = server.config.advertisedHost ?? flow.local.host
        return SIPBytes(
            "<sip:\(name)@\(host):\(flow.local.port);transport=\(flow.transport.parameter)>")
    }

    /// Which of the media is taken; nil when none can be.
    private func choice(_ offer: SDPSession, _ flow: SIPFlow) -> Int? {
        offer.media.firstIndex { media in
            guard Self.isMessages(media) else { return false }
            guard media.isMSRP else { return true }
            guard port != nil, !media.path.isEmpty, !media.isMSRPOverTLS || server.tls != nil else {
                return false
            }
            // Nothing can be said to who reads neither plain text nor envelopes with it.
            guard media.accepts("text/plain") || media.acceptsWrapped("text/plain") else { return false }
            // We connect nowhere but to where the call comes from.
            return media.setup?.matches("passive") != true || Self.place(media, flow) != nil
        }
    }

    /// Where a peer that waits for us is to be reached: at the address that it calls from.
    static func place(_ media: SDPSession.Media, _ flow: SIPFlow) -> TransportAddress? {
        guard media.path.count == 1, let path = media.path.first, path.isSecure == media.isMSRPOverTLS,
            let address = TransportAddress(ip: path.host.string, port: path.port ?? 2_855),
            address.isSameHost(as: flow.remote)
        else { return nil }
        return address
    }

    private func refuseMedia(_ request: IncomingRequest) {
        let host = server.config.domains.first ?? "localhost"
        request.respond(.notAcceptableHere) {
            // RFC 3261 §20.43: 304 media type not available.
            $0.add(
                .warning,
                text: "304 \(JID.asciiDomain(host)) \"message sessions of that kind are not taken\"")
        }
    }

    /// The prepared bare address of a user of ours.
    private func recipient(_ uri: SIPURI) -> [UInt8]? {
        guard let address = AddressMapping.bareAddress(of: uri) else { return nil }
        // Names and addresses of the server itself, and aliases, stand for a domain.
        guard !server.serves(uri.host) else { return address }
        guard let domain = server.domain(uri), let end = address.firstIndex(of: 0x40) else {
            return nil
        }
        return Array(address[...end]) + Array(domain.utf8)
    }
}

extension Binding {
    /// The contact has said that it takes message sessions: `message` among its features (RFC 4569 §2).
    var takesSessions: Bool {
        guard !features.isEmpty else { return false }
        let features = SIPParameters(features)
        return features.has("message") || features.has("+sip.message")
    }
}
