import Storage

/// Tables of stored settings and of how they came about.
enum SettingsSchema {
    static let migrations = [
        Migration(
            "settings-1",
            [
                """
                CREATE TABLE settings (
                    scope TEXT NOT NULL, subject TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
                    PRIMARY KEY (scope, subject, key))
                """,
                """
                CREATE TABLE setting_versions (
                    version INTEGER PRIMARY KEY, at_ms BIGINT NOT NULL, actor TEXT NOT NULL, origin TEXT NOT NULL,
                    note TEXT NOT NULL)
                """,
                """
                CREATE TABLE setting_changes (
                    version BIGINT NOT NULL, scope TEXT NOT NULL, subject TEXT NOT NULL, key TEXT NOT NULL,
                    before TEXT, after TEXT, PRIMARY KEY (version, scope, subject, key))
                """,
                "CREATE INDEX setting_changes_by_key ON setting_changes (key, version)",
            ])
    ]
}
