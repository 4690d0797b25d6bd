import Foundation
import HTTPTypes
import Hummingbird

/// The body of every error answer, `application/problem+json` (RFC 9457).
public struct Problem: Codable, Sendable, Equatable {
    public struct Fault: Codable, Sendable, Equatable {
        public var detail: String
        /// Place in the body, a JSON pointer as a URI fragment.
        public var pointer: String?
        /// Name of a parameter of the path or the query.
        public var parameter: String?
    }

    /// `urn:roost:problem:` and one of the words of docs/api.md; never changes its meaning.
    public var type: String
    public var title: String
    public var status: Int
    public var detail: String
    /// The request, as the log of the server calls it.
    public var request: String?
    public var errors: [Fault]?

    public init(_ error: AdminError, request: String?) {
        let kind = error.condition.problem
        type = Self.prefix + kind.word
        title = kind.title
        status = kind.status
        detail = error.text
        self.request = request
        let listed = error.faults.map { fault in
            fault.pointer.isEmpty || fault.pointer.hasPrefix("/")
                ? Fault(detail: fault.detail, pointer: "#" + fault.pointer)
                : Fault(detail: fault.detail, parameter: fault.pointer)
        }
        errors = listed.isEmpty ? nil : listed
    }

    public static let prefix = "urn:roost:problem:"

    /// The error that was told.
    public var error: AdminError {
        let condition = AdminError.Condition.allCases.first { Self.prefix + $0.problem.word == type }
        return AdminError(
            condition ?? .internalError, detail,
            faults: (errors ?? []).map { fault in
                SchemaFault(
                    pointer: fault.parameter ?? String((fault.pointer ?? "#").dropFirst()), detail: fault.detail)
            })
    }
}

extension AdminError.Condition {
    var problem: (word: String, status: Int, title: String) {
        switch self {
        case .badRequest: ("bad-request", 400, "The request is not as expected")
        case .unauthenticated: ("unauthenticated", 401, "Sign in first")
        case .forbidden: ("forbidden", 403, "Not allowed")
        case .notFound: ("not-found", 404, "There is no such thing")
        case .methodNotAllowed: ("method-not-allowed", 405, "Not with this method")
        case .conflict: ("conflict", 409, "In the way of something else")
        case .preconditionFailed: ("precondition-failed", 412, "It has changed meanwhile")
        case .tooLarge: ("too-large", 413, "The body is too large")
        case .unsupportedMediaType: ("unsupported-media-type", 415, "The body is of another kind than expected")
        case .invalid: ("invalid", 422, "A value is not allowed")
        case .tooManyRequests: ("too-many-requests", 429, "Too many attempts")
        case .internalError: ("internal-error", 500, "The server failed")
        case .unavailable: ("unavailable", 503, "Not now")
        }
    }
}

extension AdminError: HTTPResponseError {
    public var status: HTTPResponse.Status { .init(code: condition.problem.status) }

    public func response(from request: Request, context: some RequestContext) throws -> Response {
        response(request: (context as? AdminRequestContext)?.requestID)
    }

    /// The answer that tells the error.
    func response(request: String?) -> Response {
        let problem = Problem(self, request: request)
        var response = JSONResponse.make(problem, status: status, type: "application/problem+json")
        if condition == .unauthenticated { response.headers[.wwwAuthenticate] = "Bearer realm=\"roost\"" }
        if let retrySeconds { response.headers[.retryAfter] = "\(retrySeconds)" }
        return response
    }
}

enum JSONResponse {
    static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        return encoder
    }()

    /// An answer; the encoding of the API's own types does not fail, and if it did the answer would say so.
    static func make(
        _ value: some Encodable, status: HTTPResponse.Status = .ok, type: String = "application/json"
    ) -> Response {
        guard let body = try? encoder.encode(value) else { return Response(status: .internalServerError) }
        return Response(
            status: status, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}
