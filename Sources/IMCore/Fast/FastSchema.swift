import Storage

/// Tokens of XEP-0484, two slots for each client of a user.
enum FastSchema {
    static let migration = Migration(
        "fast-1",
        [
            """
            CREATE TABLE fast_tokens (
                user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE, client TEXT NOT NULL,
                slot INTEGER NOT NULL, mechanism TEXT NOT NULL, proof_hash BLOB NOT NULL, sealed_response BLOB NOT NULL,
                issued_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL, used_count BIGINT NOT NULL,
                PRIMARY KEY (user_id, client, slot))
            """
        ])
}
