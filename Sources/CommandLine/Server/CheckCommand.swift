import ArgumentParser
import Foundation
import Settings

/// `roost check`: everything that is wrong with a configuration, before the server is started with it.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration file, its certificates and keys.")

    @OptionGroup var server: ServerOption

    func run() throws {
        let path = try server.path()
        let problems = Self.problems(path)
        guard problems.isEmpty else {
            for problem in problems { Output.error("\(problem)") }
            throw ExitCode.failure
        }
        Output.line("\(path): OK")
    }

    /// The problems of the file; when it has none, those of its certificates.
    static func problems(_ path: String) -> [ConfigProblem] {
        let config: ServerConfig
        do {
            config = try ConfigLoader.load(path: path)
        } catch {
            return error.problems
        }
        return config.domains.enumerated().flatMap { index, domain in
            CertificateCheck.problems(domain, at: Date()).map {
                ConfigProblem(file: path, key: "domains[\(index)].\($0.key)", text: $0.text)
            }
        }
    }
}
