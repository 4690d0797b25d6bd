import AdminServer
import ArgumentParser

/// `roost session`
struct SessionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "Look at sessions and end them.", subcommands: [List.self, End.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List every session.")

        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let sessions = try await server.all("sessions.list", of: AdminSession.self)
            if json { return try Output.json(sessions) }
            SessionCommand.table(sessions).write()
        }
    }

    struct End: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End the session of a full address, or every session of a bare one.")

        @Argument(help: ArgumentHelp("user@domain/resource or user@domain.", valueName: "jid"))
        var jid: String
        @OptionGroup var server: ServerOption

        func run() async throws {
            let ended = try await server.ask("sessions.end", ["jid": jid], returning: AdminCount.self).count
            guard ended > 0 else { throw CommandFailure("there is no session of \(jid)") }
            Output.line("\(Output.count(ended, "session")) ended")
        }
    }

    static func table(_ sessions: [AdminSession]) -> TextTable {
        var table = TextTable(["JID", "ADDRESS", "TLS", "MECHANISM", "STATE", "PRESENCE", "UNACKED", "SINCE", "CLIENT"])
        for session in sessions {
            table.add([
                session.jid, session.address, session.tls, session.mechanism, session.state,
                "\(session.presence) (\(session.priority))",
                session.streamManagement ? "\(session.unacknowledged)" : "-", session.since, session.client,
            ])
        }
        return table
    }
}
