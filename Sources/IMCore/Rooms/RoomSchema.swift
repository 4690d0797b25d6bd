import Storage

/// Tables of chat rooms that outlive their occupants.
enum RoomSchema {
    static let migrations = [
        Migration(
            "rooms-1",
            [
                """
                CREATE TABLE rooms (
                    jid TEXT PRIMARY KEY, domain TEXT NOT NULL, created_ms BIGINT NOT NULL, configuration TEXT NOT NULL,
                    subject BLOB NOT NULL, subject_nick TEXT NOT NULL, subject_ms BIGINT NOT NULL)
                """,
                "CREATE INDEX rooms_by_domain ON rooms (domain, jid)",
                """
                CREATE TABLE room_affiliations (
                    room TEXT NOT NULL REFERENCES rooms (jid) ON DELETE CASCADE, jid TEXT NOT NULL,
                    affiliation INTEGER NOT NULL, nick TEXT, reason TEXT, PRIMARY KEY (room, jid))
                """,
            ])
    ]
}
