import Ground
import Storage

/// A token of the API, without what proves it.
public struct AdminToken: Codable, Sendable, Equatable {
    /// Names the token in lists and in the audit.
    public var id: String
    public var name: String
    public var role: AdminRole
    /// Beginnings of names of the operations that are allowed; empty for all of the role.
    public var scopes: [String]
    public var isReadOnly: Bool
    public var creator: String
    /// ISO 8601.
    public var created: String
    public var expires: String
    /// Within a minute; nil when never used.
    public var lastUsed: String?
}

/// SQL of API tokens.
enum TokenStore {
    /// Bound of the list.
    static let limit = 1_000
    private static let columns =
        "id, name, role, scopes, read_only, creator, created_ms, expires_ms, last_used_ms"

    static func all(in transaction: any Transaction) throws -> [AdminToken] {
        try transaction.query("SELECT \(columns) FROM admin_tokens ORDER BY created_ms, id", []).map(read)
    }

    static func count(in transaction: any Transaction) throws -> Int {
        Int(try transaction.query("SELECT count(*) FROM admin_tokens", [])[0].integer(0))
    }

    /// The token with this hash that has not expired, and when it was last used.
    static func token(
        hash: [UInt8], now: Int64, in transaction: any Transaction
    ) throws -> (token: AdminToken, lastUsed: Int64)? {
        try transaction.query(
            "SELECT \(columns) FROM admin_tokens WHERE hash = ? AND expires_ms > ?", [.blob(hash), .integer(now)]
        ).first.map { (read($0), $0.integer(8)) }
    }

    static func add(
        _ token: AdminToken, hash: [UInt8], now: Int64, expires: Int64, in transaction: any Transaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO admin_tokens (id, hash, name, role, scopes, read_only, creator, created_ms, expires_ms)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(token.id), .blob(hash), .text(token.name), .text(token.role.rawValue),
                .text(token.scopes.joined(separator: " ")), .bool(token.isReadOnly), .text(token.creator),
                .integer(now), .integer(expires),
            ])
    }

    /// What it was called; nil when there is none.
    static func remove(_ id: String, in transaction: any Transaction) throws -> String? {
        try transaction.query("DELETE FROM admin_tokens WHERE id = ? RETURNING name", [.text(id)]).first?.text(0)
    }

    /// Removes those that expired long ago.
    static func sweep(before instant: Int64, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM admin_tokens WHERE expires_ms < ?", [.integer(instant)])
    }

    static func used(_ id: String, now: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            "UPDATE admin_tokens SET last_used_ms = ? WHERE id = ?", [.integer(now), .text(id)])
    }

    private static func read(_ row: Row) -> AdminToken {
        AdminToken(
            id: row.text(0), name: row.text(1), role: AdminRole(rawValue: row.text(2)) ?? .auditor,
            scopes: row.text(3).split(separator: " ").map(String.init), isReadOnly: row.bool(4), creator: row.text(5),
            created: Timestamp.format(row.integer(6)), expires: Timestamp.format(row.integer(7)),
            lastUsed: row.optionalInteger(8).map { Timestamp.format($0) })
    }
}
