import Foundation
import Ground
import Storage

/// Tables of the audit.
enum AuditSchema {
    static let migrations = [
        Migration(
            "audit-1",
            [
                """
                CREATE TABLE audit (
                    id INTEGER PRIMARY KEY, at_ms BIGINT NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL,
                    address TEXT NOT NULL, operation TEXT NOT NULL, target TEXT NOT NULL, value_before TEXT,
                    value_after TEXT, summary TEXT, outcome TEXT NOT NULL)
                """,
                "CREATE INDEX audit_by_who ON audit (who, id)",
                "CREATE INDEX audit_by_operation ON audit (operation, id)",
                "CREATE INDEX audit_by_time ON audit (at_ms)",
            ])
    ]
}

/// One line of the audit: who did what to what, and what came of it.
public struct AuditEntry: Codable, Sendable, Equatable {
    public enum Outcome: String, Codable, Sendable, CaseIterable {
        case done
        /// Not allowed, not possible or failed; `summary` says which.
        case refused
    }

    /// Longest of each text in characters; what is longer is cut.
    static let longest = 1_000

    /// Rising number; zero before it is stored.
    public var id: Int
    /// ISO 8601.
    public var at: String
    public var who: String
    public var role: String
    /// IP address, `local`, or `server`.
    public var address: String
    /// `users.create`
    public var operation: String
    public var target: String
    /// The value before the change.
    public var before: String?
    /// The value after the change.
    public var after: String?
    public var summary: String?
    public var outcome: Outcome

    public init(
        at: Int64, who: String, role: String, address: String, operation: String, target: String,
        before: String? = nil, after: String? = nil, summary: String? = nil, outcome: Outcome
    ) {
        func cut(_ text: String) -> String { String(text.prefix(Self.longest)) }
        id = 0
        self.at = Timestamp.format(at)
        self.who = cut(who)
        self.role = role
        self.address = cut(address)
        self.operation = operation
        self.target = cut(target)
        self.before = before.map(cut)
        self.after = after.map(cut)
        self.summary = summary.map(cut)
        self.outcome = outcome
    }

    init(_ call: OperationCall, outcome: Outcome, now: Int64) {
        let (principal, note) = (call.principal, call.note)
        self.init(
            at: now, who: principal.name, role: principal.role.rawValue, address: call.peer,
            operation: call.operation.name, target: note.target, before: note.before, after: note.after,
            summary: note.summary, outcome: outcome)
    }
}

/// SQL of the audit.
enum AuditStore {
    static func add(_ entry: AuditEntry, at instant: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO audit (id, at_ms, who, role, address, operation, target, value_before, value_after, summary,
                outcome)
            VALUES ((SELECT coalesce(max(id), 0) + 1 FROM audit), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(instant), .text(entry.who), .text(entry.role), .text(entry.address), .text(entry.operation),
                .text(entry.target), .optional(entry.before), .optional(entry.after), .optional(entry.summary),
                .text(entry.outcome.rawValue),
            ])
    }

    struct Query: Sendable {
        /// Part of the target, or of who.
        var text: String?
        /// The name or its beginning.
        var operation: String?
        var who: String?
        var outcome: String?
        /// Milliseconds since 1970, inclusive.
        var since: Int64?
        /// Only entries with a smaller id.
        var before: Int64?
        var limit: Int
    }

    /// The newest first, one more than `limit` when there are more.
    static func entries(_ query: Query, in transaction: any Transaction) throws -> [AuditEntry] {
        var conditions = ["1 = 1"]
        var arguments: [SQLValue] = []
        if let text = query.text {
            conditions.append("(target LIKE ? ESCAPE '!' OR who LIKE ? ESCAPE '!' OR summary LIKE ? ESCAPE '!')")
            arguments += Array(repeating: .text("%" + escaped(text) + "%"), count: 3)
        }
        if let operation = query.operation {
            conditions.append("operation LIKE ? ESCAPE '!'")
            arguments.append(.text(escaped(operation) + "%"))
        }
        if let who = query.who {
            conditions.append("who = ?")
            arguments.append(.text(who))
        }
        if let outcome = query.outcome {
            conditions.append("outcome = ?")
            arguments.append(.text(outcome))
        }
        if let since = query.since {
            conditions.append("at_ms >= ?")
            arguments.append(.integer(since))
        }
        if let before = query.before {
            conditions.append("id < ?")
            arguments.append(.integer(before))
        }
        return try transaction.query(
            """
            SELECT id, at_ms, who, role, address, operation, target, value_before, value_after, summary, outcome
            FROM audit WHERE \(conditions.joined(separator: " AND ")) ORDER BY id DESC LIMIT ?
            """, arguments + [.integer(Int64(query.limit + 1))]
        ).map { row in
            var entry = AuditEntry(
                at: row.integer(1), who: row.text(2), role: row.text(3), address: row.text(4), operation: row.text(5),
                target: row.text(6), before: row.optionalText(7), after: row.optionalText(8),
                summary: row.optionalText(9), outcome: .init(rawValue: row.text(10)) ?? .refused)
            entry.id = Int(row.integer(0))
            return entry
        }
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("!", with: "!!").replacing("%", with: "!%").replacing("_", with: "!_")
    }
}
