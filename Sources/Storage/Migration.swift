/// A named, append-only step of the schema. Never edited once released.
public struct Migration: Sendable {
    public let name: String
    public let statements: [String]

    public init(_ name: String, _ statements: [String]) {
        self.name = name
        self.statements = statements
    }
}

/// Applies the migrations that a database has not seen, each in the order given.
public enum Migrator {
    public static func apply(_ migrations: [Migration], to database: any Database) async throws {
        try await database.write { transaction in
            try transaction.execute(
                "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_ms BIGINT NOT NULL)", [])
            let done = Set(try transaction.query("SELECT name FROM migrations", []).map { $0.text(0) })
            for migration in migrations where !done.contains(migration.name) {
                for statement in migration.statements { try transaction.execute(statement, []) }
                try transaction.execute(
                    "INSERT INTO migrations (name, applied_ms) VALUES (?, 0)", [.text(migration.name)])
            }
        }
    }
}
