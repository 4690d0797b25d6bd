import Ground
import IMCore
import Interworking
import PresenceWire
import SIPWire
import XMPPWire

/// PUBLISH (RFC 3903): a user's own presence from a SIP client, and the state of lines from a trunk that may tell it.
final class PublishHandler: SIPMethodHandler {
    let methods: [SIPMethod] = [.publish]
    private unowned let server: SIPServer
    private var lastStem = UInt64.random(in: 0 ... .max)

    init(server: SIPServer) { self.server = server }

    /// What a request is about, as far as it does not depend on the home.
    private struct Wish {
        var event: Publication.Event
        var target: JID
        /// Name of the trunk; nil for a user.
        var trunk: String?
        var seconds: Int
        var tag: SIPBytes?
    }

    func handle(_ request: IncomingRequest) {
        let message = request.message
        guard let package = message.event?.package,
            let event: Publication.Event = package.matches("presence")
                ? .presence : package.matches("dialog") ? .dialog : nil
        else { return request.respond(.badEvent) { $0.add(.allowEvents, "presence, dialog") } }
        guard let uri = message.requestURI, let domain = server.domain(uri),
            let local = AddressMapping.jid(of: uri, keepsResource: false)?.local,
            let target = try? JID(local: local, domain: domain, resource: nil)
        else { return request.respond(.notFound) }
        var trunkName: String?
        switch request.sender {
        case .user(let jid): guard jid.bare == target else { return request.respond(.forbidden) }
        case .trunk(let trunk):
            guard trunk.publishesLineState else { return request.respond(.forbidden) }
            trunkName = trunk.name
        case .unknown: return request.respond(.forbidden)
        }
        // Calls are a matter of telephones, or of a client's own.
        guard let seconds = seconds(of: request) else { return }
        if message.hasBody, !isAcceptable(message, event) {
            return request.respond(.unsupportedMediaType) { $0.add(.accept, Self.mediaType(event)) }
        }
        let tag = message.first(.sipIfMatch)
        guard tag != nil || message.hasBody else { return request.respond(.badRequest, reason: "Missing Body") }
        let wish = Wish(event: event, target: target, trunk: trunkName, seconds: seconds, tag: tag)
        server.router.homes.withHome(target) { [self] home in
            guard let home else { return request.respond(.notFound) }
            if let tag = wish.tag { again(request, wish, home, tag) } else { first(request, wish, home) }
        }
    }

    // MARK: The four operations (§6)

    private func first(_ request: IncomingRequest, _ wish: Wish, _ home: UserHome) {
        let now = server.time.now
        lastStem &+= 0x9E37_79B9_7F4A_7C15
        let name = String(lastStem >> 24, radix: 36)
        guard let content = read(request, wish, home, client: name) else { return }
        // One that ends at once is valid, and leaves nothing (§4.1).
        let publication = Publication(
            source: content.source, event: wish.event, document: content.document, inputs: content.inputs,
            expires: now + Int64(wish.seconds) * 1_000, stem: lastStem)
        if wish.seconds > 0, !server.router.publish(publication, in: home) {
            return request.respond(.serviceUnavailable, reason: "Too Many Publications") {
                $0.add(.retryAfter, number: 300)
            }
        }
        confirm(request, publication, wish.seconds)
    }

    private func again(_ request: IncomingRequest, _ wish: Wish, _ home: UserHome, _ tag: SIPBytes) {
        guard
            let publication = home.publications.first(where: {
                $0.event == wish.event && $0.isLine == (wish.trunk != nil) && $0.matches(tag)
            })
        else { return request.respond(.conditionalRequestFailed) }
        let router = server.router
        guard wish.seconds > 0 else {
            router.withdraw(publication, from: home)
            return confirm(request, publication, 0)
        }
        let expires = server.time.now + Int64(wish.seconds) * 1_000
        if request.message.hasBody {
            var name = ""
            switch publication.source {
            case .client(let known), .line(let known): name = known
            default: break
            }
            guard let content = read(request, wish, home, client: name) else { return }
            router.modify(
                publication, of: home, document: content.document, inputs: content.inputs, expires: expires)
        } else {
            router.refresh(publication, of: home, expires: expires)
        }
        confirm(request, publication, wish.seconds)
    }

    private func confirm(_ request: IncomingRequest, _ publication: Publication, _ seconds: Int) {
        request.respond(.ok) {
            $0.add(.sipETag, publication.tag)
            $0.add(.expires, number: seconds)
        }
    }

    // MARK: Reading

    private struct Content {
        var source: PresenceInput.Source
        var document: [UInt8]
        var inputs: [PresenceInput]
    }

    /// Nil when the request was answered.
    private func read(_ request: IncomingRequest, _ wish: Wish, _ home: UserHome, client: String) -> Content? {
        let body = request.message.body
        let now = server.time.now
        do throws(DocumentFault) {
            switch wish.event {
            case .dialog:
                let calls = try DialogInfo(parsing: body)
                guard isAbout(calls.entity, home) else { throw .malformed("entity is somebody else") }
                let device = wish.trunk ?? client
                let source: PresenceInput.Source = wish.trunk == nil ? .client(client) : .line(device)
                return Content(
                    source: source, document: body.array,
                    inputs: ActivityMapping.inputs(of: calls, line: device, since: now))
            case .presence:
                var document = try PIDF(parsing: body)
                let isOwn = isAbout(document.entity, home)
                guard let trunk = wish.trunk else {
                    let inputs = ActivityMapping.inputs(of: document, client: client, since: now)
                    if isOwn { return Content(source: .client(client), document: body.array, inputs: inputs) }
                    // The document is about whom it was published for.
                    document.entity = String(decoding: AddressMapping.uri(of: home.jid, .pres), as: UTF8.self)
                    return Content(source: .client(client), document: document.bytes, inputs: inputs)
                }
                // One telephone of several: its tuple names it.
                let device = document.tuples.first.map { "\(trunk)/\($0.id.prefix(64))" } ?? trunk
                return Content(
                    source: .line(device), document: body.array,
                    inputs: ActivityMapping.inputs(of: document, line: device, since: now))
            }
        } catch {
            switch error {
            case .tooLarge, .tooComplex: request.respond(.requestEntityTooLarge)
            case .malformed(let reason):
                request.respond(.badRequest, reason: "Bad Document") {
                    $0.add(.warning, text: "399 roost \"\(reason.filter { $0 != "\"" && $0 != "\\" })\"")
                }
            }
            return nil
        }
    }

    private func isAbout(_ entity: String, _ home: UserHome) -> Bool {
        // Mostly it is written the usual way.
        let bytes = entity.utf8
        if let colon = bytes.firstIndex(of: 58), bytes[bytes.index(after: colon)...].elementsEqual(home.address) {
            return true
        }
        guard let uri = SIPURI(entity), let jid = AddressMapping.jid(of: uri, keepsResource: false) else {
            return false
        }
        return jid == home.jid || (jid.local == home.jid.local && server.domain(uri) == home.jid.domain)
    }

    private func isAcceptable(_ message: SIPMessage, _ event: Publication.Event) -> Bool {
        message.contentType.map { $0.name.matches(SIPBytes(Self.mediaType(event))) } ?? false
    }

    private static func mediaType(_ event: Publication.Event) -> StaticString {
        event == .presence ? "application/pidf+xml" : "application/dialog-info+xml"
    }

    /// Nil when it was answered.
    private func seconds(of request: IncomingRequest) -> Int? {
        let bounds = server.config.publish
        guard request.message.has(.expires) else { return bounds.standard }
        guard let given = request.message.expires else {
            request.respond(.badRequest, reason: "Bad Expires")
            return nil
        }
        if given == 0 { return 0 }
        guard given >= bounds.least else {
            request.respond(.intervalTooBrief) { $0.add(.minExpires, number: bounds.least) }
            return nil
        }
        return min(Int(given), bounds.most)
    }
}

extension Publication {
    fileprivate var isLine: Bool { if case .line = source { true } else { false } }
}
