import AdminServer
import ArgumentParser

/// `roost user`
struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Manage accounts of the running server.",
        subcommands: [
            Add.self, Remove.self, SetPassword.self, List.self, Show.self, UserImportCommand.self,
            UserExportCommand.self, UserImportXMLCommand.self,
        ])

    /// The account a verb is about.
    struct Target: ParsableArguments {
        @Argument(help: ArgumentHelp("Address of the account, user@domain.", valueName: "jid"))
        var jid: String
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add an account.")

        @OptionGroup var target: Target
        @OptionGroup var password: PasswordOption
        @Option(help: "Name for people.") var name: String?
        @Flag(help: "Let the account administer the server.") var admin = false
        @OptionGroup var server: ServerOption

        func run() async throws {
            let (text, isGenerated) = try password.password(for: target.jid)
            let request = AdminUserRequest(jid: target.jid, password: text, name: name, isAdmin: admin)
            _ = try await server.ask("users.create", body: request, returning: AdminUserDetail.self)
            Output.line("\(target.jid) added")
            if isGenerated { Output.line("password: \(text)") }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an account with its roster and stored messages, and end its sessions.")

        @OptionGroup var target: Target
        @OptionGroup var server: ServerOption

        func run() async throws {
            try await server.tell("users.delete", ["jid": target.jid])
            Output.line("\(target.jid) removed")
        }
    }

    struct SetPassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "password", abstract: "Change a password.")

        @OptionGroup var target: Target
        @OptionGroup var password: PasswordOption
        @OptionGroup var server: ServerOption

        func run() async throws {
            let (text, isGenerated) = try password.password(for: target.jid)
            try await server.tell("users.password", ["jid": target.jid], body: AdminPassword(password: text))
            Output.line("password of \(target.jid) changed")
            if isGenerated { Output.line("password: \(text)") }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List every account.")

        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let users = try await server.all("users.list", of: AdminUser.self)
            if json { return try Output.json(users) }
            UserCommand.table(users).write()
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one account.")

        @OptionGroup var target: Target
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON object.") var json = false

        func run() async throws {
            let user = try await server.ask("users.get", ["jid": target.jid], returning: AdminUserDetail.self)
            if json { return try Output.json(user) }
            UserCommand.table(user).write()
            guard !user.sessions.isEmpty else { return }
            Output.line("")
            SessionCommand.table(user.sessions).write()
        }
    }

    static func table(_ users: [AdminUser]) -> TextTable {
        var table = TextTable(["JID", "NAME", "ADMIN", "SESSIONS"])
        for user in users {
            table.add([user.jid, user.name ?? "", user.isAdmin ? "yes" : "", "\(user.sessions)"])
        }
        return table
    }

    static func table(_ user: AdminUserDetail) -> TextTable {
        var table = TextTable([])
        table.add(["address", user.jid])
        table.add(["name", user.name ?? ""])
        table.add(["administrator", user.isAdmin ? "yes" : "no"])
        table.add(["created", user.created])
        table.add(["last seen", user.lastSeen ?? "never"])
        table.add(["SCRAM iterations", "\(user.scramIterations)"])
        table.add(["roster items", "\(user.rosterItems)"])
        table.add(["blocked addresses", "\(user.blockedItems)"])
        table.add(["stored messages", "\(user.storedMessages)"])
        table.add(["sessions", "\(user.sessions.count)"])
        return table
    }
}
