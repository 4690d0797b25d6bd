/// Contact lists of users, asked of the running server.
public protocol AdminContacts: Sendable {
    /// Puts contacts into one user's list: all that fit with one commit. What is in memory and clients learn of it.
    /// - Returns: what became of each, in the order given.
    func importContacts(_ request: AdminContactImport) async throws -> [AdminContactFate]
    /// The contacts of one user, open requests among them.
    func roster(of user: String) async throws -> [AdminRosterItem]
    /// Lists of the users behind `after`, in the order of domain and user name, at most `limit` users.
    func exportContacts(after: String?, domain: String?, limit: Int) async throws -> [AdminContactList]
    /// Which of the users behind `after` have one of these contacts.
    func usersWithContacts(_ contacts: Set<String>, after: String?, limit: Int) async throws -> AdminContactOwners
    /// Gives a contact of one user another address.
    /// - Returns: why not; nil when it is done.
    func renameContact(_ old: String, to new: String, of user: String) async throws -> String?
    /// Puts contacts without presence into one user's list, all with one commit.
    func importPlainContacts(
        _ contacts: [AdminPlainContact], of user: String, isDryRun: Bool
    ) async throws -> [AdminContactFate]
    func exportPlainContacts(after: String?, domain: String?, limit: Int) async throws -> [AdminPlainContactList]
    /// An address as the server writes it; nil when it is none. Without a domain, that of the deployment.
    func prepared(user: String, domain: String) -> String?
    /// Accounts that are in each other's way.
    func validateUsers(_ check: AdminUserValidation.Check, limit: Int) async throws -> AdminUserValidation
}

/// Contacts for one user.
public struct AdminContactImport: Sendable, Equatable {
    public struct Contact: Sendable, Equatable {
        public var jid: String
        public var name: String
        public var groups: [String]
        /// Nil for the usual one.
        public var state: String?

        public init(jid: String, name: String, groups: [String], state: String? = nil) {
            self.jid = jid
            self.name = name
            self.groups = groups
            self.state = state
        }
    }

    public var user: String
    public var contacts: [Contact]
    /// Whether contacts are asked for their presence, as the user's client would.
    public var subscribes: Bool
    public var isDryRun: Bool

    public init(user: String, contacts: [Contact], subscribes: Bool, isDryRun: Bool) {
        self.user = user
        self.contacts = contacts
        self.subscribes = subscribes
        self.isDryRun = isDryRun
    }
}

/// What became of a contact.
public struct AdminContactFate: Sendable, Equatable {
    public enum Outcome: String, Sendable { case added, changed, unchanged, refused }

    public var outcome: Outcome
    /// Why it was refused, or why it was added without a subscription.
    public var reason: String?

    public init(_ outcome: Outcome, reason: String? = nil) {
        self.outcome = outcome
        self.reason = reason
    }
}

public struct AdminContactList: Sendable, Equatable {
    public var user: String
    public var contacts: [AdminContactImport.Contact]

    public init(user: String, contacts: [AdminContactImport.Contact]) {
        self.user = user
        self.contacts = contacts
    }
}

/// Some users, and which of the contacts looked for each of them has.
public struct AdminContactOwners: Sendable, Equatable {
    public var owners: [(user: String, contacts: [String])]
    /// The last user looked at; nil when that was all.
    public var last: String?
    /// Users looked at.
    public var count: Int

    public init(owners: [(user: String, contacts: [String])], last: String?, count: Int) {
        self.owners = owners
        self.last = last
        self.count = count
    }

    public static func == (one: Self, other: Self) -> Bool {
        one.last == other.last && one.count == other.count && one.owners.map(\.user) == other.owners.map(\.user)
            && one.owners.map(\.contacts) == other.owners.map(\.contacts)
    }
}

/// A contact without presence.
public struct AdminPlainContact: Sendable, Equatable {
    /// An address or a UUID.
    public var contact: String
    public var group: String
    public var contentType: String
    public var version: String
    /// A vCard.
    public var content: String

    public init(contact: String, group: String, contentType: String, version: String, content: String) {
        self.contact = contact
        self.group = group
        self.contentType = contentType
        self.version = version
        self.content = content
    }
}

public struct AdminPlainContactList: Sendable, Equatable {
    public var user: String
    public var contacts: [AdminPlainContact]

    public init(user: String, contacts: [AdminPlainContact]) {
        self.user = user
        self.contacts = contacts
    }
}

/// Accounts that are in each other's way, or whose directory URI is missing or wrong.
public struct AdminUserValidation: Codable, Sendable, Equatable {
    public enum Check: String, Codable, Sendable, CaseIterable { case all, userid, uri }

    public struct Finding: Codable, Sendable, Equatable {
        /// What they share, or what is wrong; empty when it is missing.
        public var value: String
        public var users: [String]

        public init(value: String, users: [String]) {
            self.value = value
            self.users = users
        }
    }

    public struct Section: Codable, Sendable, Equatable {
        /// `duplicate-user-ids`, `no-directory-uri`, `invalid-directory-uri`, `duplicate-directory-uri`.
        public var name: String
        public var title: String
        /// Of all that there are; `findings` has the first.
        public var count: Int
        public var findings: [Finding]

        public init(name: String, title: String, count: Int, findings: [Finding]) {
            self.name = name
            self.title = title
            self.count = count
            self.findings = findings
        }
    }

    public var sections: [Section]

    public init(sections: [Section]) { self.sections = sections }
}
