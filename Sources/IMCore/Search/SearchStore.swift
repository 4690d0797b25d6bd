import Storage
import XMPPWire

/// SQL of the search for people (XEP-0055).
public enum SearchStore {
    /// What can be searched; the raw values are stored.
    public enum Field: Int64, Sendable, CaseIterable {
        case first = 1
        case last = 2
        case nick = 3
        case email = 4
        case name = 5
    }

    public struct Entry: Sendable, Equatable {
        public var field: Field
        public var value: String

        public init(_ field: Field, _ value: String) {
            self.field = field
            self.value = value
        }
    }

    /// Holds when one of the fields, or the localpart, contains the text.
    public struct Term: Sendable, Equatable {
        public var fields: [Field]
        public var includesLocalpart: Bool
        public var text: String

        public init(_ fields: [Field], includesLocalpart: Bool = false, _ text: String) {
            self.fields = fields
            self.includesLocalpart = includesLocalpart
            self.text = text
        }
    }

    /// An account that was found.
    public struct Hit: Sendable, Equatable {
        public var jid: JID
        public var entries: [Entry]

        /// The first value of a field.
        public func value(_ field: Field) -> String? { entries.first { $0.field == field }?.value }
    }

    /// Values of one account, and characters of one value, at most.
    static let entriesPerUser = 32
    static let valueLength = 255

    /// Replaces what an account can be found by.
    public static func replace(_ entries: [Entry], of userID: Int64, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM search_entries WHERE user_id = ?", [.integer(userID)])
        for entry in entries.prefix(entriesPerUser) {
            let value = String(entry.value.prefix(valueLength))
            try transaction.execute(
                """
                INSERT INTO search_entries (user_id, field, folded, value) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
                """,
                [.integer(userID), .integer(entry.field.rawValue), .text(value.lowercased()), .text(value)])
        }
    }

    /// Accounts of these domains that meet every term, by address; at most `limit`.
    public static func find(
        _ terms: [Term], domains: [String], limit: Int, in transaction: any Transaction
    ) throws -> [Hit] {
        guard !domains.isEmpty, limit > 0 else { return [] }
        var sql = "SELECT id, localpart, domain FROM users WHERE domain IN (\(marks(domains.count)))"
        var arguments = domains.map { SQLValue.text($0) }
        for term in terms {
            let fields = term.fields.map { String($0.rawValue) }.joined(separator: ", ")
            sql += " AND (id IN (SELECT user_id FROM search_entries WHERE field IN (\(fields))"
            sql += " AND folded LIKE ? ESCAPE '!')"
            arguments.append(.text(pattern(term.text)))
            if term.includesLocalpart {
                sql += " OR localpart LIKE ? ESCAPE '!'"
                arguments.append(.text(pattern(term.text)))
            }
            sql += ")"
        }
        sql += " ORDER BY domain, localpart LIMIT ?"
        arguments.append(.integer(Int64(limit)))
        let users = try transaction.query(sql, arguments)
        guard !users.isEmpty else { return [] }
        let rows = try transaction.query(
            """
            SELECT user_id, field, value FROM search_entries WHERE user_id IN (\(marks(users.count)))
            ORDER BY user_id, field, value
            """, users.map { .integer($0.integer(0)) })
        var entries: [Int64: [Entry]] = [:]
        for row in rows {
            guard let field = Field(rawValue: row.integer(1)) else { continue }
            entries[row.integer(0), default: []].append(Entry(field, row.text(2)))
        }
        return users.map {
            Hit(
                jid: JID(preparedLocal: $0.text(1), domain: $0.text(2), resource: nil),
                entries: entries[$0.integer(0)] ?? [])
        }
    }

    private static func marks(_ count: Int) -> String {
        Array(repeating: "?", count: count).joined(separator: ", ")
    }

    /// Anywhere in the value; an asterisk stands for anything.
    static func pattern(_ text: String) -> String {
        var pattern = "%"
        for character in text.lowercased() {
            switch character {
            case "*": pattern += "%"
            case "%", "_", "!": pattern += "!" + String(character)
            default: pattern.append(character)
            }
        }
        return pattern + "%"
    }
}
