import NIOCore
import NIOHTTP1
import Transport

/// The web chat: a page, its scripts and styles, and what it has to know of the deployment, at `/chat`.
///
/// Everything that it serves is public and the same for everybody; who somebody is shows only in the stream that the
/// page opens (RFC 7395). Confined to the event loop of its front.
public final class WebChatMount: HTTPMount {
    public static let location = "/chat"

    public let path = location
    public let bodyBytes = 0
    /// May be exchanged at any time.
    public var settings: WebChatSettings

    private let complete: (inout WebChatSettings) -> Void

    /// - Parameter complete: adds what is decided elsewhere; asked for each request of the configuration.
    public init(_ settings: WebChatSettings, complete: @escaping (inout WebChatSettings) -> Void = { _ in }) {
        self.settings = settings
        self.complete = complete
    }

    public func receive(_ request: HTTPRequest, _ exchange: HTTPExchange) { exchange.respond(response(to: request)) }

    func response(to request: HTTPRequest) -> HTTPResponse {
        guard settings.isOn else { return .text(.notFound, "nothing is here") }
        guard request.method == .GET || request.method == .HEAD else {
            var refusal = HTTPResponse.text(.methodNotAllowed, "ask with GET")
            refusal.headers.add(name: "allow", value: "GET, HEAD")
            return refusal
        }
        // Without the slash, the addresses in the page would point elsewhere.
        guard request.path != path else { return .redirect(to: path + "/") }
        let name = String(request.path.dropFirst(path.utf8.count + 1))
        if name == "config.json" {
            var current = settings
            complete(&current)
            let configuration = WebChatConfiguration(current, languages: WebChatAssets.catalogues.map(\.language))
            var headers = Self.protection
            headers.add(name: "content-type", value: "application/json")
            headers.add(name: "cache-control", value: "no-store")
            return HTTPResponse(.ok, headers: headers, body: ByteBuffer(bytes: configuration.json()))
        }
        guard let asset = WebChatAssets.all[name] else { return .text(.notFound, "nothing is here") }
        var headers = Self.protection
        headers.add(name: "content-type", value: asset.type)
        headers.add(name: "etag", value: asset.tag)
        // Asked again each time, so that a page never runs with the scripts of another version.
        headers.add(name: "cache-control", value: "no-cache")
        let known = request.headers[canonicalForm: "if-none-match"]
        if known.contains(where: { $0 == asset.tag || $0 == "*" || $0 == "W/" + asset.tag }) {
            return HTTPResponse(.notModified, headers: headers)
        }
        return HTTPResponse(.ok, headers: headers, body: asset.body)
    }

    /// Nothing runs and nothing is loaded that is not from here; nobody shows the page inside of another one.
    static let protection: HTTPHeaders = [
        "content-security-policy": [
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
            "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        ].joined(separator: "; "),
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
    ]
}

/// `/`, which leads to the web chat; every other address that nothing else answers for is not found.
public final class WebChatEntrance: HTTPMount {
    public let path = ""
    public let bodyBytes = 0
    /// May be exchanged at any time.
    public var isOn: Bool

    public init(isOn: Bool) { self.isOn = isOn }

    public func receive(_ request: HTTPRequest, _ exchange: HTTPExchange) { exchange.respond(response(to: request)) }

    func response(to request: HTTPRequest) -> HTTPResponse {
        guard request.path == "/" || request.path.isEmpty, request.method == .GET || request.method == .HEAD, isOn
        else { return .text(.notFound, "nothing is here") }
        return .redirect(to: WebChatMount.location + "/")
    }
}

extension HTTPResponse {
    /// - Parameter path: on this server.
    fileprivate static func redirect(to path: String) -> HTTPResponse {
        HTTPResponse(.found, headers: ["location": path, "cache-control": "no-cache"])
    }
}
