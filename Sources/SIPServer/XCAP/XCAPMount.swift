import Ground
import IMCore
import NIOCore
import NIOHTTP1
import PresenceWire
import Transport
import XMLWire
import XMPPWire

/// XCAP (RFC 4825) at `/xcap-root`: contact lists (RFC 4826) and presence rules (RFC 5025) of the core, for SIP clients.
///
/// Users reach their own tree only. Confined to the loop of the router, which is that of its front.
public final class XCAPMount: HTTPMount {
    public static let location = "/xcap-root"

    public let path = location
    public private(set) var bodyBytes: Int
    public var takesBodies: Bool { true }
    /// May change at any time.
    public var isOn: Bool

    /// Called when a document of a user may be another one.
    private var whenChanged: ((JID) -> Void)?
    private let router: Router
    private let service: XCAPService
    private let authentication: XCAPAuthentication

    public init(
        router: Router, credentials: IMCore.DigestCredentials, config: SIPConfig, time: any TimeSource,
        loop: NIOIsolatedEventLoop, isOn: Bool = true
    ) {
        self.router = router
        self.isOn = isOn
        bodyBytes = min(config.xcapBytes, XCAPDocument.limits.bytes)
        service = XCAPService(router: router, loop: loop)
        authentication = XCAPAuthentication(router: router, credentials: credentials, config: config, time: time)
    }

    /// XCAP of a SIP face, under its settings.
    public convenience init(_ server: SIPServer) {
        self.init(
            router: server.router, credentials: server.credentials ?? IMCore.DigestCredentials(router: server.router),
            config: server.config, time: server.time, loop: server.loop, isOn: server.config.isXCAPOn)
        whenChanged = { [weak server] user in server?.events?.documentsChanged(user) }
        server.whenReconfigured.append { [weak self, weak server] in
            guard let self, let server else { return }
            isOn = server.config.isXCAPOn
            bodyBytes = min(server.config.xcapBytes, XCAPDocument.limits.bytes)
            authentication.reconfigure(server.config)
        }
    }

    /// Nobody fills the memory who has not said who he is.
    public func intake(_ request: HTTPRequest, _ exchange: HTTPExchange) -> HTTPIntake {
        let hasBody = request.method == .PUT || request.method == .POST
        guard isOn, hasBody, !request.headers.contains(name: "authorization") else { return .gather }
        return .refuse(authentication.challenge(request, realm: realm(of: request), isStale: false))
    }

    public func receive(_ request: HTTPRequest, _ exchange: HTTPExchange) {
        answer(request) { exchange.respond($0) }
    }

    /// - Parameter then: called once, at once or later.
    func answer(_ request: HTTPRequest, then: @escaping (HTTPResponse) -> Void) {
        guard isOn else { return then(.text(.notFound, "nothing is here")) }
        let realm = realm(of: request)
        authentication.authenticate(request, realm: realm) { [self] verdict in
            switch verdict {
            case .user(let user): answer(request, from: user, then)
            case .challenge(let isStale): then(authentication.challenge(request, realm: realm, isStale: isStale))
            case .throttled: then(.later(.tooManyRequests, "too many failed logins", seconds: 60))
            case .unavailable: then(.busy)
            }
        }
    }

    private func path(of request: HTTPRequest) -> XCAPPath? {
        XCAPPath(String(request.path.dropFirst(path.utf8.count)), query: request.query)
    }

    /// The domain of the tree, or else the first one.
    private func realm(of request: HTTPRequest) -> String {
        let standard = router.domainNames.first ?? "localhost"
        guard case .user(let text) = path(of: request)?.tree, let owner = Self.owner(text) else { return standard }
        return router.serves(owner.domain) ? owner.domain : standard
    }

    /// `sip:anna@example.org`; some clients leave the scheme away.
    private static func owner(_ text: String) -> JID? {
        text.contains(":") ? XCAPAddress.jid(text)?.bare : try? JID(parsing: text)
    }

    private func answer(_ request: HTTPRequest, from user: JID, _ then: @escaping (HTTPResponse) -> Void) {
        switch request.method {
        case .GET, .HEAD, .PUT, .DELETE: break
        default: return then(.notAllowed("GET, HEAD, PUT, DELETE"))
        }
        guard let path = path(of: request) else { return then(.text(.notFound, "not the address of a document")) }
        guard case .user(let text) = path.tree else { return then(global(path, request)) }
        guard Self.owner(text) == user else { return then(.text(.forbidden, "that is somebody else's")) }
        guard let view = service.view(path.application), path.document == view.document else {
            return then(.text(.notFound, "there is no such document"))
        }
        var selector: NodeSelector?
        if let node = path.node {
            selector = NodeSelector(node, query: path.query, defaultNamespace: view.defaultNamespace)
            guard selector != nil else {
                return then(.text(.badRequest, "not a node selector (RFC 4825 §6.3)"))
            }
        }
        let query = XCAPQuery(view: view, selector: selector, request: request)
        router.homes.withHome(user) { [self] home in
            guard let home else { return then(.text(.notFound, "there is no such user")) }
            if request.method == .GET || request.method == .HEAD { return get(query, home, then) }
            guard view.keptAs != nil, selector?.terminal != .namespaces else { return then(.notAllowed("GET, HEAD")) }
            guard selector != nil || request.method == .PUT else {
                // The contact list and the rules are always there; an empty document empties them.
                return then(.notAllowed("GET, HEAD, PUT"))
            }
            let isTaken = service.exclusively(user) { [self] done in
                change(query, home) { response in
                    then(response)
                    done()
                }
            }
            if !isTaken { then(.busy) }
        }
    }

    private func global(_ path: XCAPPath, _ request: HTTPRequest) -> HTTPResponse {
        guard path.application == XCAPCapabilities.application, path.document == "index" else {
            return .text(.notFound, "there is no such document")
        }
        guard request.method == .GET || request.method == .HEAD else { return .notAllowed("GET, HEAD") }
        var selector: NodeSelector?
        if let node = path.node {
            selector = NodeSelector(node, query: path.query, defaultNamespace: XCAPCapabilities.namespace)
            guard selector != nil else { return .text(.badRequest, "not a node selector (RFC 4825 §6.3)") }
        }
        let snapshot = XCAPService.Snapshot(service.capabilities)
        return XCAPQuery.answer(snapshot, selector, XCAPCapabilities.contentType, request)
    }

    private func get(_ query: XCAPQuery, _ home: UserHome, _ then: @escaping (HTTPResponse) -> Void) {
        service.read(query.view, home) { snapshot in
            guard let snapshot else { return then(.busy) }
            then(XCAPQuery.answer(snapshot, query.selector, query.view.contentType, query.request))
        }
    }

    private func change(_ query: XCAPQuery, _ home: UserHome, _ then: @escaping (HTTPResponse) -> Void) {
        service.read(query.view, home) { [self] snapshot in
            guard let snapshot, !home.isRemoved else { return then(.busy) }
            switch query.edited(snapshot) {
            case .answer(let response): then(response)
            case .write(let root, let isNew):
                service.write(root, query.view, home) { [self] outcome in
                    finish(outcome, isNew: isNew, query, home, then)
                }
            }
        }
    }

    private func finish(
        _ outcome: XCAPOutcome, isNew: Bool, _ query: XCAPQuery, _ home: UserHome,
        _ then: @escaping (HTTPResponse) -> Void
    ) {
        whenChanged?(home.jid)
        service.read(query.view, home) { snapshot in
            guard let snapshot else { return then(.busy) }
            switch outcome {
            case .unavailable: then(.busy)
            case .refused(let failure): then(.conflict(failure, entityTag: snapshot.entityTag))
            case .done:
                then(HTTPResponse(isNew ? .created : .ok, headers: ["etag": snapshot.entityTag]))
            }
        }
    }
}

extension HTTPResponse {
    static var busy: HTTPResponse { .later(.serviceUnavailable, "try again in a moment", seconds: 1) }

    static func later(_ status: HTTPResponseStatus, _ text: String, seconds: Int) -> HTTPResponse {
        var response = HTTPResponse.text(status, text)
        response.headers.add(name: "retry-after", value: String(seconds))
        return response
    }

    static func notAllowed(_ methods: String) -> HTTPResponse {
        var response = HTTPResponse.text(.methodNotAllowed, "not with this resource")
        response.headers.add(name: "allow", value: methods)
        return response
    }

    /// 409 with the reason as RFC 4825 §11 has it.
    static func conflict(_ failure: XCAPFailure, entityTag: String? = nil) -> HTTPResponse {
        var headers: HTTPHeaders = ["content-type": XCAPFailure.contentType]
        if let entityTag { headers.add(name: "etag", value: entityTag) }
        return HTTPResponse(
            .conflict, headers: headers, body: ByteBuffer(bytes: XCAPDocument.bytes(of: failure.element)))
    }
}
