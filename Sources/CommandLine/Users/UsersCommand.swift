import AdminServer
import ArgumentParser

/// `roost users`: all accounts together.
struct UsersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users", abstract: "Look at all accounts together.", subcommands: [UsersValidateCommand.self])
}

/// `roost utils users`: the names that administrators of other products know.
struct VendorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "utils", abstract: "The same verbs under the names of another product.", shouldDisplay: false,
        subcommands: [UsersCommand.self])
}

/// `roost users validate {all|userid|uri}`
struct UsersValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Find duplicate user IDs, and directory URIs that are missing or wrong.",
        discussion: """
            The directory URI of an account is the mail address of its card (vCard). The exit status is 1 when something \
            other than a missing directory URI was found.
            """)

    enum Check: String, ExpressibleByArgument, CaseIterable { case all, userid, uri }

    @Argument(help: "What is looked at.") var check = Check.all
    @Option(help: "Findings of each section at most.") var limit = 10
    @OptionGroup var server: ServerOption
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let found = try await server.ask(
            "users.validate", ["check": check.rawValue, "limit": String(limit)],
            returning: AdminUserValidation.self)
        if json { try Output.json(found) } else { for section in found.sections { show(section) } }
        let isWrong = found.sections.contains { $0.name != "no-directory-uri" && $0.count > 0 }
        if isWrong { throw ExitCode.failure }
    }

    private func show(_ section: AdminUserValidation.Section) {
        Output.line("\(section.title): \(section.count)")
        for finding in section.findings {
            let value = finding.value.isEmpty ? "" : "\(finding.value): "
            Output.line("  " + Output.printable(value + finding.users.joined(separator: ", ")))
        }
        if section.count > section.findings.count {
            Output.line("  … and \(section.count - section.findings.count) more")
        }
    }
}
