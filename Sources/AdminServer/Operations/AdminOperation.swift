import Foundation

/// One thing that administrators can ask of the server.
///
/// From these values come the routes of the HTTP API, its OpenAPI document, the checks of roles and scopes, the audit,
/// the actions of the console and the verbs of the command line.
public struct AdminOperation: Sendable {
    public enum Method: String, Sendable, CaseIterable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    /// A part of the path or of the query.
    public struct Parameter: Sendable {
        public enum Place: String, Sendable { case path, query }
        public var name: String
        public var place: Place
        public var schema: JSONSchema
        public var summary: String
        public var isRequired: Bool

        public static func path(_ name: String, _ summary: String, _ schema: JSONSchema = .string(1...3_071)) -> Self {
            Self(name: name, place: .path, schema: schema, summary: summary, isRequired: true)
        }

        public static func query(
            _ name: String, _ summary: String, _ schema: JSONSchema = .string(0...1_024), isRequired: Bool = false
        ) -> Self {
            Self(name: name, place: .query, schema: schema, summary: summary, isRequired: isRequired)
        }

        /// Entries of a page, and where it begins.
        public static let paging: [Self] = [
            .query("limit", "Entries of a page.", .integer(1...1_000)),
            .query("cursor", "Where the page begins: `next` of the page before.", .string(1...2_047)),
        ]
        public static let jid = Self.path("jid", "Address of the account, user@domain.")
    }

    /// `users.list`
    public let name: String
    public let method: Method
    /// Below `/api/v1`, for example `/users/{jid}`.
    public let path: String
    /// One sentence.
    public let summary: String
    /// More sentences, Markdown; empty for none.
    public let details: String
    public let parameters: [Parameter]
    /// Nil when the operation takes no body.
    public let body: JSONSchema?
    /// Nil when it answers with nothing (204).
    public let result: JSONSchema?
    public let roles: Set<AdminRole>
    /// Whether it changes something: it is audited, and closed to auditors and read-only tokens.
    public let changes: Bool
    /// Status of success: 200, 201 or 204.
    public let status: Int
    /// Bytes of the largest body.
    public let bodyBytes: Int
    /// One resource that has an `ETag` (RFC 9110 §8.8.3), which changes of the same path may name in `If-Match`.
    public let isResource: Bool
    /// Path of what was created, for `Location`.
    let location: Location?
    let run: Run

    /// The tag of the OpenAPI document: `users`.
    public var topic: String { String(name.prefix { $0 != "." }) }

    /// An operation without a body.
    public init<Result: Codable & Sendable>(
        _ name: String, _ method: Method, _ path: String, _ summary: String, details: String = "",
        parameters: [Parameter] = [], roles: Set<AdminRole>, changes: Bool? = nil, status: Int? = nil,
        isResource: Bool = false, result: Result.Type = Result.self,
        run: @escaping @Sendable (OperationCall) async throws -> Result
    ) {
        let erased: Run = { call in try await run(call) }
        self.init(
            name, method, path, summary, details, parameters, body: nil, result: Self.schema(result), roles, changes,
            status, AdminLimits.bodyBytes, isResource, location: nil, run: erased)
    }

    /// An operation with a body.
    public init<Body: Codable & Sendable, Result: Codable & Sendable>(
        _ name: String, _ method: Method, _ path: String, _ summary: String, details: String = "",
        parameters: [Parameter] = [], body: Body.Type, roles: Set<AdminRole>, changes: Bool? = nil,
        status: Int? = nil, bodyBytes: Int = AdminLimits.bodyBytes, isResource: Bool = false,
        result: Result.Type = Result.self, location: (@Sendable (Result) -> String)? = nil,
        run: @escaping @Sendable (OperationCall, Body) async throws -> Result
    ) {
        let erased: Run = { call in try await run(call, try call.body(as: Body.self)) }
        var place: Location?
        if let location { place = { result in (result as? Result).map(location) } }
        self.init(
            name, method, path, summary, details, parameters, body: JSONSchema.of(Body.self),
            result: Self.schema(result), roles, changes, status, bodyBytes, isResource, location: place, run: erased)
    }

    typealias Run = @Sendable (OperationCall) async throws -> any Encodable & Sendable
    typealias Location = @Sendable (any Encodable & Sendable) -> String?

    /// Nil for what answers with nothing.
    private static func schema(_ result: (some Codable & Sendable).Type) -> JSONSchema? {
        ObjectIdentifier(result) == ObjectIdentifier(AdminDone.self) ? nil : JSONSchema.of(result)
    }

    private init(
        _ name: String, _ method: Method, _ path: String, _ summary: String, _ details: String,
        _ parameters: [Parameter], body: JSONSchema?, result: JSONSchema?, _ roles: Set<AdminRole>, _ changes: Bool?,
        _ status: Int?, _ bodyBytes: Int, _ isResource: Bool, location: Location?, run: @escaping Run
    ) {
        self.name = name
        self.method = method
        self.path = path
        self.summary = summary
        self.details = details
        self.parameters = parameters
        self.body = body
        self.result = result
        self.roles = roles
        self.changes = changes ?? (method != .get)
        self.status = status ?? (result == nil ? 204 : 200)
        self.bodyBytes = bodyBytes
        self.isResource = isResource
        self.location = location
        self.run = run
    }

    /// The path without names of parameters, cut at the slashes; nil stands for a parameter.
    var segments: [String?] {
        path.split(separator: "/").map { $0.hasPrefix("{") ? nil : String($0) }
    }
}

/// What operations answer that have nothing to say.
public struct AdminDone: Codable, Sendable, Equatable {
    public init() {}
}

/// How many things an operation changed.
public struct AdminCount: Codable, Sendable, Equatable {
    public var count: Int

    public init(count: Int) {
        self.count = count
    }
}

/// A part of a list.
public struct AdminPage<Item: Codable & Sendable>: Codable, Sendable {
    public var items: [Item]
    /// `cursor` of the next page; nil at the end.
    public var next: String?
    /// Entries of all pages, where the server knows it.
    public var total: Int?

    public init(items: [Item], next: String? = nil, total: Int? = nil) {
        self.items = items
        self.next = next
        self.total = total
    }
}

extension AdminPage: Equatable where Item: Equatable {}

/// What the answer has a `Link` header from (RFC 8288).
protocol Paged {
    var next: String? { get }
}
extension AdminPage: Paged {}

/// Bounds of the administration interface.
public enum AdminLimits {
    /// Bytes of a request's body, where the operation does not say more.
    public static let bodyBytes = 1_048_576
    /// Bytes of the body of an import.
    public static let importBytes = 16 * 1_048_576
    /// Bytes of an answer that the command line takes.
    public static let responseBytes = 256 * 1_048_576
    /// Connections of the Unix socket at a time; the next one is told so and closed.
    public static let connections = 64
    /// Connections of the HTTPS listener at a time; the next one is closed.
    public static let remoteConnections = 256
    /// Seconds in which nothing moves in either direction before the server closes a connection.
    public static let idleSeconds = 600
    /// Seconds that a connection may wait for its next request.
    public static let requestSeconds = 75
    /// Seconds the command line waits for an answer.
    public static let answerSeconds = 300
}
