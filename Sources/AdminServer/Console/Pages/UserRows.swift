/// Accounts as people write them in a text field: one a line, address, password and, if they like, a name, with commas.
struct UserRows: Sendable {
    struct Failure: Sendable, Equatable {
        /// The line as it was written.
        var row: String
        /// Which line, and what is wrong with it.
        var text: String
    }

    struct Outcome: Sendable {
        var added: Int
        var failures: [Failure]
    }

    private struct Row {
        var number: Int
        var text: String
        var request: AdminUserRequest?
    }

    /// Accounts that are added at a time.
    private static let batch = 5_000

    private let rows: [Row]

    /// - Parameter domain: put behind an address that has none; empty to leave it as it is.
    init(_ text: String, domain: String) {
        rows = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().compactMap {
            index, line in
            guard !line.allSatisfy(\.isWhitespace) else { return nil }
            return Row(number: index + 1, text: String(line), request: Self.request(line, domain: domain))
        }
    }

    var isEmpty: Bool { rows.isEmpty }

    /// Adds those that can be read; the others, and those that the server refuses, are the failures.
    func add(_ request: ConsoleRequest) async throws -> Outcome {
        let language = request.language
        func failure(_ row: Row, _ reason: String) -> Failure {
            Failure(row: row.text, text: language("users.import_row", ["line": "\(row.number)", "reason": reason]))
        }
        let readable = rows.filter { $0.request != nil }
        var failures = rows.filter { $0.request == nil }.map { failure($0, language["users.import_columns"]) }
        guard !readable.isEmpty else { return Outcome(added: 0, failures: failures) }
        var added = 0
        for start in stride(from: 0, to: readable.count, by: Self.batch) {
            let part = Array(readable[start..<min(start + Self.batch, readable.count)])
            let report: AdminUserBatchReport = try await request.perform(
                "users.import", body: AdminUserBatch(users: part.compactMap(\.request)))
            failures += report.failures.filter { part.indices.contains($0.index) }.map {
                failure(part[$0.index], $0.reason)
            }
            added += report.added
        }
        return Outcome(added: added, failures: failures)
    }

    private static func request(_ line: Substring, domain: String) -> AdminUserRequest? {
        let fields = cells(line)
        guard fields.count >= 2, fields.count <= 3, !fields[0].isEmpty, !fields[1].isEmpty else { return nil }
        let jid = fields[0].contains("@") || domain.isEmpty ? fields[0] : fields[0] + "@" + domain
        let name = fields.count > 2 && !fields[2].isEmpty ? fields[2] : nil
        return AdminUserRequest(jid: jid, password: fields[1], name: name)
    }

    /// The cells of one line (RFC 4180), without white space around them.
    static func cells(_ line: Substring) -> [String] {
        var cells: [String] = []
        var cell = ""
        var isQuoted = false
        var wasQuoted = false
        var rest = line[...]
        func trimmed(_ text: String) -> String {
            String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        }
        while let character = rest.popFirst() {
            switch character {
            case "\"" where isQuoted && rest.first == "\"":
                cell.append("\"")
                rest.removeFirst()
            case "\"" where isQuoted: isQuoted = false
            case "\"" where cell.allSatisfy(\.isWhitespace) && !wasQuoted:
                (cell, isQuoted, wasQuoted) = ("", true, true)
            case "," where !isQuoted:
                cells.append(wasQuoted ? cell : trimmed(cell))
                (cell, wasQuoted) = ("", false)
            default: if isQuoted || !wasQuoted { cell.append(character) }
            }
        }
        cells.append(wasQuoted ? cell : trimmed(cell))
        return cells
    }
}
