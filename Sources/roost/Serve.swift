import AdminServer
import ArgumentParser
import Foundation
import Ground
import Logging
import ServiceLifecycle
import Settings

/// `roost serve`: the server, in the foreground.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the server in the foreground.")

    @Option(help: "The configuration file.")
    var config = "var/roost.yaml"

    func run() async throws {
        let settings: ServerConfig
        do {
            settings = try ConfigLoader.load(path: config)
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            throw ExitCode(1)
        }
        ServerLog.shared.configure(settings)
        LoggingSystem.bootstrap { ServerLogHandler($0) }
        let logger = Logger(label: "roost")
        do {
            let server = try await Server.start(settings, path: config, logger: logger)
            await server.printWelcome(configPath: config)
            let group = ServiceGroup(
                configuration: .init(
                    services: [.init(service: server)], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
            try await group.run()
        } catch let error as any CustomStringConvertible & Error {
            FileHandle.standardError.write(Data("roost: \(error.description)\n".utf8))
            throw ExitCode(1)
        }
    }

    /// The service group's own messages are of no use to an administrator.
    private var quiet: Logger {
        Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }
    }
}
