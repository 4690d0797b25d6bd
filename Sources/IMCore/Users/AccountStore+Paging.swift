import Storage

/// Lists of accounts, page by page.
extension AccountStore {
    /// A place in the order of domain and localpart.
    public struct Place: Sendable {
        public var domain: String
        public var localpart: String

        public init(domain: String, localpart: String) {
            self.domain = domain
            self.localpart = localpart
        }
    }

    public struct Query: Sendable {
        /// Part of the address or of the name, in any case; nil for all.
        public var text: String?
        public var domain: String?
        public var isAdmin: Bool?
        /// Only accounts that follow.
        public var after: Place?
        public var limit: Int

        public init(text: String?, domain: String?, isAdmin: Bool?, after: Place?, limit: Int) {
            self.text = text
            self.domain = domain
            self.isAdmin = isAdmin
            self.after = after
            self.limit = limit
        }

        /// Conditions without the place.
        fileprivate var conditions: (sql: [String], arguments: [SQLValue]) {
            var sql: [String] = []
            var arguments: [SQLValue] = []
            if let text, !text.isEmpty {
                // Localparts are folded already; names are folded by the engine, as far as it does.
                let pattern =
                    "%"
                    + text.lowercased().replacing("!", with: "!!").replacing("%", with: "!%")
                    .replacing("_", with: "!_") + "%"
                sql.append("(localpart || '@' || domain LIKE ? ESCAPE '!' OR lower(name) LIKE ? ESCAPE '!')")
                arguments += [.text(pattern), .text(pattern)]
            }
            if let domain {
                sql.append("domain = ?")
                arguments.append(.text(domain))
            }
            if let isAdmin {
                sql.append("is_admin = ?")
                arguments.append(.bool(isAdmin))
            }
            return (sql, arguments)
        }
    }

    /// Accounts in the order of domain and localpart, one more than `limit` when there are more.
    public static func page(_ query: Query, in transaction: any Transaction) throws -> [Account] {
        var (sql, arguments) = query.conditions
        if let after = query.after {
            sql.append("(domain, localpart) > (?, ?)")
            arguments += [.text(after.domain), .text(after.localpart)]
        }
        let condition = sql.isEmpty ? "" : " WHERE " + sql.joined(separator: " AND ")
        return try transaction.query(
            "SELECT \(columns) FROM users\(condition) ORDER BY domain, localpart LIMIT ?",
            arguments + [.integer(Int64(query.limit + 1))]
        ).map(account(row:))
    }

    /// Accounts on all pages.
    public static func count(_ query: Query, in transaction: any Transaction) throws -> Int {
        let (sql, arguments) = query.conditions
        let condition = sql.isEmpty ? "" : " WHERE " + sql.joined(separator: " AND ")
        return Int(try transaction.query("SELECT count(*) FROM users\(condition)", arguments)[0].integer(0))
    }
}
