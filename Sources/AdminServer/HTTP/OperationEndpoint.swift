import Crypto
import Foundation
import HTTPTypes
import Hummingbird

/// Serves operations below `/api/v1`, and the description of them all.
struct OperationEndpoint: RouterMiddleware {
    typealias Context = AdminRequestContext

    let admin: AdminInterface
    private let description: Response

    init(admin: AdminInterface) {
        self.admin = admin
        description = JSONResponse.make(OpenAPIDocument.make(admin.operations))
    }

    func handle(
        _ request: Request, context: AdminRequestContext,
        next: (Request, AdminRequestContext) async throws -> Response
    ) async throws -> Response {
        let path = request.uri.path
        guard path == AdminRouting.apiPrefix || path.hasPrefix(AdminRouting.apiPrefix + "/") else {
            return try await next(request, context)
        }
        let rest = path.dropFirst(AdminRouting.apiPrefix.count)
        if rest == "/openapi.json" {
            guard request.method == .get || request.method == .head else {
                return MethodNotAllowed.response(["GET", "HEAD"], request: context.requestID)
            }
            return request.method == .head ? description.createHeadResponse() : description
        }
        switch admin.table.match(request.method.rawValue, rest) {
        case .unknown: throw AdminError(.notFound, "there is nothing at this path")
        case .otherMethods(let methods):
            return MethodNotAllowed.response(methods, request: context.requestID)
        case .found(let operation, let parameters):
            let response = try await answer(operation, parameters, request, context)
            return request.method == .head ? response.createHeadResponse() : response
        }
    }

    private func answer(
        _ operation: AdminOperation, _ path: [String: String], _ request: Request, _ context: AdminRequestContext
    ) async throws -> Response {
        guard let principal = context.principal else {
            throw AdminError(.unauthenticated, "this needs a token (docs/api.md), or a console session")
        }
        if let session = context.session, operation.changes {
            guard let token = request.headers[.csrfToken], session.matches(csrf: token) else {
                throw AdminError(.forbidden, "the request carries no X-CSRF-Token of this console session")
            }
        }
        let query = try Self.query(request.uri.query ?? "")
        let (body, isEmpty) = try await self.body(of: operation, request)
        let parameters = path.merging(query) { $1 }
        let call = OperationCall(
            operation, admin: admin, principal: principal, peer: context.peer, requestID: context.requestID,
            parameters: parameters, content: isEmpty ? .none : .json(body))
        // Who may not call it learns nothing from what else is wrong.
        if principal.mayPerform(operation) { try check(call, query, path, body: body, isEmpty: isEmpty) }
        guard operation.method == .post, let key = request.headers[.idempotencyKey] else {
            return try await respond(call, request)
        }
        return try await admin.idempotency.answer(
            key, of: principal.name, fingerprint: "\(operation.name) \(request.uri.string) \(Self.tag(of: body))"
        ) {
            do {
                return try await respond(call, request)
            } catch let error as AdminError {
                return error.response(request: context.requestID)
            }
        }
    }

    /// The body in whole, at most as large as the operation allows.
    private func body(of operation: AdminOperation, _ request: Request) async throws -> (Data, isEmpty: Bool) {
        let tooLarge = AdminError(.tooLarge, "\(operation.name) takes a body of at most \(operation.bodyBytes) bytes")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > operation.bodyBytes {
            throw tooLarge
        }
        var body = Data()
        for try await part in request.body {
            guard body.count + part.readableBytes <= operation.bodyBytes else { throw tooLarge }
            body.append(contentsOf: part.readableBytesView)
        }
        guard operation.body != nil else {
            guard body.isEmpty else { throw AdminError(.badRequest, "\(operation.name) takes no body") }
            return (body, true)
        }
        if body.isEmpty { return (body, true) }
        let type = request.headers[.contentType]?.split(separator: ";").first?.trimmingCharacters(in: .whitespaces)
        guard let type = type?.lowercased(), type == "application/json" || type.hasSuffix("+json") else {
            throw AdminError(.unsupportedMediaType, "expected Content-Type: application/json")
        }
        return (body, false)
    }

    private func check(
        _ call: OperationCall, _ query: [String: String], _ path: [String: String], body: Data, isEmpty: Bool
    ) throws {
        let operation = call.operation
        var faults = operation.faults(of: call.parameters)
        for name in query.keys where path[name] != nil {
            faults.append(SchemaFault(pointer: name, detail: "belongs into the path"))
        }
        guard faults.isEmpty else { throw AdminError(.badRequest, "a parameter is not allowed", faults: faults) }
        guard let schema = operation.body else { return }
        guard !isEmpty else { throw AdminError(.badRequest, "\(operation.name) needs a body") }
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: body) else {
            throw AdminError(.badRequest, "the body is not JSON")
        }
        let wrong = schema.faults(of: value)
        guard wrong.isEmpty else { throw AdminError(.invalid, "the body is not as expected", faults: wrong) }
    }

    // MARK: Answers

    private func respond(_ call: OperationCall, _ request: Request) async throws -> Response {
        let operation = call.operation
        if operation.changes, let wanted = request.headers[.ifMatch] {
            return try await admin.paths.withLock(request.uri.path) {
                try await compare(wanted, call)
                return try await perform(call, request)
            }
        }
        if operation.changes, admin.table.reader(of: operation) != nil {
            return try await admin.paths.withLock(request.uri.path) { try await perform(call, request) }
        }
        return try await perform(call, request)
    }

    private func perform(_ call: OperationCall, _ request: Request) async throws -> Response {
        let operation = call.operation
        let result = try await admin.perform(call)
        guard operation.result != nil else { return Response(status: .init(code: operation.status)) }
        var response = JSONResponse.make(result, status: .init(code: operation.status))
        if operation.isResource, operation.method == .get {
            let tag = Self.tag(of: try JSONResponse.encoder.encode(result))
            if let known = request.headers[.ifNoneMatch], Self.names(known, tag) {
                response = Response(status: .notModified)
            }
            response.headers[.eTag] = tag
        }
        if let page = result as? any Paged, let next = page.next {
            response.headers[.link] = "<\(Self.address(of: request, cursor: next))>; rel=\"next\""
        }
        if let location = operation.location?(result) {
            response.headers[.location] = AdminRouting.apiPrefix + location
        }
        return response
    }

    /// `If-Match` names the state that the change is meant for (RFC 9110 §13.1.1).
    private func compare(_ wanted: String, _ call: OperationCall) async throws {
        guard let reader = admin.table.reader(of: call.operation) else {
            throw AdminError(.badRequest, "\(call.operation.path) has no ETag to compare with")
        }
        guard call.principal.mayPerform(call.operation) else { return }
        let state = OperationCall(
            reader, admin: admin, principal: call.principal, peer: call.peer, requestID: call.requestID,
            parameters: call.parameters.filter { given in reader.parameters.contains { $0.name == given.key } },
            content: .none)
        let tag: String
        do {
            tag = Self.tag(of: try JSONResponse.encoder.encode(try await reader.run(state)))
        } catch let error as AdminError where error.condition == .notFound {
            throw AdminError(.preconditionFailed, error.text)
        }
        guard Self.names(wanted, tag) else {
            throw AdminError(.preconditionFailed, "\(call.note.target) has changed: read it again")
        }
    }

    static func tag(of body: Data) -> String {
        "\""
            + SHA256.hash(data: body).prefix(16).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
            .joined()
            + "\""
    }

    /// Whether a list of entity tags names the one, or any.
    private static func names(_ list: String, _ tag: String) -> Bool {
        list.split(separator: ",").contains { entry in
            let entry = entry.trimmingCharacters(in: .whitespaces)
            return entry == "*" || entry == tag
        }
    }

    private static func address(of request: Request, cursor: String) -> String {
        let parts = (request.uri.query ?? "").split(separator: "&").filter { !$0.hasPrefix("cursor=") }
        let encoded = cursor.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return request.uri.path + "?" + (parts.map(String.init) + ["cursor=" + encoded]).joined(separator: "&")
    }

    /// Parameters of a query, decoded.
    static func query(_ text: String) throws -> [String: String] {
        var found: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            func decode(_ part: Substring) throws -> String {
                guard let text = part.replacing("+", with: " ").removingPercentEncoding, !text.contains("\0") else {
                    throw AdminError(.badRequest, "the query is not percent-encoded UTF-8")
                }
                return text
            }
            let name = try decode(parts[0])
            guard found[name] == nil else {
                throw AdminError(
                    .badRequest, "a parameter is given twice", faults: [.init(pointer: name, detail: "is given twice")])
            }
            found[name] = parts.count > 1 ? try decode(parts[1]) : ""
        }
        return found
    }
}

/// 405 with the methods that there are (RFC 9110 §15.5.6).
enum MethodNotAllowed {
    static func response(_ methods: [String], request: String) -> Response {
        let listed = methods.joined(separator: ", ")
        var response = AdminError(.methodNotAllowed, "expected \(listed)").response(request: request)
        response.headers[.allow] = listed
        return response
    }
}
