import Storage

/// Tables of accounts and what they own. Statements use the dialect that SQLite and PostgreSQL share.
public enum AccountSchema {
    public static let migrations: [Migration] =
        [
            Migration(
                "accounts-1",
                [
                    """
                    CREATE TABLE users (
                        id INTEGER PRIMARY KEY, domain TEXT NOT NULL, localpart TEXT NOT NULL, name TEXT,
                        is_admin INTEGER NOT NULL, created_ms BIGINT NOT NULL, last_seen_ms BIGINT, last_status TEXT,
                        roster_version BIGINT NOT NULL, scram_iterations INTEGER NOT NULL, scram_salt BLOB NOT NULL,
                        sha1_stored BLOB NOT NULL, sha1_server BLOB NOT NULL,
                        sha256_stored BLOB NOT NULL, sha256_server BLOB NOT NULL,
                        UNIQUE (domain, localpart))
                    """,
                    "CREATE TABLE installation (key TEXT PRIMARY KEY, value BLOB NOT NULL)",
                ]),
            Migration(
                "roster-1",
                [
                    """
                    CREATE TABLE roster (
                        user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, contact TEXT NOT NULL,
                        name TEXT NOT NULL, contact_groups TEXT NOT NULL, state INTEGER NOT NULL, request BLOB,
                        PRIMARY KEY (user_id, contact))
                    """
                ]),
            Migration(
                "blocking-1",
                [
                    """
                    CREATE TABLE blocked (
                        user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, address TEXT NOT NULL,
                        PRIMARY KEY (user_id, address))
                    """
                ]),
            Migration(
                "journal-1",
                [
                    """
                    CREATE TABLE journal (
                        id INTEGER PRIMARY KEY, user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
                        stanza BLOB NOT NULL)
                    """,
                    "CREATE INDEX journal_by_user ON journal (user_id, id)",
                ]),
            Migration(
                "profiles-1",
                [
                    """
                    CREATE TABLE vcards (
                        user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE, vcard BLOB NOT NULL)
                    """,
                    """
                    CREATE TABLE private_storage (
                        user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, namespace TEXT NOT NULL,
                        name TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (user_id, namespace, name))
                    """,
                ]),
            Migration("profiles-2", ["ALTER TABLE vcards ADD COLUMN photo_hash TEXT"]),
        ] + SearchSchema.migrations + [FastSchema.migration] + PubSubSchema.migrations + ArchiveSchema.migrations
        + PushSchema.migrations + [PortableSchema.migration, EnrolmentSchema.migration, PrivacySchema.migration]
        + FileSchema.migrations
        + RoomSchema.migrations + SettingsSchema.migrations
        + [
            AllowSchema.migration, RosterCountSchema.migration, ManualPresenceStore.migration, ContactSchema.migration,
            DigestCredentialStore.migration,
            PublicationStore.migration,
        ]
}
