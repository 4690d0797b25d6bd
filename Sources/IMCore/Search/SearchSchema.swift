import Storage

/// What people can be found by: one row a value, as shown and as compared.
public enum SearchSchema {
    public static let migrations = [
        Migration(
            "search-1",
            [
                """
                CREATE TABLE search_entries (
                    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, field INTEGER NOT NULL,
                    folded TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (user_id, field, folded))
                """,
                "CREATE INDEX search_entries_by_field ON search_entries (field, folded, user_id)",
                // 5 is the field of full names.
                """
                INSERT INTO search_entries (user_id, field, folded, value)
                SELECT id, 5, lower(name), name FROM users WHERE name IS NOT NULL AND name <> ''
                """,
            ])
    ]
}
