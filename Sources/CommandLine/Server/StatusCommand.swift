import AdminServer
import ArgumentParser
import Ground
import Settings

/// `roost status`
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Show how the running server is.")

    @OptionGroup var server: ServerOption
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let status = try await server.ask("status", returning: AdminStatus.self)
        if json { return try Output.json(status) }
        Self.table(status).write()
    }

    static func table(_ status: AdminStatus) -> TextTable {
        var table = TextTable([])
        table.add(["version", status.version])
        table.add(["process", "\(status.pid), up \(Output.duration(seconds: status.uptimeSeconds))"])
        table.add(["domains", status.domains.joined(separator: ", ")])
        for listener in status.listeners { table.add(["listening", listener]) }
        table.add(["durability", status.durability])
        table.add(["users", "\(status.users)"])
        table.add(["connections", "\(status.connections)"])
        table.add(["sessions", "\(status.sessions), resumable \(status.resumableSessions)"])
        table.add(["messages routed", "\(status.messagesRouted)"])
        table.add(["messages stored", "\(status.storedMessages)"])
        table.add(["journal commits", "\(status.journalCommits)"])
        table.add(["memory", Output.size(bytes: status.residentBytes)])
        return table
    }
}

/// `roost version`
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() {
        Output.line("roost \(RoostVersion.current)")
    }
}

/// `roost reference`: the source of `docs/OPTIONS.md`.
struct ReferenceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reference", abstract: "Print the reference page of all options as Markdown.", shouldDisplay: false
    )

    func run() {
        Output.line(String(ConfigReference.markdown().dropLast()))
    }
}
