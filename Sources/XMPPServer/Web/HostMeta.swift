import Foundation
import NIOCore
import NIOHTTP1
import Transport
import XMPPWire

/// Where clients without DNS find WebSocket and BOSH (XEP-0156 §3, RFC 6415): `/.well-known/host-meta`.
public final class HostMetaMount: XMPPMount {
    public enum Format: String, CaseIterable, Sendable {
        case xml = "/.well-known/host-meta"
        case json = "/.well-known/host-meta.json"
    }

    public let path: String
    public let bodyBytes = 0
    private let format: Format
    private var domains: [String]
    private var settings: WebSettings

    public init(_ format: Format, domains: [String], settings: WebSettings) {
        self.format = format
        self.domains = domains
        self.settings = settings
        path = format.rawValue
    }

    public func reconfigure(_ server: C2SServer, _ settings: WebSettings) {
        domains = server.router.domainNames
        self.settings = settings
    }

    public func receive(_ request: HTTPRequest, _ exchange: HTTPExchange) {
        let anyone = AllowedOrigins(["*"])
        guard request.path == path else { return exchange.respond(.text(.notFound, "nothing is here")) }
        switch request.method {
        case .OPTIONS: exchange.respond(anyone.preflight(request, methods: "GET, HEAD, OPTIONS"))
        case .GET, .HEAD:
            anyone.add(to: &exchange.headers, for: request)
            exchange.respond(response(links(host: request.headers.first(name: "host"))))
        default: exchange.respond(.text(.methodNotAllowed, "ask with GET"))
        }
    }

    /// Relation and address; none when there is nothing with TLS to point at.
    func links(host: String?) -> [(rel: String, href: String)] {
        let base: String
        if !settings.publicURL.isEmpty {
            base = settings.publicURL
        } else if let port = settings.httpsPort {
            let asked = host.map { String($0.prefix { $0 != ":" }).lowercased() }
            let domain = domains.first { $0 == asked } ?? domains.first ?? "localhost"
            base = "https://\(domain)" + (port == 443 ? "" : ":\(port)")
        } else {
            return []
        }
        return [
            ("urn:xmpp:alt-connections:xbosh", base + BOSHMount.location),
            // https becomes wss, http ws.
            ("urn:xmpp:alt-connections:websocket", "ws" + base.dropFirst(4) + WebSocketMount.location),
        ]
    }

    private func response(_ links: [(rel: String, href: String)]) -> HTTPResponse {
        switch format {
        case .xml:
            let lines = links.map { "  <Link rel='\($0.rel)' href='\(XMLText.escape($0.href))'/>\n" }.joined()
            return HTTPResponse(
                .ok, headers: ["content-type": "application/xrd+xml; charset=utf-8"],
                body: ByteBuffer(
                    string: "<?xml version='1.0' encoding='utf-8'?>\n"
                        + "<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\n\(lines)</XRD>\n"))
        case .json:
            let object = ["links": links.map { ["rel": $0.rel, "href": $0.href] }]
            let bytes = try? JSONSerialization.data(
                withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
            return HTTPResponse(
                .ok, headers: ["content-type": "application/json"], body: ByteBuffer(bytes: bytes ?? Data()))
        }
    }
}

extension XMPPFeature {
    static var alternativeConnections: XMPPFeature {
        XMPPFeature(
            "alternative-connections",
            [Standard("XEP-0156", "Discovering Alternative XMPP Connection Methods", "1.4.0")])
    }
}
