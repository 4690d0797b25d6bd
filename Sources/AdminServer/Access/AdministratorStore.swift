import Ground
import Storage

/// Somebody who may sign in to the console.
public struct Administrator: Codable, Sendable, Equatable {
    public var name: String
    public var role: AdminRole
    public var isDisabled: Bool
    /// ISO 8601.
    public var created: String
    /// ISO 8601; nil when never signed in.
    public var lastLogin: String?

    public init(name: String, role: AdminRole, isDisabled: Bool, created: String, lastLogin: String?) {
        self.name = name
        self.role = role
        self.isDisabled = isDisabled
        self.created = created
        self.lastLogin = lastLogin
    }
}

/// SQL of administrators.
enum AdministratorStore {
    /// Bound of the list.
    static let limit = 1_000

    static func all(in transaction: any Transaction) throws -> [Administrator] {
        try transaction.query(
            "SELECT name, role, disabled, created_ms, last_login_ms FROM administrators ORDER BY name", []
        ).map(administrator)
    }

    static func administrator(_ name: String, in transaction: any Transaction) throws -> Administrator? {
        try transaction.query(
            "SELECT name, role, disabled, created_ms, last_login_ms FROM administrators WHERE name = ?",
            [.text(name)]
        ).first.map(administrator)
    }

    static func count(in transaction: any Transaction) throws -> Int {
        Int(try transaction.query("SELECT count(*) FROM administrators", [])[0].integer(0))
    }

    /// Superusers who may sign in, without the one named.
    static func otherSuperusers(than name: String, in transaction: any Transaction) throws -> Int {
        Int(
            try transaction.query(
                "SELECT count(*) FROM administrators WHERE role = ? AND disabled = 0 AND name <> ?",
                [.text(AdminRole.superuser.rawValue), .text(name)])[0].integer(0))
    }

    static func hash(_ name: String, in transaction: any Transaction) throws -> String? {
        try transaction.query("SELECT hash FROM administrators WHERE name = ?", [.text(name)]).first?.text(0)
    }

    /// False when the name is taken.
    static func add(
        _ name: String, hash: PasswordHash, role: AdminRole, now: Int64, in transaction: any Transaction
    ) throws -> Bool {
        try transaction.execute(
            """
            INSERT INTO administrators (name, hash, role, created_ms, disabled) VALUES (?, ?, ?, ?, 0)
            ON CONFLICT DO NOTHING
            """, [.text(name), .text(hash.text), .text(role.rawValue), .integer(now)]) > 0
    }

    static func setHash(_ hash: PasswordHash, of name: String, in transaction: any Transaction) throws {
        try transaction.execute(
            "UPDATE administrators SET hash = ? WHERE name = ?", [.text(hash.text), .text(name)])
    }

    static func set(
        _ role: AdminRole, isDisabled: Bool, of name: String, in transaction: any Transaction
    ) throws {
        try transaction.execute(
            "UPDATE administrators SET role = ?, disabled = ? WHERE name = ?",
            [.text(role.rawValue), .bool(isDisabled), .text(name)])
    }

    static func remove(_ name: String, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM administrators WHERE name = ?", [.text(name)])
    }

    static func signedIn(_ name: String, now: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            "UPDATE administrators SET last_login_ms = ? WHERE name = ?", [.integer(now), .text(name)])
    }

    private static func administrator(row: Row) -> Administrator {
        Administrator(
            name: row.text(0), role: AdminRole(rawValue: row.text(1)) ?? .auditor, isDisabled: row.bool(2),
            created: Timestamp.format(row.integer(3)), lastLogin: row.optionalInteger(4).map { Timestamp.format($0) })
    }
}
