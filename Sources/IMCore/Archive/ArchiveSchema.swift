import Storage

/// Tables of the message archive (docs/decisions/0009).
///
/// `messages` holds each stanza once, in the order of acceptance. `archive` says in whose archives it is; its rows are
/// made from `messages` in batches, up to the id in `archive_progress`. `archive_leftovers` names archives whose account
/// is gone.
enum ArchiveSchema {
    static let migrations = [
        Migration(
            "archive-1",
            [
                """
                CREATE TABLE messages (
                    id INTEGER PRIMARY KEY, sender_archive BIGINT, recipient_archive BIGINT,
                    sender TEXT NOT NULL, sender_resource TEXT NOT NULL,
                    recipient TEXT NOT NULL, recipient_resource TEXT NOT NULL, stanza BLOB NOT NULL)
                """,
                """
                CREATE TABLE archive (
                    archive BIGINT NOT NULL, id BIGINT NOT NULL, peer TEXT NOT NULL, resource TEXT NOT NULL,
                    PRIMARY KEY (archive, peer, id))
                """,
                "CREATE UNIQUE INDEX archive_by_id ON archive (archive, id)",
                "CREATE TABLE archive_progress (name TEXT PRIMARY KEY, id BIGINT NOT NULL)",
                "CREATE TABLE archive_leftovers (archive BIGINT PRIMARY KEY)",
                """
                CREATE TABLE archive_preferences (
                    user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE, mode TEXT NOT NULL,
                    always TEXT NOT NULL, never TEXT NOT NULL)
                """,
            ])
    ]
}
