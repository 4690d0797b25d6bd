import AdminServer
import ArgumentParser
import Foundation
import Ground

/// `roost user import FILE.csv`
struct UserImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Add accounts from a file of comma-separated values.",
        discussion: """
            The first line names the columns: jid,password and optionally name (RFC 4180, UTF-8). A row that cannot be \
            added is reported with its line and reason; the others go in. The exit status is 1 when a row failed.
            """)

    @Argument(help: ArgumentHelp("The file, or - for standard input.", valueName: "file.csv"), completion: .file())
    var file: String
    @OptionGroup var server: ServerOption

    func run() async throws {
        let client = try server.client()
        let handle = try InputFile.open(file)
        defer { try? handle.close() }
        var parser = CSVParser()
        var users = UserImport()
        var isAtEnd = false
        while !isAtEnd {
            let chunk = try InputFile.read(handle, file)
            isAtEnd = chunk.isEmpty
            var rows: [CSVParser.Row] = []
            if isAtEnd {
                parser.finish { rows.append($0) }
            } else {
                parser.feed(chunk) { rows.append($0) }
            }
            for row in rows {
                try users.take(row)
                if users.isBatchFull { try await send(&users, client) }
            }
        }
        guard users.hasHeader else {
            throw CommandFailure("\(file) is empty: expected a header jid,password and optionally name")
        }
        if users.hasBatch { try await send(&users, client) }
        endProgress()
        Output.line("\(users.imported) imported, \(users.failed) failed")
        if users.failed > 0 { throw ExitCode.failure }
    }

    private func send(_ users: inout UserImport, _ client: AdminClient) async throws {
        do {
            let failures = try await users.flush { requests in
                try await client.call(
                    "users.import", body: AdminUserBatch(users: requests), returning: AdminUserBatchReport.self
                ).failures
            }
            for failure in failures {
                Output.error("\(file):\(failure.line): \(Output.printable(failure.reason))")
            }
        } catch {
            let reason = (error as? AdminError)?.explanation ?? "\(error)"
            endProgress()
            throw CommandFailure(
                "stopped at line \(users.lastLine): \(reason)\n\(users.imported) imported, \(users.failed) failed, the rest"
                    + " was not tried")
        }
        if isatty(STDERR_FILENO) == 1 {
            Output.error("\r\(users.imported) imported, \(users.failed) failed … ", terminator: "")
        }
    }

    private func endProgress() {
        if isatty(STDERR_FILENO) == 1 { Output.error("\r\u{1B}[K", terminator: "") }
    }
}
