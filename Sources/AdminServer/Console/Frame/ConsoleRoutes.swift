import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// What a page answers with.
enum ConsoleAnswer: Sendable {
    case page(ConsolePage)
    /// 303: the browser asks for the next page with GET, so that loading it again repeats nothing.
    case redirect(String, cookies: [String] = [])
    case json(Data)
    /// A file to keep, in parts: each call gives the next, nil at the end.
    case file(name: String, next: @Sendable () async throws -> String?)
}

/// Registers pages; sees to sign-in, the token of forms, and errors.
struct ConsoleRoutes {
    typealias Handler = @Sendable (ConsoleRequest) async throws -> ConsoleAnswer
    typealias FormHandler = @Sendable (ConsoleRequest, ConsoleForm) async throws -> ConsoleAnswer

    let site: ConsoleSite
    let router: Router<AdminRequestContext>

    /// A page for those who have signed in.
    func get(_ path: String, _ handler: @escaping Handler) {
        add(.get, path) { request in
            guard request.session != nil else { return try await Self.toSignIn(request) }
            return try await handler(request)
        }
    }

    /// A change by those who have signed in, from a form of their session.
    func post(_ path: String, limit: Int = AdminLimits.bodyBytes, _ handler: @escaping FormHandler) {
        add(.post, path) { request in
            let form = try await Self.form(of: request, limit: limit)
            guard let session = request.session else { return try await Self.toSignIn(request) }
            guard session.matches(csrf: form["csrf"] ?? "") else { throw ConsoleFailure.expiredForm }
            return try await handler(request, form)
        }
    }

    /// A page for anybody.
    func getOpen(_ path: String, _ handler: @escaping Handler) { add(.get, path, handler) }

    /// A form of anybody, from a page of this site.
    func postOpen(_ path: String, _ handler: @escaping FormHandler) {
        add(.post, path) { request in
            let form = try await Self.form(of: request, limit: AdminLimits.bodyBytes)
            guard Self.isOwn(request.request) else { throw ConsoleFailure.expiredForm }
            return try await handler(request, form)
        }
    }

    private func add(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        let site = site
        router.on(RouterPath(ConsolePath.root + path), method: method) { request, context in
            let request = ConsoleRequest(request, context: context, site: site)
            do {
                return await Self.response(try await handler(request), to: request)
            } catch {
                return await Self.failure(error, request)
            }
        }
    }

    /// Files that never change under their address.
    func addFiles() {
        let site = site
        router.get("/favicon.ico") { _, _ in
            Response(status: .movedPermanently, headers: [.location: site.assets + "/favicon.svg"])
        }
        router.get(RouterPath(ConsolePath.root + "/assets/:hash/:name")) { _, context in
            guard let asset = ConsoleResources.assets[context.parameters.get("name") ?? ""] else {
                return Response(status: .notFound)
            }
            return Response(
                status: .ok,
                headers: [.contentType: asset.type, .cacheControl: "public, max-age=31536000, immutable"],
                body: .init(byteBuffer: ByteBuffer(bytes: asset.bytes)))
        }
        router.get("/") { _, _ in
            Response(status: .seeOther, headers: [.location: ConsolePath.root + "/"])
        }
    }

    /// Whatever else is asked for below the console.
    func addFallback() {
        get("/**") { _ in throw AdminError(.notFound, "") }
    }

    // MARK: Requests

    private static func form(of request: ConsoleRequest, limit: Int) async throws -> ConsoleForm {
        let type = request.request.headers[.contentType] ?? ""
        guard type.lowercased().hasPrefix("application/x-www-form-urlencoded") else {
            throw AdminError(.unsupportedMediaType, "expected a form")
        }
        let body = try await request.request.body.collect(upTo: limit)
        return ConsoleForm(encoded: String(buffer: body))
    }

    /// Whether the browser says that the form is from this site (Fetch Metadata, RFC 6454 §7).
    static func isOwn(_ request: Request) -> Bool {
        if let site = request.headers[.secFetchSite], site != "same-origin", site != "none" { return false }
        if let origin = request.headers[.origin], let host = request.head.authority {
            return origin.lowercased() == "https://" + host.lowercased()
        }
        return true
    }

    private static func toSignIn(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        if try await request.admin.access.needsSetup() { return .redirect(ConsolePath.setup) }
        let isPage = request.request.method == .get && request.request.uri.path != ConsolePath.root + "/"
        return .redirect(ConsolePath.signIn + (isPage ? "?return=" + ConsoleForm.encoded(request.location) : ""))
    }

    // MARK: Answers

    private static func response(_ answer: ConsoleAnswer, to request: ConsoleRequest) async -> Response {
        switch answer {
        case .page(let page):
            let html = request.site.renderer.html(
                page.template, frame: await request.frame(for: page), model: page.model, language: request.language)
            return Response(
                status: .init(code: page.status),
                headers: [.contentType: "text/html; charset=utf-8", .contentLanguage: request.language.code],
                body: .init(byteBuffer: ByteBuffer(string: html)))
        case .redirect(let location, let cookies):
            var headers: HTTPFields = [.location: location]
            for cookie in cookies { headers.append(HTTPField(name: .setCookie, value: cookie)) }
            return Response(status: .seeOther, headers: headers)
        case .json(let data):
            return Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(bytes: data)))
        case .file(let name, let next):
            return Response(
                status: .ok,
                headers: [
                    .contentType: "text/csv; charset=utf-8", .contentDisposition: "attachment; filename=\"\(name)\"",
                ],
                body: ResponseBody { writer in
                    while let part = try await next() { try await writer.write(ByteBuffer(string: part)) }
                    try await writer.finish(nil)
                })
        }
    }

    private static func failure(_ error: any Error, _ request: ConsoleRequest) async -> Response {
        let language = request.language
        let (status, key, text): (Int, String, String?) =
            switch error {
            case ConsoleFailure.expiredForm: (403, "expired", nil)
            case let error as AdminError:
                switch error.condition {
                case .notFound: (404, "not_found", error.text.isEmpty ? nil : error.explanation)
                case .forbidden: (403, "forbidden", nil)
                case .internalError: (500, "internal", nil)
                default: (error.condition.problem.status, "invalid", error.explanation)
                }
            case let error as HTTPError: (Int(error.status.code), "invalid", error.body ?? "\(error.status)")
            default: (500, "internal", nil)
            }
        if status == 500 {
            request.admin.logger.error(
                "a page failed",
                metadata: ["request": "\(request.context.requestID)", "error": "\(error)"])
        }
        let model = FailureModel(
            status: status, heading: language["failure.\(key)"],
            text: text ?? language.optional("failure.\(key)_text") ?? "")
        var page = ConsolePage("failure", title: model.heading, model: model)
        page.status = status
        return await response(.page(page), to: request)
    }
}

/// Failures that only pages have.
enum ConsoleFailure: Error {
    /// The form does not belong to the session.
    case expiredForm
}

private struct FailureModel: Sendable {
    var status: Int
    var heading: String
    var text: String
    var isWide = false
}
