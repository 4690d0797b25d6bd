import NIOCore
import NIOHTTP1
import Transport
import XMLWire

/// The connection manager of BOSH (XEP-0124): `/http-bind`.
public final class BOSHMount: XMPPMount {
    public static let location = "/http-bind"

    public let path = location
    public private(set) var bodyBytes = 0
    private(set) var settings: WebSettings
    private let server: C2SServer
    private var origins: AllowedOrigins
    private var limits = XMLLimits(elementBytes: 16_384, depth: 8)
    private var sessions: [String: BOSHSession] = [:]

    public init(server: C2SServer, settings: WebSettings) {
        self.server = server
        self.settings = settings
        origins = AllowedOrigins(settings.origins)
        reconfigure(server, settings)
    }

    public func reconfigure(_ server: C2SServer, _ settings: WebSettings) {
        self.settings = settings
        origins = AllowedOrigins(settings.origins)
        bodyBytes = max(settings.bodyBytes, server.config.stanzaBytes + 4_096)
        limits = XMLLimits(elementBytes: bodyBytes, depth: server.config.stanzaDepth + 1)
    }

    public func receive(_ request: HTTPRequest, _ exchange: HTTPExchange) {
        switch request.method {
        case .OPTIONS: exchange.respond(origins.preflight(request, methods: "POST, OPTIONS"))
        case .POST:
            guard origins.allows(request) else {
                return exchange.respond(.text(.forbidden, "this origin is not allowed"))
            }
            origins.add(to: &exchange.headers, for: request)
            post(request, exchange)
        case .GET, .HEAD: exchange.respond(.text(.ok, "XMPP over BOSH (XEP-0124) is spoken here"))
        default:
            var response = HTTPResponse.text(.methodNotAllowed, "send requests with POST")
            response.headers.add(name: "allow", value: "POST, OPTIONS")
            exchange.respond(response)
        }
    }

    private func post(_ request: HTTPRequest, _ exchange: HTTPExchange) {
        guard let body = try? BOSHRequest(request.body, limits: limits, frame: server.linkFrame), let rid = body.rid
        else {
            return refuse(exchange, "bad-request")
        }
        if let sid = body.sid {
            guard let session = sessions[sid] else { return refuse(exchange, "item-not-found") }
            return session.receive(body, rid: rid, exchange)
        }
        guard settings.isEnabled, !server.isDraining else { return refuse(exchange, "system-shutdown") }
        let session = BOSHSession(
            body, rid: rid, session: server.open(address: request.address, isSecure: request.isSecure),
            address: request.address, mount: self)
        sessions[session.sid] = session
        session.receive(body, rid: rid, exchange)
    }

    private func refuse(_ exchange: HTTPExchange, _ condition: String) {
        exchange.respond(
            HTTPResponse(
                .ok, headers: ["content-type": "text/xml; charset=utf-8"], body: BOSHSession.refusal(condition)))
    }

    func forget(_ session: BOSHSession) { sessions[session.sid] = nil }

    public func tick(_ uptime: Int64) {
        for session in Array(sessions.values) { session.tick(uptime) }
    }
}
