import NIOCore
import NIOHTTP1

/// One request, complete with its body.
public struct HTTPRequest {
    public var method: HTTPMethod
    /// Without the query.
    public var path: String
    /// What stands behind `?`, still encoded; nil without one.
    public var query: String?
    public var headers: HTTPHeaders
    public var body: ByteBuffer
    /// IP address of the client; behind a trusted proxy, the one that the proxy names.
    public var address: String
    /// Nobody can listen on the way: TLS up to here, or up to a trusted proxy that does not say otherwise.
    public var isSecure: Bool
    /// TLS ends here, not at a proxy.
    public var usesTLS: Bool

    public init(
        method: HTTPMethod, path: String, query: String? = nil, headers: HTTPHeaders = [:],
        body: ByteBuffer = ByteBuffer(), address: String, isSecure: Bool, usesTLS: Bool
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.address = address
        self.isSecure = isSecure
        self.usesTLS = usesTLS
    }
}

/// What answers a request. The length is added when it is written.
public struct HTTPResponse {
    public var status: HTTPResponseStatus
    public var headers: HTTPHeaders
    public var body: ByteBuffer
    /// In place of `body`.
    public var source: (any HTTPBodySource)?

    public init(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A few words for people.
    public static func text(_ status: HTTPResponseStatus, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status, headers: ["content-type": "text/plain; charset=utf-8"], body: ByteBuffer(string: text + "\n"))
    }
}

/// What becomes of a request to upgrade a connection (RFC 9110 §7.8).
public enum HTTPUpgrade {
    case refuse(HTTPResponse)
    /// Answered with 101 and `headers`; `install` then adds the handlers of the new protocol to the end of the pipeline.
    case accept(headers: HTTPHeaders, install: (any Channel) throws -> Void)
}

/// Part of the HTTP server that answers for one path and all below it. Confined to the event loop of its front.
public protocol HTTPMount: AnyObject {
    /// Begins with a slash and does not end with one. The longest path that fits a request serves it.
    var path: String { get }
    /// Largest request body in bytes; a larger one is answered with 413.
    var bodyBytes: Int { get }
    /// Whether `intake` wants to be asked.
    var takesBodies: Bool { get }
    /// Asked about a request before its body is read; `body` is empty. What is answered through the exchange here must
    /// come from a sink.
    func intake(_ request: HTTPRequest, _ exchange: HTTPExchange) -> HTTPIntake
    /// Answers, now or later, through the exchange.
    func receive(_ request: HTTPRequest, _ exchange: HTTPExchange)
    /// Nil for a protocol that is not known here: the request is then one like any other.
    func upgrade(_ request: HTTPRequest) -> HTTPUpgrade?
    /// Once a second, in monotonic milliseconds.
    func tick(_ uptime: Int64)
}

extension HTTPMount {
    public var bodyBytes: Int { 65_536 }
    public var takesBodies: Bool { false }
    public func intake(_ request: HTTPRequest, _ exchange: HTTPExchange) -> HTTPIntake { .gather }
    public func upgrade(_ request: HTTPRequest) -> HTTPUpgrade? { nil }
    public func tick(_ uptime: Int64) {}
}

/// A request that waits for its answer. Requests of one connection may wait at the same time (pipelining); answers
/// leave in the order of the requests.
public final class HTTPExchange {
    weak var connection: HTTPConnection?
    var keepsAlive: Bool
    let isHead: Bool
    /// Added to the answer, whatever it is.
    public var headers: HTTPHeaders = [:]
    var response: HTTPResponse?
    /// Called once when the connection ends before the answer was given.
    public var whenLost: (() -> Void)?

    init(connection: HTTPConnection, keepsAlive: Bool, isHead: Bool) {
        self.connection = connection
        self.keepsAlive = keepsAlive
        self.isHead = isHead
    }

    /// The client still waits for an answer.
    public var isOpen: Bool { connection != nil && response == nil }

    /// Answers. A second answer, or one to a connection that is gone, is dropped.
    public func respond(_ response: HTTPResponse) {
        guard isOpen else {
            response.source?.close()
            return
        }
        self.response = response
        whenLost = nil
        connection?.answered()
    }

    /// Whether the client has to wait with the rest of the body that it is sending.
    public func hold(_ isHeld: Bool) { connection?.hold(isHeld) }

    /// Ends the connection without an answer.
    public func abort() {
        whenLost = nil
        connection?.abort()
    }

    func lost() {
        connection = nil
        let body = whenLost
        whenLost = nil
        if let response { response.source?.close() } else { body?() }
    }
}
