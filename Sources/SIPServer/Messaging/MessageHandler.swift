import Ground
import IMCore
import Interworking
import NIOCore
import SIPWire
import XMPPWire

/// MESSAGE outside of dialogs (RFC 3428): from a registered user or a trunk to a user of ours, along the path that every
/// message takes (`IMCore/Messaging`), so that blocking, policies, archives, carbons, forking and the store are the same.
///
/// Answered with 200 or 202 once nothing can be lost, with an error as the core decides.
final class MessageHandler: SIPMethodHandler {
    unowned let server: SIPServer
    /// For stanzas of this loop.
    let reader = StanzaReader()
    private(set) lazy var contacts = MessageContacts(handler: self)
    private(set) lazy var foreign = ForeignContacts(handler: self)
    private var rates: [Int64: RateLimiter] = [:]
    /// CSeq of our own requests: grows, so that those with the same Call-ID are in order.
    private var sequence: UInt32

    var methods: [SIPMethod] { [.message] }
    var router: Router { server.router }

    init(server: SIPServer) {
        self.server = server
        sequence = UInt32(truncatingIfNeeded: server.time.now / 1_000) & 0x3FFF_FFFF
        contacts.begin()
        foreign.begin()
        server.whenReconfigured.append { [weak self] in self?.rates = [:] }
    }

    func nextSequence() -> UInt32 {
        sequence = sequence >= 0x7FFF_FFFE ? 1 : sequence + 1
        return sequence
    }

    // MARK: The request

    func handle(_ request: IncomingRequest) {
        let message = request.message
        // Inside a dialog that nobody here is in (RFC 3261 §12.2.2).
        guard message.toTag.isEmpty else { return request.respond(.callDoesNotExist) }
        guard message.body.count <= server.config.contentBytes else {
            return refuse(request, .messageTooLarge, "at most \(server.config.contentBytes) bytes")
        }
        guard let uri = message.requestURI.flatMap(unsealed), let to = server.addressOfRecord(uri) else {
            return request.respond(.notFound)
        }
        switch request.sender {
        case .user(let jid): takeOwn(request, jid, to: to, uri)
        case .trunk: takeForeign(request, to: to, uri)
        case .unknown:
            guard let from = request.message.from?.uri else { return request.respond(.badRequest) }
            if server.domain(from) == nil {
                guard server.config.acceptsForeign else { return request.respond(.forbidden) }
                return takeForeign(request, to: to, uri)
            }
            // Nobody was asked for a proof.
            guard server.config.openMethods.contains(.message), let sender = server.addressOfRecord(from),
                let jid = try? JID(parsing: String(decoding: sender, as: UTF8.self))
            else { return request.respond(.forbidden) }
            takeOwn(request, jid, to: to, uri)
        }
    }

    /// A temporary GRUU as the public one of the same instance (RFC 5627 §5.1); nil when it names nobody any more.
    private func unsealed(_ uri: SIPURI) -> SIPURI? {
        guard uri.gruu?.isEmpty == true, let domain = server.domain(uri) else { return uri }
        let gruus = server.registrar.gruus
        guard let named = gruus.resolve(uri, domain: Array(domain.utf8), server.location),
            let binding = named.bindings.first
        else { return nil }
        return gruus.publicURI(of: binding, named.address).flatMap { SIPURI(SIPBytes($0)) }
    }

    /// From a user of ours.
    private func takeOwn(_ request: IncomingRequest, _ jid: JID, to: [UInt8], _ uri: SIPURI) {
        router.homes.withHome(jid) { [self] home in
            guard let home else { return request.respond(.forbidden) }
            guard mayGo(home) else {
                return request.respond(.serviceUnavailable) { $0.add(.retryAfter, number: 1) }
            }
            take(request, from: source(of: request, home), of: home, to: to, uri)
        }
    }

    /// From somebody of another domain.
    private func takeForeign(_ request: IncomingRequest, to: [UInt8], _ uri: SIPURI) {
        guard let from = request.message.from?.uri, server.domain(from) == nil, let jid = AddressMapping.jid(of: from),
            !router.serves(jid.domain)
        else {
            return refuse(request, .forbidden, "only this server speaks for its users")
        }
        let source = PendingMessage(
            request, address: Array(jid.description.utf8), resource: jid.resource ?? "", recipient: to, handler: self)
        take(request, from: source, of: nil, to: to, uri, foreign: jid)
    }

    /// Stands for the contact that sent the request: the registered one it came from, else one that has no registration.
    func source(of request: IncomingRequest, _ home: UserHome) -> PendingMessage {
        let endpoint = contacts.endpoint(of: home, on: request.flow)
        endpoint?.isHeard()
        let address = endpoint?.address ?? home.address + Self.unregistered
        return PendingMessage(
            request, address: address, resource: endpoint?.resource ?? "sip",
            recipient: [], handler: self)
    }

    private static let unregistered = Array("/sip".utf8)

    func mayGo(_ home: UserHome) -> Bool {
        let rate = server.config.messagesPerSecond
        guard rate > 0 else { return true }
        if rates.count > 20_000 { rates = [:] }
        let fresh = RateLimiter(rate: rate, burst: rate * 2, uptime: server.uptime)
        return rates[home.id, default: fresh].take(1, uptime: server.uptime) == 0
    }

    private func take(
        _ request: IncomingRequest, from source: PendingMessage, of home: UserHome?, to address: [UInt8], _ uri: SIPURI,
        foreign: JID? = nil
    ) {
        let message = request.message
        source.recipient = address
        let content: MessageContent
        do throws(MessageContent.Refusal) {
            let (type, encoding) = (message.first(.contentType), message.first(.contentEncoding))
            content = try message.body.read { bytes throws(MessageContent.Refusal) in
                try MessageContent.read(bytes, type: type, encoding: encoding)
            }
        } catch {
            guard error != .malformed else { return refuse(request, error) }
            return passOn(request, error, from: source, of: home, foreign: foreign, to: address, uri)
        }
        if case .text(let text, _) = content, text.isEmpty { return request.respond(.ok) }
        noteKind(content, source)
        let id = router.journal.nextID()
        let resource = uri.gruu.flatMap { AddressMapping.resource(ofGRUU: $0) }
        let full = resource.map { address + [0x2F] + Array($0.utf8) }
        var writer = StanzaWriter(from: source.address, to: full ?? address, name: router.journal.names.name(of: id))
        writer.subject = message.first(.subject)
        writer.callID = message.callID
        writer.language = message.first(.contentLanguage)
        let shape = writer.shape(of: content)
        if router.isIdentified(shape.type, shape.traits) { writer.identifiedBy = address }
        var incoming = IncomingMessage(
            id: id, type: shape.type, traits: shape.traits, bytes: writer.write(content), fullAddress: full,
            ledgerNumber: 1, sender: source, senderHome: home, from: foreign)
        incoming.nameHash = MessageTrail.hash(message.callID)
        incoming.way = Self.way(request)
        if home?.hasRules != true, let recipient = address.withUnsafeBytes({ router.homes.loaded($0) }) {
            return router.route(incoming, to: recipient)
        }
        guard let jid = try? JID(parsing: String(decoding: address, as: UTF8.self)) else {
            return request.respond(.notFound)
        }
        router.route(incoming, to: jid)
    }

    /// For the trail.
    private static func way(_ request: IncomingRequest) -> StaticString {
        let isTrunk = if case .trunk = request.sender { true } else { false }
        return switch request.flow.transport {
        case .udp: isTrunk ? "MESSAGE over UDP, from a trunk" : "MESSAGE over UDP"
        case .tcp: isTrunk ? "MESSAGE over TCP, from a trunk" : "MESSAGE over TCP"
        case .tls: isTrunk ? "MESSAGE over TLS, from a trunk" : "MESSAGE over TLS"
        }
    }

    /// Who sends envelopes and notices understands them.
    private func noteKind(_ content: MessageContent, _ source: PendingMessage) {
        switch content {
        case .text(_, .none): break
        case .text, .notification:
            contacts.endpoint(source.address)?.takesCPIM = true
        case .composing: contacts.endpoint(source.address)?.takesNotices = true
        }
    }

    // MARK: Refusals

    func refuse(_ request: IncomingRequest, _ refusal: MessageContent.Refusal) {
        switch refusal {
        case .type: request.respond(.unsupportedMediaType) { $0.add(.accept, MessageContent.accepted) }
        case .encoding:
            request.respond(.unsupportedMediaType) { $0.add(.acceptEncoding, MessageContent.acceptedEncodings) }
        case .malformed: refuse(request, .badRequest, "the body is not what its type says")
        }
    }

    func refuse(_ request: IncomingRequest, _ status: SIPStatus, _ text: String) {
        let domain = server.config.domains.first ?? "localhost"
        request.respond(status) {
            // RFC 3261 §20.43; 399 is shown to people.
            let plain = text.filter { $0 != "\"" && $0 != "\\" && $0.isASCII }
            if !plain.isEmpty { $0.add(.warning, text: "399 \(JID.asciiDomain(domain)) \"\(plain.prefix(200))\"") }
        }
    }
}

extension SIPBytes {
    /// As `withBytes`, for bodies that say what they throw.
    func read<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let result: Result<Value, Failure> = withBytes { bytes in
            do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
