import NIOCore
import Transport

/// Where clients begin XMPP over WebSocket: `/xmpp-websocket`.
public final class WebSocketMount: XMPPMount {
    public static let location = "/xmpp-websocket"

    public let path = location
    private let server: C2SServer
    private var origins: AllowedOrigins
    private var isEnabled = true
    private var links: [ObjectIdentifier: WebSocketLink] = [:]

    public init(server: C2SServer, settings: WebSettings) {
        self.server = server
        origins = AllowedOrigins(settings.origins)
        isEnabled = settings.isEnabled
    }

    public func reconfigure(_ server: C2SServer, _ settings: WebSettings) {
        origins = AllowedOrigins(settings.origins)
        isEnabled = settings.isEnabled
    }

    /// Largest message in bytes. Above the largest stanza, so that one that is a little too large gets its stream error.
    static func frameBytes(_ config: C2SConfig) -> Int { config.stanzaBytes * 2 }

    public func receive(_ request: HTTPRequest, _ exchange: HTTPExchange) {
        if request.method == .OPTIONS { return exchange.respond(origins.preflight(request, methods: "GET, OPTIONS")) }
        var response = HTTPResponse.text(.upgradeRequired, "XMPP over WebSocket (RFC 7395) is spoken here")
        response.headers.add(name: "upgrade", value: "websocket")
        exchange.respond(response)
    }

    public func upgrade(_ request: HTTPRequest) -> HTTPUpgrade? {
        guard isEnabled else { return .refuse(.text(.serviceUnavailable, "WebSocket is switched off")) }
        guard origins.allows(request) else { return .refuse(.text(.forbidden, "this origin is not allowed")) }
        return WebSocketHandshake.answer(
            request, subprotocol: "xmpp", frameBytes: Self.frameBytes(server.config)
        ) { [self] in
            let session = server.open(address: request.address, isSecure: request.isSecure)
            return WebSocketLink(session: session, address: request.address, mount: self)
        }
    }

    func add(_ link: WebSocketLink) { links[ObjectIdentifier(link)] = link }

    func remove(_ link: WebSocketLink) { links[ObjectIdentifier(link)] = nil }

    public func tick(_ uptime: Int64) {
        for link in Array(links.values) { link.tick(uptime) }
    }
}
