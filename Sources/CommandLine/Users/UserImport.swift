import AdminServer
import Ground

/// Turns rows of `jid,password[,name]` into batches of requests, and answers into a report by line.
struct UserImport {
    /// A row that did not go in.
    struct Failure: Equatable {
        var line: Int
        var reason: String
    }

    /// What the server takes at once: small enough to show progress and to fit a request line.
    static let batchRows = 1_000
    static let batchBytes = 2 * 1_048_576

    private struct Columns {
        var jid: Int
        var password: Int
        var name: Int?
        var count: Int
    }

    private var columns: Columns?
    private var requests: [AdminUserRequest] = []
    private var lines: [Int] = []
    private var bytes = 0
    private var badRows: [Failure] = []
    private(set) var imported = 0
    private(set) var failed = 0
    /// The line of the last row taken.
    private(set) var lastLine = 0

    var isBatchFull: Bool {
        requests.count + badRows.count >= Self.batchRows || bytes >= Self.batchBytes
    }

    var hasBatch: Bool { !requests.isEmpty || !badRows.isEmpty }
    var hasHeader: Bool { columns != nil }

    /// Takes the header or one more row.
    ///
    /// - Throws: when the header is not one; a bad row is only noted.
    mutating func take(_ row: CSVParser.Row) throws(CommandFailure) {
        lastLine = row.line
        guard let columns else {
            self.columns = try Self.header(row)
            return
        }
        switch row.fields {
        case .failure(let fault):
            badRows.append(Failure(line: row.line, reason: fault.description))
        case .success(let fields):
            guard fields.count == columns.count else {
                let reason = "\(Output.count(fields.count, "field")) where the header has \(columns.count)"
                return badRows.append(Failure(line: row.line, reason: reason))
            }
            let jid = fields[columns.jid]
            guard !jid.isEmpty else { return badRows.append(Failure(line: row.line, reason: "jid is empty")) }
            let password = fields[columns.password]
            guard !password.isEmpty else {
                return badRows.append(Failure(line: row.line, reason: "the password of \(jid) is empty"))
            }
            let name = columns.name.map { fields[$0] }.flatMap { $0.isEmpty ? nil : $0 }
            requests.append(AdminUserRequest(jid: jid, password: password, name: name))
            lines.append(row.line)
            bytes += jid.utf8.count + password.utf8.count + (name?.utf8.count ?? 0)
        }
    }

    /// Sends what has been taken through `add` and counts it.
    ///
    /// - Parameter add: adds the accounts, returns the rows that failed (`AdminBackend.addUsers`).
    /// - Returns: the rows of this batch that did not go in, by line.
    mutating func flush(
        _ add: ([AdminUserRequest]) async throws -> [AdminRowFailure]
    ) async throws -> [Failure] {
        var failures = badRows
        if !requests.isEmpty {
            let refused = try await add(requests).filter { requests.indices.contains($0.index) }
            failures += refused.map { Failure(line: lines[$0.index], reason: $0.reason) }
            imported += requests.count - Set(refused.map(\.index)).count
        }
        failed += failures.count
        (requests, lines, badRows, bytes) = ([], [], [], 0)
        return failures.sorted { $0.line < $1.line }
    }

    private static func header(_ row: CSVParser.Row) throws(CommandFailure) -> Columns {
        let expected = "expected the columns jid,password and optionally name"
        guard case .success(let fields) = row.fields else {
            throw CommandFailure("line \(row.line): the header cannot be read: \(expected)")
        }
        let names = fields.map { name in
            String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()).lowercased()
        }
        for name in names where !["jid", "password", "name"].contains(name) {
            throw CommandFailure(
                "line \(row.line): unknown column \"\(Output.printable(String(name.prefix(64))))\": \(expected)")
        }
        guard Set(names).count == names.count else {
            throw CommandFailure("line \(row.line): a column is named twice: \(expected)")
        }
        guard let jid = names.firstIndex(of: "jid"), let password = names.firstIndex(of: "password") else {
            throw CommandFailure("line \(row.line): a column is missing: \(expected)")
        }
        return Columns(jid: jid, password: password, name: names.firstIndex(of: "name"), count: names.count)
    }
}
