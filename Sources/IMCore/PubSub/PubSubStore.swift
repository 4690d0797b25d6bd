import Storage
import XMPPWire

/// A node as stored.
public struct PubSubNode: Sendable {
    public var id: Int64
    /// Address of the service: an account's bare address, or a domain.
    public var service: String
    /// Row of the account, nil for a node of a service.
    public var userID: Int64?
    public var name: String
    /// Bare address of who created it.
    public var creator: String
    /// Milliseconds since 1970.
    public var createdAt: Int64
    public var configuration: NodeConfiguration
    /// Of the newest item ever; grows by one with each publication.
    var sequence: Int64
    public var itemCount: Int
    var bytes: Int
}

/// An item as stored.
public struct PubSubItem: Sendable {
    public var id: String
    public var sequence: Int64
    /// Bare address of the publisher.
    public var publisher: String
    /// Milliseconds since 1970.
    public var publishedAt: Int64
    /// The serialised payload with its own namespace declaration; empty for none.
    public var payload: [UInt8]
}

/// SQL of nodes and items. Every function runs inside the transaction it is given; nothing reads all items of a node
/// unless asked for them.
public enum PubSubStore {
    static let nodeColumns = "id, service, user_id, name, creator, created_ms, configuration, sequence, items, bytes"

    static func node(row: Row) -> PubSubNode {
        PubSubNode(
            id: row.integer(0), service: row.text(1), userID: row.optionalInteger(2), name: row.text(3),
            creator: row.text(4), createdAt: row.integer(5), configuration: NodeConfiguration(stored: row.text(6)),
            sequence: row.integer(7), itemCount: Int(row.integer(8)), bytes: Int(row.integer(9)))
    }

    public static func node(
        _ name: String, of service: String, in transaction: any Transaction
    ) throws -> PubSubNode? {
        try transaction.query(
            "SELECT \(nodeColumns) FROM pubsub_nodes WHERE service = ? AND name = ?", [.text(service), .text(name)]
        ).first.map(node(row:))
    }

    /// Nodes of a service in the order of their names.
    public static func nodes(of service: String, in transaction: any Transaction) throws -> [PubSubNode] {
        try transaction.query(
            "SELECT \(nodeColumns) FROM pubsub_nodes WHERE service = ? ORDER BY name", [.text(service)]
        ).map(node(row:))
    }

    /// Nodes of a page: names after `name`, at most `limit`.
    public static func nodes(
        of service: String, after name: String, limit: Int, in transaction: any Transaction
    ) throws -> [PubSubNode] {
        try transaction.query(
            "SELECT \(nodeColumns) FROM pubsub_nodes WHERE service = ? AND name > ? ORDER BY name LIMIT ?",
            [.text(service), .text(name), .integer(Int64(limit))]
        ).map(node(row:))
    }

    public static func nodeCount(of service: String, in transaction: any Transaction) throws -> Int {
        Int(
            try transaction.query("SELECT count(*) FROM pubsub_nodes WHERE service = ?", [.text(service)])[0]
                .integer(0))
    }

    /// How many nodes, and bytes of items, a creator has at a service.
    static func usage(
        of creator: String, at service: String, in transaction: any Transaction
    ) throws -> (nodes: Int, bytes: Int) {
        let row = try transaction.query(
            "SELECT count(*), coalesce(sum(bytes), 0) FROM pubsub_nodes WHERE service = ? AND creator = ?",
            [.text(service), .text(creator)])[0]
        return (Int(row.integer(0)), Int(row.integer(1)))
    }

    /// Stores a new node; its name must be free.
    static func insert(_ node: PubSubNode, in transaction: any Transaction) throws -> Int64 {
        let rows = try transaction.query(
            """
            INSERT INTO pubsub_nodes (service, user_id, name, creator, created_ms, configuration, sequence, items, bytes)
            VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0) RETURNING id
            """,
            [
                .text(node.service), node.userID.map { .integer($0) } ?? .null, .text(node.name), .text(node.creator),
                .integer(node.createdAt), .text(node.configuration.stored),
            ])
        return rows.first?.integer(0) ?? 0
    }

    static func setConfiguration(_ node: PubSubNode, in transaction: any Transaction) throws {
        try transaction.execute(
            "UPDATE pubsub_nodes SET configuration = ? WHERE id = ?",
            [.text(node.configuration.stored), .integer(node.id)])
    }

    private static func setCounters(_ node: PubSubNode, in transaction: any Transaction) throws {
        try transaction.execute(
            "UPDATE pubsub_nodes SET sequence = ?, items = ?, bytes = ? WHERE id = ?",
            [
                .integer(node.sequence), .integer(Int64(node.itemCount)), .integer(Int64(node.bytes)),
                .integer(node.id),
            ])
    }

    static func delete(_ node: PubSubNode, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM pubsub_nodes WHERE id = ?", [.integer(node.id)])
    }

    // MARK: Items

    private static let itemColumns = "id, sequence, publisher, published_ms, payload"

    private static func item(row: Row) -> PubSubItem {
        PubSubItem(
            id: row.text(0), sequence: row.integer(1), publisher: row.text(2), publishedAt: row.integer(3),
            payload: row.blob(4))
    }

    public static func item(_ id: String, of node: PubSubNode, in transaction: any Transaction) throws -> PubSubItem? {
        try transaction.query(
            "SELECT \(itemColumns) FROM pubsub_items WHERE node_id = ? AND id = ?", [.integer(node.id), .text(id)]
        ).first.map(item(row:))
    }

    /// The newest items, newest first, no more than one beyond `bytes` in all; `before` limits them to sequences
    /// below it.
    public static func newest(
        of node: PubSubNode, limit: Int, before: Int64 = .max, bytes: Int = .max, in transaction: any Transaction
    ) throws -> [PubSubItem] {
        var oldest: Int64 = 0
        if limit > 1, node.bytes > bytes {
            let sizes = try transaction.query(
                """
                SELECT sequence, length(payload) FROM pubsub_items WHERE node_id = ? AND sequence < ?
                ORDER BY sequence DESC LIMIT ?
                """, [.integer(node.id), .integer(before), .integer(Int64(limit))])
            var total = 0
            for size in sizes where total < bytes {
                oldest = size.integer(0)
                total += Int(size.integer(1))
            }
        }
        return try transaction.query(
            """
            SELECT \(itemColumns) FROM pubsub_items WHERE node_id = ? AND sequence < ? AND sequence >= ?
            ORDER BY sequence DESC LIMIT ?
            """, [.integer(node.id), .integer(before), .integer(oldest), .integer(Int64(limit))]
        ).map(item(row:))
    }

    /// The oldest items after a sequence, oldest first.
    public static func oldest(
        of node: PubSubNode, limit: Int, after: Int64 = 0, skipping: Int = 0, in transaction: any Transaction
    ) throws -> [PubSubItem] {
        try transaction.query(
            """
            SELECT \(itemColumns) FROM pubsub_items WHERE node_id = ? AND sequence > ?
            ORDER BY sequence LIMIT ? OFFSET ?
            """,
            [.integer(node.id), .integer(after), .integer(Int64(limit)), .integer(Int64(skipping))]
        ).map(item(row:))
    }

    /// How many items are older than that sequence.
    static func position(
        _ sequence: Int64, in node: PubSubNode, in transaction: any Transaction
    ) throws -> Int {
        Int(
            try transaction.query(
                "SELECT count(*) FROM pubsub_items WHERE node_id = ? AND sequence < ?",
                [.integer(node.id), .integer(sequence)])[0].integer(0))
    }

    /// Stores an item as the newest one, in place of one with the same id, and removes the oldest past `limit`.
    /// - Returns: ids of the items that had to go.
    static func publish(
        _ item: PubSubItem, to node: inout PubSubNode, keeping limit: Int, in transaction: any Transaction
    ) throws -> [String] {
        let old = try transaction.query(
            "SELECT length(payload) FROM pubsub_items WHERE node_id = ? AND id = ?",
            [.integer(node.id), .text(item.id)]
        ).first
        node.sequence += 1
        node.bytes += item.payload.count - Int(old?.integer(0) ?? 0)
        if old == nil { node.itemCount += 1 }
        try transaction.execute(
            """
            INSERT INTO pubsub_items (node_id, id, sequence, publisher, published_ms, payload)
            VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (node_id, id) DO UPDATE SET sequence = excluded.sequence, publisher = excluded.publisher,
                published_ms = excluded.published_ms, payload = excluded.payload
            """,
            [
                .integer(node.id), .text(item.id), .integer(node.sequence), .text(item.publisher),
                .integer(item.publishedAt), .blob(item.payload),
            ])
        return try trim(&node, to: limit, in: transaction)
    }

    /// Removes the oldest items past `limit` and stores the counters.
    static func trim(_ node: inout PubSubNode, to limit: Int, in transaction: any Transaction) throws -> [String] {
        var gone: [String] = []
        let surplus = node.itemCount - limit
        if surplus > 0 {
            let rows = try transaction.query(
                "SELECT id, length(payload) FROM pubsub_items WHERE node_id = ? ORDER BY sequence LIMIT ?",
                [.integer(node.id), .integer(Int64(surplus))])
            for row in rows {
                try transaction.execute(
                    "DELETE FROM pubsub_items WHERE node_id = ? AND id = ?", [.integer(node.id), .text(row.text(0))])
                gone.append(row.text(0))
                node.bytes -= Int(row.integer(1))
            }
            node.itemCount -= rows.count
        }
        try setCounters(node, in: transaction)
        return gone
    }

    /// Removes items published before an instant; looks at one when there are none.
    static func expire(_ node: inout PubSubNode, before instant: Int64, in transaction: any Transaction) throws {
        guard node.itemCount > 0,
            let oldest = try oldest(of: node, limit: 1, in: transaction).first, oldest.publishedAt < instant
        else { return }
        let gone = try transaction.query(
            "DELETE FROM pubsub_items WHERE node_id = ? AND published_ms < ? RETURNING length(payload)",
            [.integer(node.id), .integer(instant)])
        node.itemCount -= gone.count
        node.bytes -= gone.reduce(0) { $0 + Int($1.integer(0)) }
        try setCounters(node, in: transaction)
    }

    /// False when there is no such item.
    static func retract(_ id: String, from node: inout PubSubNode, in transaction: any Transaction) throws -> Bool {
        let rows = try transaction.query(
            "DELETE FROM pubsub_items WHERE node_id = ? AND id = ? RETURNING length(payload)",
            [.integer(node.id), .text(id)])
        guard let row = rows.first else { return false }
        node.itemCount -= 1
        node.bytes -= Int(row.integer(0))
        try setCounters(node, in: transaction)
        return true
    }

    static func purge(_ node: inout PubSubNode, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM pubsub_items WHERE node_id = ?", [.integer(node.id)])
        node.itemCount = 0
        node.bytes = 0
        try setCounters(node, in: transaction)
    }

    /// Ids of all items, oldest first.
    public static func itemIDs(
        of node: PubSubNode, limit: Int, in transaction: any Transaction
    ) throws -> [String] {
        try transaction.query(
            "SELECT id FROM pubsub_items WHERE node_id = ? ORDER BY sequence LIMIT ?",
            [.integer(node.id), .integer(Int64(limit))]
        ).map { $0.text(0) }
    }
}
