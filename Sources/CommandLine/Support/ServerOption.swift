import AdminServer
import ArgumentParser
import Foundation
import Settings

/// `--config FILE`, and the running server that the file leads to.
struct ServerOption: ParsableArguments {
    /// Looked for in this order when no file is named.
    static let standardPaths = ["var/roost.yaml", "roost.yaml"]

    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "The configuration file of the server (default: \(standardPaths.joined(separator: ", or ")) if present).",
            valueName: "file"))
    var file: String?

    /// The file named, or the standard one that exists.
    func path() throws -> String {
        if let file { return file }
        if let path = Self.standardPaths.first(where: FileManager.default.fileExists(atPath:)) { return path }
        throw CommandFailure(
            "no configuration here: looked for \(Self.standardPaths.joined(separator: " and ")); name one with --config,"
                + " or make one with `roost init`")
    }

    /// A client of the running server. Files other than the configuration are not looked at.
    func client() throws -> AdminClient {
        AdminClient(path: try ConfigLoader.load(path: try path(), checksFiles: false).adminSocket)
    }

    /// Asks the running server; whatever goes wrong becomes one sentence and exit status 1.
    func ask<Result: Decodable & Sendable>(
        _ verb: AdminVerb, _ arguments: some Encodable = AdminDone(), returning: Result.Type = Result.self
    ) async throws -> Result {
        do {
            return try await client().call(verb, arguments)
        } catch let error as AdminError {
            throw CommandFailure(error.text)
        }
    }
}
