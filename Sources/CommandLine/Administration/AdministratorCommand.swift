import AdminServer
import ArgumentParser

/// `roost admin`
struct AdministratorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "admin", abstract: "Manage who may sign in to the console.",
        discussion: "Roles: superuser, administrator, help-desk, auditor; see docs/administration.md.",
        subcommands: [
            Add.self, List.self, Role.self, SetPassword.self, Disable.self, Enable.self, Remove.self, SetupCode.self,
        ])

    struct Target: ParsableArguments {
        @Argument(help: "Name of the administrator.") var name: String
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add an administrator.")

        @OptionGroup var target: Target
        @Option(help: "What the administrator may do.") var role: AdminRole
        @OptionGroup var password: PasswordOption
        @OptionGroup var server: ServerOption

        func run() async throws {
            let (text, isGenerated) = try password.password(for: target.name)
            let request = AdminAdministratorRequest(name: target.name, password: text, role: role)
            _ = try await server.ask("administrators.create", body: request, returning: Administrator.self)
            Output.line("\(target.name) added as \(role.rawValue)")
            if isGenerated { Output.line("password: \(text)") }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List administrators.")

        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let found = try await server.ask("administrators.list", returning: AdminPage<Administrator>.self).items
            if json { return try Output.json(found) }
            var table = TextTable(["NAME", "ROLE", "DISABLED", "CREATED", "LAST LOGIN"])
            for one in found {
                table.add([
                    one.name, one.role.rawValue, one.isDisabled ? "yes" : "", one.created, one.lastLogin ?? "never",
                ])
            }
            table.write()
        }
    }

    struct Role: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Change what an administrator may do.")

        @OptionGroup var target: Target
        @Argument(help: "The new role.") var role: AdminRole
        @OptionGroup var server: ServerOption

        func run() async throws {
            try await AdministratorCommand.change(target, AdminAdministratorChange(role: role), server)
            Output.line("\(target.name) is \(role.rawValue)")
        }
    }

    struct SetPassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "password", abstract: "Change a password.")

        @OptionGroup var target: Target
        @OptionGroup var password: PasswordOption
        @OptionGroup var server: ServerOption

        func run() async throws {
            let (text, isGenerated) = try password.password(for: target.name)
            try await AdministratorCommand.change(target, AdminAdministratorChange(password: text), server)
            Output.line("password of \(target.name) changed; console sessions ended")
            if isGenerated { Output.line("password: \(text)") }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Refuse the sign-in, and end console sessions.")

        @OptionGroup var target: Target
        @OptionGroup var server: ServerOption

        func run() async throws {
            try await AdministratorCommand.change(target, AdminAdministratorChange(isDisabled: true), server)
            Output.line("\(target.name) disabled")
        }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Allow the sign-in again.")

        @OptionGroup var target: Target
        @OptionGroup var server: ServerOption

        func run() async throws {
            try await AdministratorCommand.change(target, AdminAdministratorChange(isDisabled: false), server)
            Output.line("\(target.name) enabled")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove an administrator.")

        @OptionGroup var target: Target
        @OptionGroup var server: ServerOption

        func run() async throws {
            try await server.tell("administrators.delete", ["name": target.name])
            Output.line("\(target.name) removed")
        }
    }

    struct SetupCode: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "setup-code", abstract: "Print the code that makes the first administrator in the console.")

        @OptionGroup var server: ServerOption

        func run() async throws {
            guard let code = try await server.ask("setup.code", returning: AdminSetupCode.self).code else {
                throw CommandFailure("there is an administrator already: `roost admin list` names them")
            }
            Output.line(code)
        }
    }

    private static func change(
        _ target: Target, _ change: AdminAdministratorChange, _ server: ServerOption
    ) async throws {
        _ = try await server.ask(
            "administrators.update", ["name": target.name], body: change, returning: Administrator.self)
    }
}

extension AdminRole: ExpressibleByArgument {}
