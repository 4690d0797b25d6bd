import Storage

/// One stored value of a setting; the value is JSON.
public struct StoredSetting: Sendable, Hashable {
    /// `deployment`, `domain`, `user`; in the history also `file`.
    public var scope: String
    /// The domain or the bare address; empty for the deployment.
    public var subject: String
    public var key: String

    public init(scope: String, subject: String, key: String) {
        self.scope = scope
        self.subject = subject
        self.key = key
    }
}

/// A difference that one version of the settings made.
public struct SettingChange: Sendable, Equatable {
    public var setting: StoredSetting
    /// JSON; nil when there was no stored value.
    public var before: String?
    /// JSON; nil when the stored value was taken away.
    public var after: String?

    public init(_ setting: StoredSetting, before: String?, after: String?) {
        self.setting = setting
        self.before = before
        self.after = after
    }
}

/// Who made a version of the settings, when and why.
public struct SettingsVersion: Sendable, Equatable {
    public var version: Int64
    /// Milliseconds since 1970.
    public var at: Int64
    public var actor: String
    /// Address, or the way the change came.
    public var origin: String
    public var note: String
    public var changes: [SettingChange]

    public init(
        version: Int64, at: Int64, actor: String, origin: String, note: String, changes: [SettingChange] = []
    ) {
        self.version = version
        self.at = at
        self.actor = actor
        self.origin = origin
        self.note = note
        self.changes = changes
    }
}

/// SQL of stored settings and their versions.
public enum SettingsStore {
    public static func load(in transaction: any Transaction) throws -> [(StoredSetting, String)] {
        try transaction.query("SELECT scope, subject, key, value FROM settings", []).map {
            (StoredSetting(scope: $0.text(0), subject: $0.text(1), key: $0.text(2)), $0.text(3))
        }
    }

    public static func lastVersion(in transaction: any Transaction) throws -> Int64 {
        try transaction.query("SELECT max(version) FROM setting_versions", []).first?.optionalInteger(0) ?? 0
    }

    /// Stores a version: its changes, and what is in force from now on.
    public static func record(_ version: SettingsVersion, in transaction: any Transaction) throws {
        try transaction.execute(
            "INSERT INTO setting_versions (version, at_ms, actor, origin, note) VALUES (?, ?, ?, ?, ?)",
            [
                .integer(version.version), .integer(version.at), .text(version.actor), .text(version.origin),
                .text(version.note),
            ])
        for change in version.changes {
            let setting = change.setting
            let place: [SQLValue] = [.text(setting.scope), .text(setting.subject), .text(setting.key)]
            try transaction.execute(
                """
                INSERT INTO setting_changes (version, scope, subject, key, before, after) VALUES (?, ?, ?, ?, ?, ?)
                """,
                [.integer(version.version)] + place + [.optional(change.before), .optional(change.after)])
            guard setting.scope != "file" else { continue }
            if let after = change.after {
                try transaction.execute(
                    """
                    INSERT INTO settings (scope, subject, key, value) VALUES (?, ?, ?, ?)
                    ON CONFLICT (scope, subject, key) DO UPDATE SET value = excluded.value
                    """,
                    place + [.text(after)])
            } else {
                try transaction.execute(
                    "DELETE FROM settings WHERE scope = ? AND subject = ? AND key = ?", place)
            }
        }
    }

    /// The newest versions first.
    ///
    /// - Parameters:
    ///   - before: only older ones.
    ///   - key: only those that changed it.
    public static func versions(
        before: Int64? = nil, key: String? = nil, limit: Int, in transaction: any Transaction
    ) throws -> [SettingsVersion] {
        var condition = "version < ?"
        var values: [SQLValue] = [.integer(before ?? .max)]
        if let key {
            condition += " AND version IN (SELECT version FROM setting_changes WHERE key = ?)"
            values.append(.text(key))
        }
        return try transaction.query(
            """
            SELECT version, at_ms, actor, origin, note FROM setting_versions WHERE \(condition)
            ORDER BY version DESC LIMIT ?
            """,
            values + [.integer(Int64(limit))]
        ).map { row in
            SettingsVersion(
                version: row.integer(0), at: row.integer(1), actor: row.text(2), origin: row.text(3), note: row.text(4),
                changes: try changes(of: row.integer(0), in: transaction))
        }
    }

    private static func changes(of version: Int64, in transaction: any Transaction) throws -> [SettingChange] {
        try transaction.query(
            """
            SELECT scope, subject, key, before, after FROM setting_changes WHERE version = ?
            ORDER BY key, scope, subject
            """,
            [.integer(version)]
        ).map(change)
    }

    /// Every change after `version` up to `last`, the oldest first.
    public static func changes(
        after version: Int64, upTo last: Int64 = .max, in transaction: any Transaction
    ) throws -> [SettingChange] {
        try transaction.query(
            """
            SELECT scope, subject, key, before, after FROM setting_changes WHERE version > ? AND version <= ?
            ORDER BY version
            """,
            [.integer(version), .integer(last)]
        ).map(change)
    }

    private static func change(_ row: Row) -> SettingChange {
        SettingChange(
            StoredSetting(scope: row.text(0), subject: row.text(1), key: row.text(2)), before: row.optionalText(3),
            after: row.optionalText(4))
    }

    /// An account is gone, and what was set for it.
    public static func forget(user: String, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM settings WHERE scope = 'user' AND subject = ?", [.text(user)])
    }
}
