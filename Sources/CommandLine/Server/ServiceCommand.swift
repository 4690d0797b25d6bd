import AdminServer
import ArgumentParser

/// `roost service`
struct ServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service", abstract: "Look at feature services, start and stop them.",
        subcommands: [List.self, Start.self, Stop.self, Restart.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List services and their state.")

        @OptionGroup var server: ServerOption
        @Flag(help: "Print one JSON array.") var json = false

        func run() async throws {
            let services = try await server.ask("services.list", returning: AdminServiceList.self).items
            if json { return try Output.json(services) }
            var table = TextTable(["NAME", "STATE", "WHAT", "ELSEWHERE CALLED", "DETAIL"])
            for service in services {
                table.add([
                    service.name, service.state.rawValue, service.title, service.aliases.joined(separator: ", "),
                    service.detail,
                ])
            }
            table.write()
        }
    }

    struct Target: ParsableArguments {
        @Argument(help: "Name of the service, or one that it has in other products.") var name: String
        @OptionGroup var server: ServerOption

        func control(_ action: AdminServiceAction) async throws {
            let service = try await server.ask(
                "services.control", ["name": name, "action": action.rawValue], returning: AdminService.self)
            Output.line("\(service.name) is \(service.state.rawValue)")
        }
    }

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Start a service.")
        @OptionGroup var target: Target
        func run() async throws { try await target.control(.start) }
    }

    struct Stop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Stop a service; it stays so over a restart.")
        @OptionGroup var target: Target
        func run() async throws { try await target.control(.stop) }
    }

    struct Restart: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Stop a service and start it again.")
        @OptionGroup var target: Target
        func run() async throws { try await target.control(.restart) }
    }
}
