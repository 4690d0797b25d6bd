import AdminServer
import ArgumentParser

/// `roost token`
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Manage tokens of the HTTP API.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token and print it, this once.",
            discussion: "The token goes to standard output alone, so that it can be written to a file.")

        @Argument(help: "What the token is for; stands in the audit.") var name: String
        @Option(help: "What it may do.") var role: AdminRole
        @Option(help: ArgumentHelp("Days until it expires.", valueName: "days")) var expires = 90
        @Option(help: ArgumentHelp("Only operations with this name or beginning; may be repeated.", valueName: "name"))
        var scope: [String] = []
        @Flag(help: "It can change nothing.") var readOnly = false
        @OptionGroup var server: ServerOption

        func run() async throws {
            let request = AdminTokenRequest(
                name: name, role: role, scopes: scope, isReadOnly: readOnly, expiresDays: expires)
            let made = try await server.ask("tokens.create", body: request, returning: AdminTokenCreated.self)
            Output.error("token \(made.id), good until \(made.expires)")
            Output.line(made.token)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List tokens, without what proves them.")

        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let found = try await server.ask("tokens.list", returning: AdminPage<AdminToken>.self).items
            if json { return try Output.json(found) }
            var table = TextTable(["ID", "NAME", "ROLE", "SCOPES", "EXPIRES", "LAST USED", "CREATOR"])
            for token in found {
                let scopes = (token.isReadOnly ? ["read only"] : []) + token.scopes
                table.add([
                    token.id, token.name, token.role.rawValue, scopes.joined(separator: " "), token.expires,
                    token.lastUsed ?? "never", token.creator,
                ])
            }
            table.write()
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a token void.")

        @Argument(help: "Id of the token.") var id: String
        @OptionGroup var server: ServerOption

        func run() async throws {
            try await server.tell("tokens.revoke", ["id": id])
            Output.line("token \(id) revoked")
        }
    }
}
