import Foundation

/// What the admin socket can be asked. The raw value is the `verb` of a request.
///
/// The protocol is one JSON object a line in each direction, answers in the order of the requests:
///
///     → {"id": 1, "verb": "user.show", "arguments": {"jid": "anna@example.com"}}
///     ← {"id": 1, "result": {…}}
///     ← {"id": 1, "error": {"condition": "notFound", "text": "there is no account anna@example.com"}}
public enum AdminVerb: String, Sendable, CaseIterable {
    /// `AdminUserRequest` → `AdminDone`
    case addUser = "user.add"
    /// `AdminUserBatch` → `[AdminRowFailure]`
    case addUsers = "user.import"
    /// `AdminTarget` → `AdminDone`
    case removeUser = "user.remove"
    /// `AdminUserRequest` → `AdminDone`
    case setPassword = "user.password"
    /// → `[AdminUser]`
    case listUsers = "user.list"
    /// `AdminTarget` → `AdminUserDetail`
    case showUser = "user.show"
    /// → `[AdminSession]`
    case listSessions = "session.list"
    /// `AdminTarget` → `AdminCount`
    case endSessions = "session.end"
    /// → `AdminStatus`
    case status
    /// `AdminExportRequest` → `AdminExportPage`
    case exportUser = "user.export"
    /// `AdminPortableBatch` → `AdminPortableReport`
    case importUsers = "user.import-xml"
}

/// Arguments of a verb about one address.
public struct AdminTarget: Codable, Sendable, Equatable {
    public var jid: String

    public init(jid: String) {
        self.jid = jid
    }
}

/// Arguments of `user.import`.
public struct AdminUserBatch: Codable, Sendable, Equatable {
    public var users: [AdminUserRequest]

    public init(users: [AdminUserRequest]) {
        self.users = users
    }
}

/// Arguments of verbs that take none, and the result of verbs that have nothing to say.
public struct AdminDone: Codable, Sendable, Equatable {
    public init() {}
}

/// How many things a verb changed.
public struct AdminCount: Codable, Sendable, Equatable {
    public var count: Int

    public init(count: Int) {
        self.count = count
    }
}

/// Bounds of the admin protocol; the client and the server agree on them.
public enum AdminLimits {
    /// Bytes of a request line without its line feed.
    public static let requestBytes = 16 * 1_048_576
    /// Bytes of a response line without its line feed; a list of a million users fits.
    public static let responseBytes = 256 * 1_048_576
    /// Connections at a time; the next one is told so and closed.
    public static let connections = 64
    /// Seconds without a byte in either direction before the server closes a connection.
    public static let idleSeconds = 600
    /// Seconds the client waits for an answer.
    public static let answerSeconds = 300
}

/// The parts of a request that every verb has.
struct AdminRequestHead: Codable {
    var id: Int
    var verb: String
}

struct AdminRequest<Arguments: Encodable>: Encodable {
    var id: Int
    var verb: String
    var arguments: Arguments
}

struct AdminArguments<Arguments: Decodable>: Decodable {
    var arguments: Arguments
}

struct AdminSuccess<Result: Encodable>: Encodable {
    var id: Int
    var result: Result
}

/// `id` is nil when the request could not be read that far.
struct AdminRefusal: Codable {
    var id: Int?
    var error: AdminError
}

struct AdminResponse<Result: Decodable>: Decodable {
    var id: Int?
    var result: Result?
    var error: AdminError?
}
