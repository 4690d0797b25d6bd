/// Accounts with all they own, in the portable format (XEP-0227).
public protocol AdminPortable: Sendable {
    /// A part of an account in the portable format, from where the last one ended.
    func exportUser(_ request: AdminExportRequest) async throws -> AdminExportPage
    /// Takes accounts of a portable file; each goes in as a whole or not at all.
    func importUsers(_ batch: AdminPortableBatch) async throws -> AdminPortableReport
}

/// Which part of which account.
public struct AdminExportRequest: Sendable, Equatable {
    public var jid: String
    /// What the page before this one ended with; nil for the first.
    public var cursor: String?

    public init(jid: String, cursor: String? = nil) {
        self.jid = jid
        self.cursor = cursor
    }
}

/// A part of an account in the portable format (XEP-0227).
public struct AdminExportPage: Codable, Sendable, Equatable {
    public var xml: String
    /// Nil when that was all.
    public var cursor: String?

    public init(xml: String, cursor: String?) {
        self.xml = xml
        self.cursor = cursor
    }
}

/// A part of a portable file.
public struct AdminPortableBatch: Codable, Sendable, Equatable {
    /// One element inside of an account.
    public struct Record: Codable, Sendable, Equatable {
        public var line: Int
        /// `user`, `offline`, `archive`, `nodes` or `items`.
        public var place: String
        public var node: String
        public var xml: String

        public init(line: Int, place: String, node: String, xml: String) {
            self.line = line
            self.place = place
            self.node = node
            self.xml = xml
        }
    }

    public struct User: Codable, Sendable, Equatable {
        public var jid: String
        public var line: Int
        public var password: String?
        public var records: [Record]
        /// Records of the account came with earlier batches.
        public var isContinued: Bool
        /// More records come: nothing is done but to keep these.
        public var continues: Bool

        public init(
            jid: String, line: Int, password: String?, records: [Record] = [], isContinued: Bool = false,
            continues: Bool = false
        ) {
            self.jid = jid
            self.line = line
            self.password = password
            self.records = records
            self.isContinued = isContinued
            self.continues = continues
        }
    }

    /// Name of the import, chosen by whoever imports: what is kept of it is found by it.
    public var name: String
    /// Everything is checked and undone.
    public var isDryRun: Bool
    /// What is kept is forgotten: the import ends early.
    public var isLast: Bool
    public var users: [User]

    public init(name: String, isDryRun: Bool, isLast: Bool = false, users: [User]) {
        self.name = name
        self.isDryRun = isDryRun
        self.isLast = isLast
        self.users = users
    }
}

/// What became of a batch.
public struct AdminPortableReport: Codable, Sendable, Equatable {
    public struct Problem: Codable, Sendable, Equatable {
        public var line: Int
        public var jid: String
        public var reason: String
        /// The account is not there.
        public var isFatal: Bool

        public init(line: Int, jid: String, reason: String, isFatal: Bool) {
            self.line = line
            self.jid = jid
            self.reason = reason
            self.isFatal = isFatal
        }
    }

    public var imported: Int
    public var problems: [Problem]

    public init(imported: Int, problems: [Problem]) {
        self.imported = imported
        self.problems = problems
    }
}
