import AdminServer
import ArgumentParser
import Settings

/// `roost settings`
struct SettingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: "Look at settings and change them while the server runs.",
        subcommands: [List.self, Get.self, Set.self, Reset.self, History.self, Diff.self, Rollback.self])

    /// For whom a value is.
    struct Place: ParsableArguments {
        @Option(help: "Values of a domain.") var domain: String?
        @Option(help: "Values of a user, user@domain.") var user: String?

        func validate() throws {
            guard domain == nil || user == nil else { throw ValidationError("name a domain or a user, not both") }
        }

        var parameters: [String: String] {
            if let domain { return ["scope": "domain", "subject": domain] }
            if let user { return ["scope": "user", "subject": user] }
            return [:]
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List settings with their values.")

        @Argument(help: "Only settings whose key begins with this.") var prefix: String?
        @Flag(help: "Only settings that do not have their default.") var changed = false
        @OptionGroup var place: Place
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let page = try await server.ask(
                "settings.list", place.parameters, returning: AdminSettingsPage.self)
            let settings = page.items.filter { setting in
                (prefix.map { setting.key.hasPrefix($0) } ?? true) && (!changed || setting.value != setting.standard)
            }
            if json { return try Output.json(settings) }
            var table = TextTable(["KEY", "VALUE", "FROM", "DEFAULT"])
            for setting in settings {
                table.add([
                    setting.key, Output.printable(setting.value.shown), setting.source.rawValue,
                    setting.value == setting.standard ? "" : Output.printable(setting.standard.shown),
                ])
            }
            table.write()
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one setting and what it means.")

        @Argument var key: String
        @OptionGroup var place: Place
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON object.") var json = false

        func run() async throws {
            let setting = try await server.ask(
                "settings.get", place.parameters.merging(["key": key]) { $1 }, returning: AdminSetting.self)
            if json { return try Output.json(setting) }
            var table = TextTable([])
            table.add(["key", setting.key])
            table.add(["name", setting.title])
            table.add([
                "value", Output.printable(setting.value.shown) + (setting.unit.isEmpty ? "" : " \(setting.unit)"),
            ])
            table.add(["from", setting.source.rawValue])
            table.add(["default", Output.printable(setting.standard.shown)])
            table.add(["allowed", setting.allowed])
            table.add(["for", setting.scopes.map(\.rawValue).joined(separator: ", ")])
            table.add(["meaning", setting.help])
            table.write()
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set a value; it is in force at once and no session ends.",
            discussion: "Lists and groups are written as in roost.yaml: '[a, b]', '{ address: 127.0.0.1, port: 5222 }'."
        )

        @Argument var key: String
        @Argument var value: String
        @OptionGroup var place: Place
        @Option(help: "Why, for the history.") var note = ""
        @Flag(help: "Only say what would change.") var dryRun = false
        @OptionGroup var server: ServerOption

        func run() async throws {
            let outcome = try await server.ask(
                "settings.set", place.parameters.merging(["key": key]) { $1 },
                body: AdminSettingBody(value: .text(value), note: note, isDryRun: dryRun),
                returning: AdminSettingsOutcome.self)
            SettingsCommand.tell(outcome, isDryRun: dryRun)
        }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a stored value away, so that the file or the default counts again.")

        @Argument var key: String
        @OptionGroup var place: Place
        @OptionGroup var server: ServerOption

        func run() async throws {
            let outcome = try await server.ask(
                "settings.reset", place.parameters.merging(["key": key]) { $1 },
                returning: AdminSettingsOutcome.self)
            SettingsCommand.tell(outcome, isDryRun: false)
        }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Who changed what, and when.")

        @Argument(help: "Only changes of this setting.") var key: String?
        @Option(help: "Versions at most.") var limit = 20
        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            var parameters = ["limit": "\(limit)"]
            parameters["key"] = key
            let versions = try await server.ask(
                "settings.history", parameters, returning: AdminSettingsVersions.self
            ).items
            if json { return try Output.json(versions) }
            var table = TextTable(["VERSION", "AT", "BY", "KEY", "FOR", "FROM", "TO", "NOTE"])
            for version in versions {
                for change in version.changes {
                    table.add([
                        "\(version.version)", version.at, Output.printable(version.author.name), change.key,
                        change.subject.isEmpty ? change.scope : change.subject,
                        Output.printable(change.before?.shown ?? "-"), Output.printable(change.after?.shown ?? "-"),
                        Output.printable(version.note),
                    ])
                }
            }
            table.write()
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What differs between two versions.")

        @Argument(help: "A version; 0 is before the first.") var from: Int
        @Argument(help: "A version; the last one when left out.") var to: Int?
        @OptionGroup var server: ServerOption

        func run() async throws {
            var parameters = ["from": "\(from)"]
            parameters["to"] = to.map { "\($0)" }
            let differences = try await server.ask(
                "settings.diff", parameters, returning: AdminSettingDifferences.self
            ).items
            SettingsCommand.tell(differences)
        }
    }

    struct Rollback: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the settings what they were after a version, as a new version.")

        @Argument var version: Int
        @Flag(help: "Only say what would change.") var dryRun = false
        @OptionGroup var server: ServerOption

        func run() async throws {
            let outcome = try await server.ask(
                "settings.rollback", body: AdminSettingsRollback(version: version, isDryRun: dryRun),
                returning: AdminSettingsOutcome.self)
            SettingsCommand.tell(outcome, isDryRun: dryRun)
        }
    }

    static func tell(_ outcome: AdminSettingsOutcome, isDryRun: Bool) {
        tell(outcome.differences)
        for remark in outcome.remarks { Output.line("note: \(remark)") }
        guard !outcome.differences.isEmpty else { return Output.line("nothing changes, version \(outcome.version)") }
        Output.line(
            isDryRun ? "dry run: nothing was changed" : "in force, version \(outcome.version)")
    }

    private static func tell(_ differences: [AdminSettingDifference]) {
        for difference in differences {
            let place = difference.place.subject.isEmpty ? "" : " (\(difference.place.subject))"
            Output.line(
                "\(difference.key)\(place): \(Output.printable(difference.from.shown))"
                    + " -> \(Output.printable(difference.to.shown))")
        }
    }
}
