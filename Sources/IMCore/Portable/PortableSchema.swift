import Storage
import XMPPWire

/// Where the records of an account wait that is too large for one request.
enum PortableSchema {
    static let migration = Migration(
        "portable-1",
        [
            """
            CREATE TABLE portable_records (
                batch TEXT NOT NULL, number BIGINT NOT NULL, line BIGINT NOT NULL, place TEXT NOT NULL,
                node TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (batch, number))
            """
        ])
}

/// SQL of records that wait. An import has a name that nobody else knows.
public enum PortableStore {
    /// Records read at a time.
    private static let pageSize = 100

    public static func add(
        _ records: [PortableRecord], to name: String, in transaction: any Transaction
    ) throws {
        var number = try transaction.query(
            "SELECT coalesce(max(number), 0) FROM portable_records WHERE batch = ?", [.text(name)])[0].integer(0)
        for record in records {
            number += 1
            try transaction.execute(
                "INSERT INTO portable_records (batch, number, line, place, node, content) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    .text(name), .integer(number), .integer(Int64(record.line)), .text(record.place.rawValue),
                    .text(record.node), .blob(record.bytes),
                ])
        }
    }

    /// The records in the order in which they came, a few at a time.
    static func forEach(
        of name: String, in transaction: any Transaction, _ body: (PortableRecord) throws -> Void
    ) throws {
        var last: Int64 = 0
        while true {
            let rows = try transaction.query(
                """
                SELECT number, line, place, node, content FROM portable_records WHERE batch = ? AND number > ?
                ORDER BY number LIMIT ?
                """, [.text(name), .integer(last), .integer(Int64(pageSize))])
            for row in rows {
                last = row.integer(0)
                guard let place = PortableRecord.Place(rawValue: row.text(2)) else { continue }
                try body(
                    PortableRecord(line: Int(row.integer(1)), place: place, node: row.text(3), bytes: row.blob(4)))
            }
            if rows.count < pageSize { return }
        }
    }

    /// - Parameter name: of one import; nil for all, when nobody can be importing.
    public static func clear(_ name: String?, in transaction: any Transaction) throws {
        if let name {
            try transaction.execute("DELETE FROM portable_records WHERE batch = ?", [.text(name)])
        } else {
            try transaction.execute("DELETE FROM portable_records", [])
        }
    }
}
