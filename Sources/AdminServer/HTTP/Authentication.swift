import Foundation
import HTTPTypes
import Hummingbird

/// Finds out who asks: the connection of the Unix socket, a token, or the cookie of a console session.
struct Authentication: RouterMiddleware {
    typealias Context = AdminRequestContext

    let admin: AdminInterface

    func handle(
        _ request: Request, context: AdminRequestContext,
        next: (Request, AdminRequestContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        if let header = request.headers[.authorization] {
            // A caller on the Unix socket may ask for less than it could do.
            context.principal = nil
            guard header.prefix(7).lowercased() == "bearer " else {
                throw AdminError(.unauthenticated, "expected Authorization: Bearer and a token")
            }
            let token = String(header.dropFirst(7)).trimmingCharacters(in: .whitespaces)
            context.principal = try await admin.access.principal(token: token, address: context.peer)
        } else if context.principal == nil, let secret = ConsoleCookie.secret(in: request.headers),
            let session = admin.access.session(secret: secret)
        {
            context.session = session
            context.principal = session.principal
            try Self.checkOrigin(request)
        }
        return try await next(request, context)
    }

    /// Requests that change something and come with a cookie come from the console's own pages (the browser says so
    /// itself), besides what the token of the form proves.
    private static func checkOrigin(_ request: Request) throws {
        guard request.method != .get, request.method != .head else { return }
        if let site = request.headers[.secFetchSite], site != "same-origin", site != "none" {
            throw AdminError(.forbidden, "the request comes from a page of another site")
        }
        if let origin = request.headers[.origin], let host = request.head.authority {
            guard origin.lowercased() == "https://" + host.lowercased() else {
                throw AdminError(.forbidden, "the request comes from a page of another site")
            }
        }
    }
}

/// The cookie of a console session.
public enum ConsoleCookie {
    /// The prefix makes browsers refuse it without `Secure`, with a domain or with another path (RFC 6265bis §4.1.3).
    public static let name = "__Host-roost"

    /// Sets the cookie; it goes with the browser's session, the server ends it earlier.
    public static func header(secret: String) -> String {
        "\(name)=\(secret); Path=/; Secure; HttpOnly; SameSite=Strict"
    }

    /// Takes the cookie away.
    public static let removal = "\(name)=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"

    static func secret(in headers: HTTPFields) -> String? {
        for header in headers[values: .cookie] {
            for pair in header.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == name else { continue }
                return parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
        return nil
    }
}
