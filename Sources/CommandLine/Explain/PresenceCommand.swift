import AdminServer
import ArgumentParser

/// `roost presence`
struct PresenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "presence", abstract: "Look at the presence of users, and set it for them.",
        subcommands: [Show.self, SetStatus.self, Clear.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The presence of a user as the server sees it.")

        @Argument(help: "user@domain.") var jid: String
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON object.") var json = false

        func run() async throws {
            let presence = try await server.ask("presence.show", ["jid": jid], returning: AdminUserPresence.self)
            if json { return try Output.json(presence) }
            var lines = ["\(presence.jid): \(StatusText.line(presence.status))"]
            if let manual = presence.manual {
                lines.append(
                    "  set by hand: \(manual.state) by the \(manual.by)"
                        + (manual.until.map { ", until \($0)" } ?? ""))
            }
            lines += StatusText.sources(presence.status) + StatusText.clients(presence.clients)
            for line in lines { Output.line(Output.printable(line)) }
        }
    }

    struct SetStatus: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Set the status of a user; it goes before what the user's clients say.")

        @Argument(help: "user@domain.") var jid: String
        @Argument(help: "available, away, busy, dnd, offline (invisible), or text.") var state: String
        @Option(help: "A text for it.") var note: String?
        @Option(help: ArgumentHelp("Until when, for example 2026-01-01T16:00:00Z.", valueName: "instant"))
        var until: String?
        @OptionGroup var server: ServerOption

        func run() async throws {
            try await server.tell(
                "presence.set", ["jid": jid], body: AdminStatusChange(state: state, note: note, until: until))
            Output.line("the status of \(jid) is \(state)")
        }
    }

    struct Clear: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Leave the status of a user to the clients again.")

        @Argument(help: "user@domain.") var jid: String
        @OptionGroup var server: ServerOption

        func run() async throws {
            try await server.tell("presence.clear", ["jid": jid])
            Output.line("the clients of \(jid) decide again")
        }
    }
}
