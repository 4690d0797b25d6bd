import AdminServer
import ArgumentParser

/// `roost audit`
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Show what administrators did and tried to do, the newest first.")

    @Argument(help: "Part of the target, of the name of who did it, or of the summary.") var query: String?
    @Option(help: "Only this operation, or those that begin so.") var operation: String?
    @Option(help: "Only what this administrator did.") var who: String?
    @Option(help: ArgumentHelp("Not older than this.", valueName: "2026-01-31T12:00:00Z")) var since: String?
    @Flag(help: "Only what was refused or failed.") var refused = false
    @Option(help: "Entries, at most 1000.") var limit = 50
    @Flag(help: "Print one JSON array.") var json = false
    @OptionGroup var server: ServerOption

    func run() async throws {
        var parameters = ["limit": "\(limit)"]
        parameters["query"] = query
        parameters["operation"] = operation
        parameters["who"] = who
        parameters["since"] = since
        if refused { parameters["outcome"] = AuditEntry.Outcome.refused.rawValue }
        let found = try await server.ask("audit.list", parameters, returning: AdminPage<AuditEntry>.self).items
        if json { return try Output.json(found) }
        Self.table(found).write()
    }

    static func table(_ entries: [AuditEntry]) -> TextTable {
        var table = TextTable(["AT", "WHO", "ADDRESS", "OPERATION", "TARGET", "OUTCOME", "WHAT"])
        for entry in entries {
            let change =
                [entry.before, entry.after].contains { $0 != nil }
                ? "\(entry.before ?? "-") → \(entry.after ?? "-")" : ""
            table.add([
                entry.at, entry.who, entry.address, entry.operation, entry.target, entry.outcome.rawValue,
                [change, entry.summary ?? ""].filter { !$0.isEmpty }.joined(separator: "; "),
            ])
        }
        return table
    }
}
