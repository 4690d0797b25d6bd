import AdminServer
import ArgumentParser

/// `roost sip`
struct SIPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sip", abstract: "Registrations, subscriptions, trunks and routes of SIP.",
        subcommands: [
            Registrations.self, Unregister.self, Subscriptions.self, Publications.self, Trunks.self, Resolve.self,
            Credentials.self,
        ])

    struct Registrations: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Contacts that SIP clients have registered.")

        @Option(help: "Only those of this account, user@domain.") var user: String?
        @Option(help: "Part of the user, the contact, the network address or the client.") var query: String?
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let found = try await server.all(
                "sip.registrations", SIPCommand.given(["user": user, "query": query]), of: AdminSIPRegistration.self)
            if json { return try Output.json(found) }
            var table = TextTable(["USER", "CONTACT", "OVER", "FROM", "UNTIL", "Q", "CLIENT"])
            for one in found {
                table.add([
                    one.user, one.contact, one.transport, one.address, one.expires, SIPCommand.quality(one.q),
                    one.client,
                ])
            }
            table.write()
        }
    }

    struct Unregister: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End one contact of an account, or all of them; the client may register again.")

        @Argument(help: "The account, user@domain.") var user: String
        @Argument(help: "The contact as the list shows it (default: all).") var contact: String?
        @OptionGroup var server: ServerOption

        func run() async throws {
            let ended = try await server.ask(
                "sip.unregister", SIPCommand.given(["user": user, "contact": contact]), returning: AdminCount.self)
            Output.line("\(Output.count(ended.count, "registration")) ended")
        }
    }

    struct Subscriptions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Subscriptions of SIP watchers, and those that the server holds at presence gateways.")

        @Option(help: "Only those of this watcher, user@domain.") var watcher: String?
        @Option(help: "Only those to this account, user@domain.") var presentity: String?
        @Option(help: "Only those of this event package, such as presence.") var package: String?
        @Option(help: "Only those in this state: active, pending, waiting or terminated.") var state: String?
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let found = try await server.all(
                "sip.subscriptions",
                SIPCommand.given([
                    "watcher": watcher, "presentity": presentity, "package": package, "state": state,
                ]), of: AdminSIPSubscription.self)
            if json { return try Output.json(found) }
            var table = TextTable(["WATCHER", "WATCHES", "PACKAGE", "STATE", "UNTIL", "CONTACT"])
            for one in found {
                table.add([
                    one.watcher, one.isList ? "\(one.presentity) (list)" : one.presentity, one.package,
                    one.direction == .outbound ? "\(one.state) (ours)" : one.state, one.expires, one.contact,
                ])
            }
            table.write()
        }
    }

    struct Publications: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Presence that is published over SIP, and the state of lines.")

        @Option(help: "Only that of this account, user@domain.") var user: String?
        @Option(help: "Part of the user, the source or the note.") var query: String?
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let found = try await server.all(
                "sip.publications", SIPCommand.given(["user": user, "query": query]), of: AdminSIPPublication.self)
            if json { return try Output.json(found) }
            var table = TextTable(["USER", "SOURCE", "ID", "STATE", "SINCE", "UNTIL", "NOTE"])
            for one in found {
                table.add([one.user, one.source, one.id, one.state, one.since, one.expires ?? "-", one.note])
            }
            table.write()
        }
    }

    struct Trunks: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Trunks, whether they answer, and what passed them.")

        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let found = try await server.ask("sip.trunks", returning: AdminSIPTrunkList.self).items
            if json { return try Output.json(found) }
            var table = TextTable(["TRUNK", "STATE", "DESTINATION", "IN", "OUT", "FAILED", "PROBLEM"])
            for trunk in found {
                for (index, destination) in trunk.destinations.enumerated() {
                    let counts = [trunk.received, trunk.sent, trunk.failed].map { index == 0 ? "\($0)" : "" }
                    table.add(
                        [index == 0 ? trunk.name : "", destination.state.rawValue, destination.address] + counts
                            + [destination.problem])
                }
            }
            table.write()
        }
    }

    struct Resolve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Where a request to a SIP URI would go now, and why.")

        @Argument(help: "sip:user@domain, or an address without scheme.") var uri: String
        @Option(help: "Whose request it is, user@domain (default: somebody inside).") var from: String?
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON object.") var json = false

        func run() async throws {
            let found = try await server.ask(
                "sip.resolve", SIPCommand.given(["uri": uri, "from": from]), returning: AdminSIPResolution.self)
            if json { return try Output.json(found) }
            for line in Self.lines(found) { Output.line(Output.printable(line)) }
        }

        static func lines(_ found: AdminSIPResolution) -> [String] {
            ["\(found.uri): \(found.verdict.rawValue)", found.text, ""] + found.targets.map { "  -> \($0)" }
                + (found.targets.isEmpty ? [] : [""]) + found.steps.map { "  \($0.question): \($0.answer)" }
        }
    }

    struct Credentials: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Accounts whose password SIP clients cannot use until it is set again.")

        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let found = try await server.all("sip.credentials", of: AdminSIPUser.self)
            if json { return try Output.json(found.map(\.jid)) }
            for user in found { Output.line(Output.printable(user.jid)) }
        }
    }

    /// Parameters that say something.
    static func given(_ parameters: [String: String?]) -> [String: String] {
        parameters.compactMapValues { $0.flatMap { $0.isEmpty ? nil : $0 } }
    }

    /// `0.5`, `1`
    static func quality(_ q: Double) -> String {
        q == 1 ? "1" : q == 0 ? "0" : "\((q * 1_000).rounded() / 1_000)"
    }
}
