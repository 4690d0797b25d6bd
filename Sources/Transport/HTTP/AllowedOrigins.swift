import NIOHTTP1

/// Web origins (RFC 6454) whose pages may use a resource, for CORS and for WebSocket handshakes.
public struct AllowedOrigins: Sendable, Equatable {
    private let all: Bool
    private let origins: Set<String>

    /// Origins such as `https://chat.example.com`; `*` allows any.
    public init(_ list: [String]) {
        all = list.contains("*")
        origins = Set(list.map { $0.lowercased() })
    }

    /// A request without an origin does not come from a page; it is never refused.
    public func allows(_ request: HTTPRequest) -> Bool {
        guard !all, let origin = request.headers.first(name: "origin") else { return true }
        return origins.contains(origin.lowercased())
    }

    /// Adds what lets the page of an allowed origin read the answer (Fetch, §3.2 CORS protocol).
    public func add(to headers: inout HTTPHeaders, for request: HTTPRequest) {
        if all {
            headers.replaceOrAdd(name: "access-control-allow-origin", value: "*")
        } else if let origin = request.headers.first(name: "origin"), allows(request) {
            headers.replaceOrAdd(name: "access-control-allow-origin", value: origin)
            headers.add(name: "vary", value: "Origin")
        }
    }

    /// The answer to a preflight request, or to `OPTIONS` of any kind.
    public func preflight(_ request: HTTPRequest, methods: String) -> HTTPResponse {
        guard allows(request) else { return .text(.forbidden, "this origin is not allowed") }
        var headers: HTTPHeaders = [
            "allow": methods, "access-control-allow-methods": methods,
            "access-control-allow-headers": "Content-Type", "access-control-max-age": "86400",
        ]
        add(to: &headers, for: request)
        return HTTPResponse(.noContent, headers: headers)
    }
}
