import Ground
import Storage

/// A status that a user, or an administrator for him, has set by hand: it goes before what his clients say.
public struct ManualPresence: Sendable, Equatable {
    public enum State: String, Sendable, CaseIterable {
        case available, away, dnd, busy
        /// Invisible: others see the user as unavailable; messages reach him all the same.
        case offline
        /// A text of his own over whatever state his clients come to.
        case text
    }

    public enum Author: String, Sendable { case user, administrator }

    public var state: State
    /// At most `noteLength` characters; empty for none.
    public var note: String
    /// Milliseconds since 1970.
    public var since: Int64
    /// Milliseconds since 1970; nil until it is changed.
    public var until: Int64?
    public var author: Author

    public static let noteLength = 1_024

    public init(state: State, note: String = "", since: Int64, until: Int64? = nil, author: Author = .user) {
        self.state = state
        self.note = note
        self.since = since
        self.until = until
        self.author = author
    }

    func isOver(_ now: Int64) -> Bool { until.map { $0 <= now } ?? false }
}

/// SQL of statuses set by hand.
enum ManualPresenceStore {
    static let migration = Migration(
        "manual-presence-1",
        [
            """
            CREATE TABLE manual_presence (
                user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE, state TEXT NOT NULL,
                note TEXT NOT NULL, since_ms BIGINT NOT NULL, until_ms BIGINT, author TEXT NOT NULL)
            """
        ])

    static func load(_ userID: Int64, in transaction: any Transaction) throws -> ManualPresence? {
        let rows = try transaction.query(
            "SELECT state, note, since_ms, until_ms, author FROM manual_presence WHERE user_id = ?",
            [.integer(userID)])
        guard let row = rows.first, let state = ManualPresence.State(rawValue: row.text(0)) else { return nil }
        return ManualPresence(
            state: state, note: row.text(1), since: row.integer(2), until: row.optionalInteger(3),
            author: ManualPresence.Author(rawValue: row.text(4)) ?? .user)
    }

    /// - Parameter presence: nil removes it.
    static func save(_ presence: ManualPresence?, of userID: Int64, in transaction: any Transaction) throws {
        guard let presence else {
            try transaction.execute("DELETE FROM manual_presence WHERE user_id = ?", [.integer(userID)])
            return
        }
        try transaction.execute(
            """
            INSERT INTO manual_presence (user_id, state, note, since_ms, until_ms, author) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (user_id) DO UPDATE SET state = excluded.state, note = excluded.note,
                since_ms = excluded.since_ms, until_ms = excluded.until_ms, author = excluded.author
            """,
            [
                .integer(userID), .text(presence.state.rawValue), .text(presence.note), .integer(presence.since),
                presence.until.map { .integer($0) } ?? .null, .text(presence.author.rawValue),
            ])
    }
}
