import Settings

/// The settings of the running server, as console, command line and HTTP API see them.
///
/// Implemented by the composition; every function may be called from any task.
public protocol AdminSettings: Sendable {
    /// Every setting that has values in `place`, in the order of the reference, with the value in force there.
    func settings(in place: AdminSettingPlace) async throws -> [AdminSetting]
    /// Checks changes and, unless it is a dry run, takes them into use and stores them: all of them or none.
    ///
    /// - Throws: `AdminError`: `invalid` with every problem, `conflict` when `expectedVersion` is no longer the last.
    func changeSettings(_ change: AdminSettingsChange, by author: AdminAuthor) async throws -> AdminSettingsOutcome
    /// Versions, the newest first.
    func settingsHistory(_ query: AdminSettingsHistoryQuery) async throws -> [AdminSettingsVersion]
    /// What differs between the stored settings after version `from` and those after version `to`.
    func settingsDifference(from: Int, to: Int) async throws -> [AdminSettingDifference]
    /// Makes the stored settings what they were after a version, as a new version.
    func rollBackSettings(to version: Int, isDryRun: Bool, by author: AdminAuthor) async throws -> AdminSettingsOutcome
    /// The version in force.
    func settingsVersion() async throws -> Int
}

/// For whom a value is.
public struct AdminSettingPlace: Codable, Sendable, Equatable, Hashable {
    public var scope: Setting.Scope
    /// The domain or the bare address; empty for the deployment.
    public var subject: String

    public init(_ scope: Setting.Scope = .deployment, _ subject: String = "") {
        self.scope = scope
        self.subject = subject
    }
}

/// Who asks for a change, for history and audit.
public struct AdminAuthor: Codable, Sendable, Equatable {
    public var name: String
    /// Network address, `socket`, or `client`.
    public var origin: String

    public init(name: String, origin: String) {
        self.name = name
        self.origin = origin
    }
}

public struct AdminSetting: Codable, Sendable, Equatable {
    /// `presence.sharing`
    public var key: String
    /// `presence`; empty at the top of the file.
    public var group: String
    /// English name.
    public var title: String
    /// English explanation.
    public var help: String
    public var form: Setting.Form
    public var unit: String
    /// What is allowed, in words.
    public var allowed: String
    public var minimum: Int?
    public var maximum: Int?
    /// Meaning of 0 where it is allowed and lies outside of the range.
    public var zeroMeans: String?
    public var choices: [String]
    public var standard: SettingValue
    /// The value in force; a secret is masked.
    public var value: SettingValue
    /// Where the value comes from.
    public var source: Source
    public var scopes: [Setting.Scope]
    public var isOwnedByUser: Bool
    public var isSecret: Bool
    /// Cannot be changed while the server runs.
    public var isFileOnly: Bool
    /// Roles that may change it; secrets, domains and components are for superusers.
    public var changeableBy: [AdminRole]

    private static let changers = Set<AdminRole>.administrators

    public enum Source: String, Codable, Sendable, CaseIterable {
        case standard = "default"
        case file, stored, domain, user
    }

    public init(_ setting: Setting, value: SettingValue, source: Source) {
        key = setting.dottedPath
        group = setting.group
        title = setting.title
        help = setting.summary
        form = setting.form
        unit = setting.unit
        allowed = setting.allowed
        minimum = setting.range?.lowerBound
        maximum = setting.range?.upperBound
        zeroMeans = setting.zeroMeans
        choices = setting.choices
        standard = setting.shownValue(in: ServerConfig())
        self.value = value
        self.source = source
        scopes = Setting.Scope.allCases.filter { setting.scopes.contains($0) }
        isOwnedByUser = setting.isOwnedByUser
        isSecret = setting.isSecret
        isFileOnly = setting.isFileOnly
        changeableBy =
            setting.isFileOnly
            ? [] : AdminRole.allCases.filter { setting.holdsSecrets ? $0 == .superuser : Self.changers.contains($0) }
    }
}

/// Changes that belong together.
public struct AdminSettingsChange: Codable, Sendable, Equatable {
    public struct Entry: Codable, Sendable, Equatable {
        public var key: String
        public var place: AdminSettingPlace
        /// Nil takes the stored value away, so that the file's or the default counts again.
        public var value: SettingValue?

        public init(key: String, place: AdminSettingPlace = AdminSettingPlace(), value: SettingValue?) {
            self.key = key
            self.place = place
            self.value = value
        }
    }

    /// At most `AdminSettingsChange.limit`; no key twice in one place.
    public var entries: [Entry]
    /// Why, for the history; up to 500 characters.
    public var note: String
    public var isDryRun: Bool
    /// The change is refused when somebody else made one since.
    public var expectedVersion: Int?

    public static let limit = 500

    public init(entries: [Entry], note: String = "", isDryRun: Bool = false, expectedVersion: Int? = nil) {
        self.entries = entries
        self.note = note
        self.isDryRun = isDryRun
        self.expectedVersion = expectedVersion
    }
}

/// One value before and after; secrets are masked.
public struct AdminSettingDifference: Codable, Sendable, Equatable {
    public var key: String
    public var place: AdminSettingPlace
    /// In force before and after, of the file and the defaults too.
    public var from: SettingValue
    public var to: SettingValue

    public init(key: String, place: AdminSettingPlace, from: SettingValue, to: SettingValue) {
        self.key = key
        self.place = place
        self.from = from
        self.to = to
    }
}

public struct AdminSettingsOutcome: Codable, Sendable, Equatable {
    /// The version in force: a new one when something changed and it was no dry run.
    public var version: Int
    public var differences: [AdminSettingDifference]
    /// What the administrator should know, for example that a listener moves.
    public var remarks: [String]

    public init(version: Int, differences: [AdminSettingDifference], remarks: [String] = []) {
        self.version = version
        self.differences = differences
        self.remarks = remarks
    }
}

public struct AdminSettingsHistoryQuery: Codable, Sendable, Equatable {
    /// Only versions that changed this key.
    public var key: String?
    /// Only older versions.
    public var before: Int?
    /// 1 … 200.
    public var limit: Int

    public init(key: String? = nil, before: Int? = nil, limit: Int = 50) {
        self.key = key
        self.before = before
        self.limit = limit
    }
}

public struct AdminSettingsVersion: Codable, Sendable, Equatable {
    public var version: Int
    /// ISO 8601.
    public var at: String
    public var author: AdminAuthor
    public var note: String
    /// Stored values; nil where there was none, or is none any more.
    public var changes: [Change]

    public struct Change: Codable, Sendable, Equatable {
        public var key: String
        /// `deployment`, `domain`, `user`, or `file` for a change of the file.
        public var scope: String
        public var subject: String
        public var before: SettingValue?
        public var after: SettingValue?

        public init(key: String, scope: String, subject: String, before: SettingValue?, after: SettingValue?) {
            self.key = key
            self.scope = scope
            self.subject = subject
            self.before = before
            self.after = after
        }
    }

    public init(version: Int, at: String, author: AdminAuthor, note: String, changes: [Change]) {
        self.version = version
        self.at = at
        self.author = author
        self.note = note
        self.changes = changes
    }
}
