import Storage
import XMPPWire

/// A roster item as a value that may travel to the storage thread.
public struct RosterRecord: Sendable {
    public var contact: JID
    public var name: String
    public var groups: [String]
    /// `SubscriptionMachine.storedBits`, plus 32 when the item is visible.
    public var state: Int64
    public var request: [UInt8]?
}

extension RosterItem {
    var record: RosterRecord {
        RosterRecord(
            contact: contact, name: name, groups: groups,
            state: subscription.storedBits | (isVisible ? 32 : 0), request: request)
    }

    convenience init(record: RosterRecord) {
        self.init(
            contact: record.contact, name: record.name, groups: record.groups,
            subscription: SubscriptionMachine(stored: record.state), request: record.request,
            isVisible: record.state & 32 != 0)
    }
}

public enum RosterStore {
    public static func load(_ userID: Int64, in transaction: any Transaction) throws -> [RosterRecord] {
        try transaction.query(
            "SELECT contact, name, contact_groups, state, request FROM roster WHERE user_id = ?", [.integer(userID)]
        ).compactMap { row in
            guard let contact = storedJID(row.text(0)) else { return nil }
            return RosterRecord(
                contact: contact, name: row.text(1),
                groups: row.text(2).split(separator: "\u{1F}").map(String.init), state: row.integer(3),
                request: row.optionalBlob(4))
        }
    }

    /// The groups in which a contact is, of one account's roster.
    static func groups(
        of contact: JID, in userID: Int64, _ transaction: any Transaction
    ) throws -> [String] {
        try transaction.query(
            "SELECT contact_groups FROM roster WHERE user_id = ? AND contact = ?",
            [.integer(userID), .text(contact.description)]
        ).first.map { $0.text(0).split(separator: "\u{1F}").map(String.init) } ?? []
    }

    public static func save(_ record: RosterRecord, of userID: Int64, in transaction: any Transaction) throws {
        // Groups are joined by the unit separator, which no client can put into a group: XML forbids it.
        try transaction.execute(
            """
            INSERT INTO roster (user_id, contact, name, contact_groups, state, request) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (user_id, contact) DO UPDATE SET name = excluded.name,
                contact_groups = excluded.contact_groups, state = excluded.state, request = excluded.request
            """,
            [
                .integer(userID), .text(record.contact.description), .text(record.name),
                .text(record.groups.joined(separator: "\u{1F}")), .integer(record.state), .optional(record.request),
            ])
    }

    public static func remove(_ contact: JID, of userID: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            "DELETE FROM roster WHERE user_id = ? AND contact = ?", [.integer(userID), .text(contact.description)])
    }

    public static func setVersion(_ version: Int64, of userID: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            "UPDATE users SET roster_version = ? WHERE id = ?", [.integer(version), .integer(userID)])
    }

    /// Splits a stored bare address; it was prepared before it was stored.
    static func storedJID(_ text: String) -> JID? {
        guard let at = text.utf8.firstIndex(of: 64) else {
            return text.isEmpty ? nil : JID(preparedLocal: nil, domain: text, resource: nil)
        }
        return JID(
            preparedLocal: String(text[..<at]), domain: String(text[text.utf8.index(after: at)...]), resource: nil)
    }
}
