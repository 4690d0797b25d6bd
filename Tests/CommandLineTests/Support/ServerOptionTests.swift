import AdminServer
import ArgumentParser
import Foundation
import Ground
import Logging
import NIOPosix
import Storage
import StorageSQLite
import Testing

@testable import CommandLine

@Suite("Commands and the running server", .timeLimit(.minutes(1)))
struct ServerOptionTests {
    /// A folder with a configuration whose certificate does not exist: verbs of a running server do not need it.
    private func withConfig(_ body: (_ file: String, _ socket: String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/roost-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let text = "domains: [{ name: example.com, certificate: none.crt, key: none.key }]\nadmin_socket: a.sock\n"
        try text.write(toFile: folder + "/roost.yaml", atomically: false, encoding: .utf8)
        try await body(folder + "/roost.yaml", folder + "/a.sock")
    }

    @Test("with no server a verb says so and names the socket")
    func noServer() async throws {
        try await withConfig { file, socket in
            let command = try StatusCommand.parse(["--config", file])
            await #expect {
                try await command.run()
            } throws: { error in
                "\(error)" == "no server answers at \(socket): is `roost serve` running?"
                    && StatusCommand.exitCode(for: error).rawValue == 1
            }
        }
    }

    @Test("a configuration that is absent or wrong is named")
    func badConfig() async throws {
        let command = try StatusCommand.parse(["--config", "none.yaml"])
        await #expect {
            try await command.run()
        } throws: { error in
            "\(error)".contains("none.yaml does not exist")
        }
    }

    @Test("a refusal of the server is one sentence and exit status 1")
    func refusal() async throws {
        try await withConfig { file, socket in
            let database = try SQLiteDatabase(path: socket + ".db", synchronous: .off)
            defer { try? database.close() }
            try await Migrator.apply(AdminSchema.migrations, to: database)
            let admin = AdminInterface(
                backend: RefusingBackend(), database: database, time: SystemTime(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let server = AdminServer(
                admin, path: socket, group: MultiThreadedEventLoopGroup.singleton)
            try await server.start()
            for arguments in [
                ["user", "remove", "x@example.com"], ["session", "list"], ["user", "add", "x@example.com"],
            ] {
                var command = try Verbs.parseAsRoot(arguments + ["--config", file])
                await #expect(throws: CommandFailure("no")) {
                    guard var asynchronous = command as? any AsyncParsableCommand else { return try command.run() }
                    try await asynchronous.run()
                }
            }
            await server.stop()
        }
    }

    @Test("every form that scripts depend on is understood")
    func forms() throws {
        let forms = [
            "init --dir d --domain a.example --domain b.example --admin x@a.example --password-stdin --port-offset 5",
            "init --dir d --domain a.example --demo-users", "check --config f", "version",
            "user add a@b --password-stdin --name Anna --config f", "user add a@b --admin",
            "user remove a@b --config f",
            "user password a@b --password-stdin", "user list --json", "user show a@b --json", "user import f.csv",
            "user export f.xml --domain b --user a@b --user c@b --config f", "user export -",
            "user import-xml f.xml g.xml --dry-run --config f", "user import-xml -",
            "admin add anna --role superuser --password-stdin --config f", "admin list --json",
            "admin role anna help-desk", "admin password anna", "admin disable anna", "admin enable anna",
            "admin remove anna", "admin setup-code",
            "token create ci --role auditor --expires 30 --scope users --scope sessions.list --read-only",
            "token list --json", "token revoke 0123",
            "audit anna --operation users --who bob --limit 5 --refused --json",
            "status --server https://localhost:8443 --token-file f --ca-file c",
            "sip registrations --user a@b --query x --json", "sip unregister a@b",
            "sip unregister a@b sip:a@c --config f",
            "sip subscriptions --watcher a@b --presentity c@d --package presence --state active --json",
            "sip publications --user a@b --json", "sip trunks --json", "sip resolve sip:a@b --from c@d --json",
            "sip credentials --json",
            "session list --json", "session end a@b/c", "status --json --config f",
        ]
        for form in forms {
            #expect(throws: Never.self, "\(form)") {
                try Verbs.parseAsRoot(form.split(separator: " ").map(String.init))
            }
        }
    }
}

/// The root command without `serve`.
private struct Verbs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "roost", subcommands: CommandLineVerbs.all)
}

private struct RefusingBackend: AdminBackend {
    private let error = AdminError(.invalid, "no")

    func addUser(_ request: AdminUserRequest) throws { throw error }
    func addUsers(_ requests: [AdminUserRequest]) throws -> [AdminRowFailure] { throw error }
    func removeUser(_ jid: String) throws { throw error }
    func setPassword(_ password: String, of jid: String) throws { throw error }
    func updateUser(_ jid: String, _ change: AdminUserChange) throws { throw error }
    func listUsers(_ query: AdminUserQuery) throws -> AdminPage<AdminUser> { throw error }
    func showUser(_ jid: String) throws -> AdminUserDetail { throw error }
    func listSessions(of jid: String?) throws -> [AdminSession] { throw error }
    func endSessions(_ jid: String) throws -> Int { throw error }
    func status() throws -> AdminStatus { throw error }
    func exportUser(_ request: AdminExportRequest) throws -> AdminExportPage { throw error }
    func importUsers(_ batch: AdminPortableBatch) throws -> AdminPortableReport { throw error }
    func explainPresence(viewer: String, target: String) throws -> AdminPresenceExplanation { throw error }
    func explainMessage(_ id: String) throws -> AdminMessageExplanations { throw error }
    func userPresence(_ jid: String) throws -> AdminUserPresence { throw error }
    func setUserStatus(_ status: AdminStatusChange?, of jid: String) throws { throw error }
    func beginTrace(_ request: AdminTraceRequest) throws -> AdminTrace { throw error }
    func traceEvents(_ id: String, after: Int, seconds: Int) throws -> AdminTraceEvents { throw error }
    func endTrace(_ id: String) throws { throw error }
    func importContacts(_ request: AdminContactImport) throws -> [AdminContactFate] { throw error }
    func roster(of user: String) throws -> [AdminRosterItem] { throw error }
    func exportContacts(after: String?, domain: String?, limit: Int) throws -> [AdminContactList] { throw error }
    func usersWithContacts(_ contacts: Set<String>, after: String?, limit: Int) throws -> AdminContactOwners {
        throw error
    }
    func renameContact(_ old: String, to new: String, of user: String) throws -> String? { throw error }
    func importPlainContacts(
        _ contacts: [AdminPlainContact], of user: String, isDryRun: Bool
    ) throws -> [AdminContactFate] { throw error }
    func exportPlainContacts(after: String?, domain: String?, limit: Int) throws -> [AdminPlainContactList] {
        throw error
    }
    func prepared(user: String, domain: String) -> String? { nil }
    func validateUsers(_ check: AdminUserValidation.Check, limit: Int) throws -> AdminUserValidation { throw error }
}
