import Storage
import XMPPWire

/// What contact lists of other products have beside name and groups, and contacts without presence.
enum ContactSchema {
    static let migration = Migration(
        "contacts-1",
        [
            """
            CREATE TABLE contact_states (
                user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, contact TEXT NOT NULL,
                state TEXT NOT NULL, PRIMARY KEY (user_id, contact))
            """,
            """
            CREATE TABLE plain_contacts (
                user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, contact TEXT NOT NULL,
                contact_group TEXT NOT NULL, content_type TEXT NOT NULL, version TEXT NOT NULL, content TEXT NOT NULL,
                PRIMARY KEY (user_id, contact, contact_group))
            """,
        ])
}

/// SQL of contact lists for administrators: pages for export, states, contacts without presence.
public enum ContactStore {
    /// One contact of an exported list.
    public struct Contact: Sendable, Equatable {
        public var contact: JID
        public var name: String
        public var groups: [String]
        /// Nil for the usual one.
        public var state: String?
    }

    /// A contact that has no presence: a card in a user's list.
    public struct PlainContact: Sendable, Equatable {
        /// An address or a UUID.
        public var contact: String
        public var group: String
        public var contentType: String
        public var version: String
        /// A vCard, as it came.
        public var content: String

        public init(contact: String, group: String, contentType: String, version: String, content: String) {
            self.contact = contact
            self.group = group
            self.contentType = contentType
            self.version = version
            self.content = content
        }
    }

    /// An account in the order of domain and localpart.
    public struct Owner: Sendable, Equatable {
        public var id: Int64
        public var jid: JID
    }

    public static func owners(
        after: JID?, domain: String?, limit: Int, in transaction: any Transaction
    ) throws -> [Owner] {
        try transaction.query(
            """
            SELECT id, localpart, domain FROM users
            WHERE (domain > ? OR (domain = ? AND localpart > ?)) AND (domain = ? OR ? = '')
            ORDER BY domain, localpart LIMIT ?
            """,
            [
                .text(after?.domain ?? ""), .text(after?.domain ?? ""), .text(after?.local ?? ""),
                .text(domain ?? ""), .text(domain ?? ""), .integer(Int64(limit)),
            ]
        ).map { Owner(id: $0.integer(0), jid: JID(preparedLocal: $0.text(1), domain: $0.text(2), resource: nil)) }
    }

    /// The visible contacts, by address.
    public static func contacts(of userID: Int64, in transaction: any Transaction) throws -> [Contact] {
        // Bit 32 of the state: visible.
        try transaction.query(
            """
            SELECT r.contact, r.name, r.contact_groups, s.state FROM roster r
            LEFT JOIN contact_states s ON s.user_id = r.user_id AND s.contact = r.contact
            WHERE r.user_id = ? AND r.state / 32 % 2 = 1 ORDER BY r.contact
            """, [.integer(userID)]
        ).compactMap { row in
            guard let contact = RosterStore.storedJID(row.text(0)) else { return nil }
            return Contact(
                contact: contact, name: row.text(1), groups: row.text(2).split(separator: "\u{1F}").map(String.init),
                state: row.optionalText(3))
        }
    }

    /// Which of the addresses are visible contacts of the user.
    public static func listed(of userID: Int64, in transaction: any Transaction) throws -> [String] {
        try transaction.query(
            "SELECT contact FROM roster WHERE user_id = ? AND state / 32 % 2 = 1 ORDER BY contact", [.integer(userID)]
        ).map { $0.text(0) }
    }

    /// `0` and nothing are the usual state, which is not kept.
    static func setState(
        _ state: String, of contact: JID, of userID: Int64, in transaction: any Transaction
    ) throws {
        let key: [SQLValue] = [.integer(userID), .text(contact.description)]
        guard !state.isEmpty, state != "0" else {
            try transaction.execute("DELETE FROM contact_states WHERE user_id = ? AND contact = ?", key)
            return
        }
        try transaction.execute(
            """
            INSERT INTO contact_states (user_id, contact, state)
            SELECT user_id, contact, CAST(? AS TEXT) FROM roster WHERE user_id = ? AND contact = ?
            ON CONFLICT (user_id, contact) DO UPDATE SET state = excluded.state
            """, [.text(state)] + key)
    }

    // MARK: Contacts without presence

    public static func plainContacts(of userID: Int64, in transaction: any Transaction) throws -> [PlainContact] {
        try transaction.query(
            """
            SELECT contact, contact_group, content_type, version, content FROM plain_contacts WHERE user_id = ?
            ORDER BY contact, contact_group
            """, [.integer(userID)]
        ).map {
            PlainContact(
                contact: $0.text(0), group: $0.text(1), contentType: $0.text(2), version: $0.text(3),
                content: $0.text(4))
        }
    }

    /// What becomes of contacts without presence, each in its place of the list.
    public enum PlainFate: Sendable, Equatable { case added, changed, unchanged, refused }

    /// - Parameter limit: the most that one user may have.
    /// - Returns: nil when there is no such account.
    public static func setPlainContacts(
        _ contacts: [PlainContact], of jid: JID, limit: Int, isDryRun: Bool, in transaction: any Transaction
    ) throws -> [PlainFate]? {
        guard let account = try AccountStore.account(jid, in: transaction) else { return nil }
        var known: [String: PlainContact] = [:]
        func key(_ contact: PlainContact) -> String { contact.contact + "\u{1F}" + contact.group }
        for contact in try plainContacts(of: account.id, in: transaction) { known[key(contact)] = contact }
        var fates: [PlainFate] = []
        for contact in contacts {
            let old = known[key(contact)]
            if old == contact {
                fates.append(.unchanged)
                continue
            }
            guard old != nil || known.count < limit else {
                fates.append(.refused)
                continue
            }
            known[key(contact)] = contact
            fates.append(old == nil ? .added : .changed)
            guard !isDryRun else { continue }
            try transaction.execute(
                """
                INSERT INTO plain_contacts (user_id, contact, contact_group, content_type, version, content)
                VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, contact, contact_group) DO UPDATE SET
                    content_type = excluded.content_type, version = excluded.version, content = excluded.content
                """,
                [
                    .integer(account.id), .text(contact.contact), .text(contact.group), .text(contact.contentType),
                    .text(contact.version), .text(contact.content),
                ])
        }
        return fates
    }
}
