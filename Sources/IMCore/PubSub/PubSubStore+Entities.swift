import Storage
import XMPPWire

/// A subscription as stored.
public struct PubSubSubscription: Sendable, Equatable {
    public var nodeID: Int64
    /// Bare or full, as the subscriber asked for it.
    public var jid: JID
    public var state: SubscriptionState
    /// Option `pubsub#deliver` (XEP-0060 §16.4.2).
    public var delivers: Bool
}

/// SQL of affiliations and subscriptions.
extension PubSubStore {
    public static func affiliation(
        of bare: JID, with node: PubSubNode, in transaction: any Transaction
    ) throws -> Affiliation {
        let row = try transaction.query(
            "SELECT affiliation FROM pubsub_affiliations WHERE node_id = ? AND jid = ?",
            [.integer(node.id), .text(bare.description)]
        ).first
        return row.flatMap { Affiliation(rawValue: $0.integer(0)) } ?? .none
    }

    static func setAffiliation(
        _ affiliation: Affiliation, of bare: String, with node: PubSubNode, in transaction: any Transaction
    ) throws {
        guard affiliation != .none else {
            try transaction.execute(
                "DELETE FROM pubsub_affiliations WHERE node_id = ? AND jid = ?", [.integer(node.id), .text(bare)])
            return
        }
        try transaction.execute(
            """
            INSERT INTO pubsub_affiliations (node_id, jid, affiliation) VALUES (?, ?, ?)
            ON CONFLICT (node_id, jid) DO UPDATE SET affiliation = excluded.affiliation
            """, [.integer(node.id), .text(bare), .integer(affiliation.rawValue)])
    }

    public static func affiliations(
        with node: PubSubNode, in transaction: any Transaction
    ) throws -> [(jid: String, affiliation: Affiliation)] {
        try transaction.query(
            "SELECT jid, affiliation FROM pubsub_affiliations WHERE node_id = ? ORDER BY jid", [.integer(node.id)]
        ).compactMap { row in Affiliation(rawValue: row.integer(1)).map { (row.text(0), $0) } }
    }

    /// Nodes of a service with which an entity has an affiliation.
    public static func affiliations(
        of bare: JID, at service: String, in transaction: any Transaction
    ) throws -> [(node: String, affiliation: Affiliation)] {
        try transaction.query(
            """
            SELECT n.name, a.affiliation FROM pubsub_affiliations a JOIN pubsub_nodes n ON n.id = a.node_id
            WHERE a.jid = ? AND n.service = ? ORDER BY n.name
            """, [.text(bare.description), .text(service)]
        ).compactMap { row in Affiliation(rawValue: row.integer(1)).map { (row.text(0), $0) } }
    }

    // MARK: Subscriptions

    private static let subscriptionColumns = "node_id, jid, state, delivers"

    private static func subscription(row: Row) -> PubSubSubscription? {
        guard let jid = try? JID(parsing: row.text(1)), let state = SubscriptionState(rawValue: row.integer(2)) else {
            return nil
        }
        return PubSubSubscription(nodeID: row.integer(0), jid: jid, state: state, delivers: row.bool(3))
    }

    public static func subscription(
        of jid: JID, to node: PubSubNode, in transaction: any Transaction
    ) throws -> PubSubSubscription? {
        try transaction.query(
            "SELECT \(subscriptionColumns) FROM pubsub_subscriptions WHERE node_id = ? AND jid = ?",
            [.integer(node.id), .text(jid.description)]
        ).first.flatMap(subscription(row:))
    }

    /// The best state that any address of the entity has.
    static func state(
        of bare: JID, with node: PubSubNode, in transaction: any Transaction
    ) throws -> SubscriptionState? {
        let rows = try transaction.query(
            "SELECT state FROM pubsub_subscriptions WHERE bare = ? AND node_id = ? ORDER BY state LIMIT 1",
            [.text(bare.description), .integer(node.id)])
        return rows.first.flatMap { SubscriptionState(rawValue: $0.integer(0)) }
    }

    public static func subscriptions(
        to node: PubSubNode, in transaction: any Transaction
    ) throws -> [PubSubSubscription] {
        try transaction.query(
            "SELECT \(subscriptionColumns) FROM pubsub_subscriptions WHERE node_id = ? ORDER BY jid",
            [.integer(node.id)]
        ).compactMap(subscription(row:))
    }

    /// What all addresses of an entity have.
    static func subscriptions(
        ofAnyAddressOf bare: String, to node: PubSubNode, in transaction: any Transaction
    ) throws -> [PubSubSubscription] {
        try transaction.query(
            "SELECT \(subscriptionColumns) FROM pubsub_subscriptions WHERE bare = ? AND node_id = ? ORDER BY jid",
            [.text(bare), .integer(node.id)]
        ).compactMap(subscription(row:))
    }

    /// Those that wait for an owner, of one node.
    static func pending(
        to node: PubSubNode, in transaction: any Transaction
    ) throws -> [PubSubSubscription] {
        try transaction.query(
            "SELECT \(subscriptionColumns) FROM pubsub_subscriptions WHERE node_id = ? AND state = ? ORDER BY jid",
            [.integer(node.id), .integer(SubscriptionState.pending.rawValue)]
        ).compactMap(subscription(row:))
    }

    /// Names of nodes that an entity owns and somebody waits to subscribe to.
    static func nodesWithPending(
        ownedBy bare: JID, at service: String, in transaction: any Transaction
    ) throws -> [String] {
        try transaction.query(
            """
            SELECT n.name FROM pubsub_affiliations a JOIN pubsub_nodes n ON n.id = a.node_id
            WHERE a.jid = ? AND a.affiliation = ? AND n.service = ? AND EXISTS (
                SELECT 1 FROM pubsub_subscriptions s WHERE s.node_id = n.id AND s.state = ?)
            ORDER BY n.name
            """,
            [
                .text(bare.description), .integer(Affiliation.owner.rawValue), .text(service),
                .integer(SubscriptionState.pending.rawValue),
            ]
        ).map { $0.text(0) }
    }

    static func subscriptionCount(to node: PubSubNode, in transaction: any Transaction) throws -> Int {
        Int(
            try transaction.query(
                "SELECT count(*) FROM pubsub_subscriptions WHERE node_id = ?", [.integer(node.id)])[0].integer(0))
    }

    /// Subscriptions of an entity at a service, with the names of the nodes.
    public static func subscriptions(
        of bare: JID, at service: String, in transaction: any Transaction
    ) throws -> [(node: String, subscription: PubSubSubscription)] {
        try transaction.query(
            """
            SELECT s.node_id, s.jid, s.state, s.delivers, n.name FROM pubsub_subscriptions s
            JOIN pubsub_nodes n ON n.id = s.node_id WHERE s.bare = ? AND n.service = ? ORDER BY n.name, s.jid
            """, [.text(bare.description), .text(service)]
        ).compactMap { row in subscription(row: row).map { (row.text(4), $0) } }
    }

    static func save(_ subscription: PubSubSubscription, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO pubsub_subscriptions (node_id, jid, bare, state, delivers) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (node_id, jid) DO UPDATE SET state = excluded.state, delivers = excluded.delivers
            """,
            [
                .integer(subscription.nodeID), .text(subscription.jid.description),
                .text(subscription.jid.bare.description), .integer(subscription.state.rawValue),
                .bool(subscription.delivers),
            ])
    }

    /// False when there was none.
    static func removeSubscription(
        of jid: JID, to node: PubSubNode, in transaction: any Transaction
    ) throws -> Bool {
        try transaction.execute(
            "DELETE FROM pubsub_subscriptions WHERE node_id = ? AND jid = ?",
            [.integer(node.id), .text(jid.description)]) > 0
    }

    static func removeSubscriptions(
        ofAnyAddressOf bare: JID, to node: PubSubNode, in transaction: any Transaction
    ) throws {
        try transaction.execute(
            "DELETE FROM pubsub_subscriptions WHERE bare = ? AND node_id = ?",
            [.text(bare.description), .integer(node.id)])
    }

    /// A client that is gone gets nothing more from a service (§13.4 of the specification on bounces).
    static func removeSubscriptions(
        ofClient jid: JID, at service: String, in transaction: any Transaction
    ) throws {
        try transaction.execute(
            """
            DELETE FROM pubsub_subscriptions WHERE bare = ? AND jid = ?
                AND node_id IN (SELECT id FROM pubsub_nodes WHERE service = ?)
            """, [.text(jid.bare.description), .text(jid.description), .text(service)])
    }

    /// An account is removed: a later one of the same name inherits neither its subscriptions nor its affiliations.
    static func forget(_ account: JID, in transaction: any Transaction) throws {
        let jid = account.bare.description
        try transaction.execute("DELETE FROM pubsub_subscriptions WHERE bare = ?", [.text(jid)])
        try transaction.execute("DELETE FROM pubsub_affiliations WHERE jid = ?", [.text(jid)])
    }
}
