import Storage
import XMPPWire

/// What a room's row holds.
public struct RoomRecord: Sendable {
    public var jid: JID
    /// Milliseconds since 1970.
    public var createdAt: Int64
    public var configuration: RoomConfiguration
    public var subject: RoomSubject
    public var members: [JID: RoomMember] = [:]
}

/// A durable change of one room.
public struct RoomChange: Sendable {
    public enum Row: Sendable {
        case unchanged
        case written(RoomRecord)
        case removed
    }

    public var room: JID
    public var row = Row.unchanged
    /// Nil takes an affiliation away.
    public var members: [JID: RoomMember?] = [:]
}

/// SQL of rooms. Every function runs inside the transaction it is given.
public enum RoomStore {
    /// Rooms of a service, at most `limit`.
    public static func rooms(
        of domain: String, limit: Int, in transaction: any Transaction
    ) throws -> [RoomRecord] {
        let rows = try transaction.query(
            """
            SELECT jid, created_ms, configuration, subject, subject_nick, subject_ms FROM rooms WHERE domain = ?
            ORDER BY jid LIMIT ?
            """, [.text(domain), .integer(Int64(limit))])
        return try rows.compactMap { row in
            guard let jid = try? JID(parsing: row.text(0)) else { return nil }
            let subject = RoomSubject(stored: row.blob(3), nick: row.text(4), changedAt: row.integer(5))
            return RoomRecord(
                jid: jid, createdAt: row.integer(1), configuration: RoomConfiguration(stored: row.text(2)),
                subject: subject, members: try members(of: jid, in: transaction))
        }
    }

    private static func members(of room: JID, in transaction: any Transaction) throws -> [JID: RoomMember] {
        var members: [JID: RoomMember] = [:]
        let rows = try transaction.query(
            "SELECT jid, affiliation, nick, reason FROM room_affiliations WHERE room = ?", [.text(room.description)])
        for row in rows {
            guard let jid = try? JID(parsing: row.text(0)), let affiliation = RoomAffiliation(rawValue: row.integer(1))
            else { continue }
            members[jid] = RoomMember(
                affiliation, reservedNick: row.optionalText(2), reason: row.optionalText(3))
        }
        return members
    }

    public static func apply(_ change: RoomChange, in transaction: any Transaction) throws {
        let room = SQLValue.text(change.room.description)
        switch change.row {
        case .unchanged: break
        case .removed:
            try transaction.execute("DELETE FROM rooms WHERE jid = ?", [room])
            return
        case .written(let record):
            try transaction.execute(
                """
                INSERT INTO rooms (jid, domain, created_ms, configuration, subject, subject_nick, subject_ms)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (jid) DO UPDATE SET configuration = excluded.configuration, subject = excluded.subject,
                    subject_nick = excluded.subject_nick, subject_ms = excluded.subject_ms
                """,
                [
                    room, .text(change.room.domain), .integer(record.createdAt), .text(record.configuration.stored),
                    .blob(record.subject.stored), .text(record.subject.nick), .integer(record.subject.changedAt),
                ])
        }
        for (jid, member) in change.members {
            guard let member else {
                try transaction.execute(
                    "DELETE FROM room_affiliations WHERE room = ? AND jid = ?", [room, .text(jid.description)])
                continue
            }
            try transaction.execute(
                """
                INSERT INTO room_affiliations (room, jid, affiliation, nick, reason) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (room, jid) DO UPDATE SET affiliation = excluded.affiliation, nick = excluded.nick,
                    reason = excluded.reason
                """,
                [
                    room, .text(jid.description), .integer(member.affiliation.rawValue),
                    .optional(member.reservedNick), .optional(member.reason),
                ])
        }
    }
}
