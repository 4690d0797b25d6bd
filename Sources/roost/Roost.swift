import ArgumentParser
import CommandLine

/// The one executable: the server and its command line.
@main
struct Roost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost",
        abstract: "An instant-messaging and presence server.",
        subcommands: [Serve.self] + CommandLineVerbs.all)
}
