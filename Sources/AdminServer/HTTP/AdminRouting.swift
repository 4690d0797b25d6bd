import HTTPTypes
import Hummingbird
import Logging

/// Pages and other routes that are served beside the API.
public protocol AdminPages: Sendable {
    /// Adds routes; errors they throw as `AdminError` become problem answers, unless the pages catch them.
    func add(to router: Router<AdminRequestContext>, admin: AdminInterface)
}

/// Collects everything the administration interface serves over HTTP: the API below `/api/v1`, and pages.
public struct AdminRouting {
    /// Below it stand the operations.
    public static let apiPrefix = "/api/v1"

    let admin: AdminInterface
    let pages: [any AdminPages]

    public init(_ admin: AdminInterface, pages: [any AdminPages] = []) {
        self.admin = admin
        self.pages = pages
    }

    /// What answers requests, whichever listener they come from.
    public func responder() -> RouterResponder<AdminRequestContext> {
        let router = Router(context: AdminRequestContext.self, options: [.autoGenerateHeadEndpoints])
        router.add(middleware: ResponseHeaders())
        router.add(middleware: ProblemAnswers())
        router.add(middleware: Authentication(admin: admin))
        router.add(middleware: OperationEndpoint(admin: admin))
        for pages in pages { pages.add(to: router, admin: admin) }
        return router.buildResponder()
    }
}

/// Headers that every answer has.
struct ResponseHeaders: RouterMiddleware {
    typealias Context = AdminRequestContext

    func handle(
        _ request: Request, context: AdminRequestContext,
        next: (Request, AdminRequestContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        func set(_ name: HTTPField.Name, _ value: String) {
            if response.headers[name] == nil { response.headers[name] = value }
        }
        set(.xContentTypeOptions, "nosniff")
        set(.strictTransportSecurity, "max-age=31536000")
        set(.contentSecurityPolicy, Self.policy)
        set(.referrerPolicy, "same-origin")
        set(.crossOriginOpenerPolicy, "same-origin")
        set(.crossOriginResourcePolicy, "same-origin")
        set(.requestID, context.requestID)
        // What an administrator sees stays in no cache; files of the console say otherwise themselves.
        set(.cacheControl, "no-store")
        return response
    }

    /// No script or style in a page itself, nothing from elsewhere, in nobody's frame.
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
}

/// Makes a problem answer of everything that goes wrong.
struct ProblemAnswers: RouterMiddleware {
    typealias Context = AdminRequestContext

    func handle(
        _ request: Request, context: AdminRequestContext,
        next: (Request, AdminRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as AdminError {
            return error.response(request: context.requestID)
        } catch let error as HTTPError {
            let condition = AdminError.Condition.allCases.first { $0.problem.status == Int(error.status.code) }
            let text = error.body ?? (error.status == .notFound ? "there is nothing at this path" : "\(error.status)")
            return AdminError(condition ?? .badRequest, text).response(request: context.requestID)
        } catch {
            context.logger.error(
                "admin request failed", metadata: ["request": "\(context.requestID)", "error": "\(error)"])
            return AdminError(.internalError, "the log of the server has more").response(request: context.requestID)
        }
    }
}

extension HTTPField.Name {
    static let referrerPolicy = Self("Referrer-Policy")!
    static let crossOriginOpenerPolicy = Self("Cross-Origin-Opener-Policy")!
    static let requestID = Self("X-Request-ID")!
    static let idempotencyKey = Self("Idempotency-Key")!
    static let csrfToken = Self("X-CSRF-Token")!
    static let secFetchSite = Self("Sec-Fetch-Site")!
    static let link = Self("Link")!
}
