import Storage

/// Tables of administrators and API tokens.
enum AccessSchema {
    static let migrations = [
        Migration(
            "access-1",
            [
                """
                CREATE TABLE administrators (
                    name TEXT PRIMARY KEY, hash TEXT NOT NULL, role TEXT NOT NULL, created_ms BIGINT NOT NULL,
                    last_login_ms BIGINT, disabled INTEGER NOT NULL)
                """,
                """
                CREATE TABLE admin_tokens (
                    id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
                    scopes TEXT NOT NULL, read_only INTEGER NOT NULL, creator TEXT NOT NULL,
                    created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL, last_used_ms BIGINT)
                """,
            ])
    ]
}
