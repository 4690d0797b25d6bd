import ArgumentParser
import CommandLine
import SIPServer
import XMPPServer

/// The one executable: the server and its command line.
@main
struct Roost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roost",
        abstract: "An instant-messaging and presence server.",
        subcommands: [Serve.self, ProtocolsCommand.self] + CommandLineVerbs.all)
}

/// `roost protocols`: the source of `docs/PROTOCOLS.md`.
struct ProtocolsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "protocols", abstract: "Print the standards the server speaks as Markdown.", shouldDisplay: false)

    func run() { print(ProtocolReference.markdown() + SIPStandards.markdown(), terminator: "") }
}
