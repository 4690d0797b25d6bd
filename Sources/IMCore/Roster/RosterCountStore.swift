import Storage
import XMPPWire

/// How many contacts and watchers each user has, beside the roster: who is at a limit is found without reading every
/// item of everybody.
enum RosterCountSchema {
    static let migration = Migration(
        "roster-2",
        [
            """
            CREATE TABLE roster_counts (
                user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE, contacts INTEGER NOT NULL,
                watchers INTEGER NOT NULL)
            """,
            """
            INSERT INTO roster_counts (user_id, contacts, watchers)
            SELECT user_id, sum(state / 32 % 2), sum(state / 2 % 2) FROM roster GROUP BY user_id
            """,
            "CREATE INDEX roster_counts_by_contacts ON roster_counts (contacts)",
            "CREATE INDEX roster_counts_by_watchers ON roster_counts (watchers)",
        ])
}

public enum RosterCountStore {
    /// Counts the items of one user anew: in the transaction that changed them.
    static func recount(_ userID: Int64, in transaction: any Transaction) throws {
        // Bits of `RosterRecord.state`: 32 visible, 2 from.
        try transaction.execute(
            """
            INSERT INTO roster_counts (user_id, contacts, watchers)
            SELECT CAST(? AS BIGINT), coalesce(sum(state / 32 % 2), 0), coalesce(sum(state / 2 % 2), 0)
            FROM roster WHERE user_id = ?
            ON CONFLICT (user_id) DO UPDATE SET contacts = excluded.contacts, watchers = excluded.watchers
            """,
            [.integer(userID), .integer(userID)])
    }

    /// One user's contacts and watchers.
    public struct Counts: Sendable, Equatable {
        public var user: JID
        public var contacts: Int
        public var watchers: Int
    }

    /// Users with at least so many contacts, or at least so many watchers, in the order of their addresses.
    static func users(
        contacts: Int, watchers: Int, after: JID?, limit: Int, in transaction: any Transaction
    ) throws -> [Counts] {
        try transaction.query(
            """
            SELECT u.localpart, u.domain, c.contacts, c.watchers FROM roster_counts c JOIN users u ON u.id = c.user_id
            WHERE (c.contacts >= ? OR c.watchers >= ?) AND (u.domain > ? OR (u.domain = ? AND u.localpart > ?))
            ORDER BY u.domain, u.localpart LIMIT ?
            """,
            [
                .integer(Int64(contacts)), .integer(Int64(watchers)), .text(after?.domain ?? ""),
                .text(after?.domain ?? ""), .text(after?.local ?? ""), .integer(Int64(limit)),
            ]
        ).map {
            Counts(
                user: JID(preparedLocal: $0.text(0), domain: $0.text(1), resource: nil), contacts: Int($0.integer(2)),
                watchers: Int($0.integer(3)))
        }
    }
}

/// Users at their limits (`presence.contacts_max`, `presence.watchers_max`), for the troubleshooter.
public struct UserAtLimit: Sendable, Equatable {
    public var user: JID
    /// Nil when there is room.
    public var contacts: ContactLimit?
    public var watchers: ContactLimit?

    /// - Parameters:
    ///   - policies: what is in force (`router.policies`, read on the loop).
    ///   - after: the last one of the page before.
    ///   - limit: the most to return.
    public static func all(
        _ policies: PolicyTable, after: JID? = nil, limit: Int = 1_000, in transaction: any Transaction
    ) throws -> [UserAtLimit] {
        let every = [policies.deployment] + policies.domains.values + policies.users.values
        let contacts = every.map(\.values.presence.contacts).filter { $0 > 0 }.min() ?? .max
        let watchers = every.map(\.values.presence.watchers).filter { $0 > 0 }.min() ?? .max
        guard contacts < .max || watchers < .max else { return [] }
        var found: [UserAtLimit] = []
        var last = after
        while found.count < limit {
            let page = try RosterCountStore.users(
                contacts: contacts, watchers: watchers, after: last, limit: 1_000, in: transaction)
            for counts in page where found.count < limit {
                let settings = policies.policy(for: counts.user).values.presence
                let user = UserAtLimit(
                    user: counts.user, contacts: reached(counts.contacts, settings.contacts),
                    watchers: reached(counts.watchers, settings.watchers))
                if user.contacts != nil || user.watchers != nil { found.append(user) }
            }
            guard page.count == 1_000 else { break }
            last = page[999].user
        }
        return found
    }

    private static func reached(_ count: Int, _ limit: Int) -> ContactLimit? {
        limit > 0 && count >= limit ? ContactLimit(count: count, limit: limit) : nil
    }
}
