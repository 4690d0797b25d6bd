import Storage

/// Tables of publish-subscribe.
public enum PubSubSchema {
    public static let migrations = [
        Migration(
            "pubsub-1",
            [
                // user_id is null for nodes of a service, which outlive the account that created them.
                """
                CREATE TABLE pubsub_nodes (
                    id INTEGER PRIMARY KEY, service TEXT NOT NULL,
                    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE, name TEXT NOT NULL,
                    creator TEXT NOT NULL, created_ms BIGINT NOT NULL, configuration TEXT NOT NULL,
                    sequence BIGINT NOT NULL, items BIGINT NOT NULL, bytes BIGINT NOT NULL,
                    UNIQUE (service, name))
                """,
                "CREATE INDEX pubsub_nodes_by_user ON pubsub_nodes (user_id)",
                "CREATE INDEX pubsub_nodes_by_creator ON pubsub_nodes (service, creator)",
                """
                CREATE TABLE pubsub_items (
                    node_id BIGINT NOT NULL REFERENCES pubsub_nodes (id) ON DELETE CASCADE, id TEXT NOT NULL,
                    sequence BIGINT NOT NULL, publisher TEXT NOT NULL, published_ms BIGINT NOT NULL,
                    payload BLOB NOT NULL, PRIMARY KEY (node_id, id))
                """,
                "CREATE UNIQUE INDEX pubsub_items_by_age ON pubsub_items (node_id, sequence)",
                """
                CREATE TABLE pubsub_affiliations (
                    node_id BIGINT NOT NULL REFERENCES pubsub_nodes (id) ON DELETE CASCADE, jid TEXT NOT NULL,
                    affiliation INTEGER NOT NULL, PRIMARY KEY (node_id, jid))
                """,
                "CREATE INDEX pubsub_affiliations_by_jid ON pubsub_affiliations (jid)",
                """
                CREATE TABLE pubsub_subscriptions (
                    node_id BIGINT NOT NULL REFERENCES pubsub_nodes (id) ON DELETE CASCADE, jid TEXT NOT NULL,
                    bare TEXT NOT NULL, state INTEGER NOT NULL, delivers INTEGER NOT NULL,
                    PRIMARY KEY (node_id, jid))
                """,
                "CREATE INDEX pubsub_subscriptions_by_bare ON pubsub_subscriptions (bare)",
            ])
    ]
}
