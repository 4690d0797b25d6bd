import Storage

/// Files that users uploaded (XEP-0363). A file of a removed account has no user until it is swept from the disk.
enum FileSchema {
    static let migrations = [
        Migration(
            "files-1",
            [
                """
                CREATE TABLE files (
                    name TEXT PRIMARY KEY, user_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
                    filename TEXT NOT NULL, type TEXT NOT NULL, size BIGINT NOT NULL, stored_ms BIGINT NOT NULL)
                """,
                "CREATE INDEX files_by_user ON files (user_id, stored_ms)",
                "CREATE INDEX files_by_age ON files (stored_ms)",
            ])
    ]
}
