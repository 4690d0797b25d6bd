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

    @Option(
        help: ArgumentHelp(
            "Ask the server at this address instead of the one of the configuration (environment: ROOST_SERVER).",
            valueName: "https://host:8443"))
    var server: String?

    @Option(
        help: ArgumentHelp(
            "File with the token for --server (environment: ROOST_TOKEN, the token itself).", valueName: "file"))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "PEM file of the authorities that the certificate of --server must come from, or of the certificate itself.",
            valueName: "file"))
    var caFile: String?

    /// A client of the running server. Files other than the configuration are not looked at.
    func client(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> AdminClient {
        guard let url = server ?? (file == nil ? environment["ROOST_SERVER"] : nil) else {
            return AdminClient(path: try ConfigLoader.adminSocket(path: try path()))
        }
        guard let parts = URL(string: url), parts.scheme == "https", parts.host != nil, ["", "/"].contains(parts.path)
        else { throw CommandFailure("\(url) is not an address such as https://localhost:8443") }
        return AdminClient(
            .remote(
                url: url.hasSuffix("/") ? String(url.dropLast()) : url, token: try token(environment),
                authorities: caFile))
    }

    private func token(_ environment: [String: String]) throws -> String {
        if let tokenFile {
            guard let text = try? String(contentsOfFile: tokenFile, encoding: .utf8) else {
                throw CommandFailure("\(tokenFile) cannot be read")
            }
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        guard let token = environment["ROOST_TOKEN"], !token.isEmpty else {
            throw CommandFailure("no token for --server: name a file with --token-file, or set ROOST_TOKEN")
        }
        return token
    }

    /// Asks the running server; whatever goes wrong becomes one sentence and exit status 1.
    func ask<Result: Decodable & Sendable>(
        _ name: String, _ parameters: [String: String] = [:], body: (any Encodable & Sendable)? = nil,
        returning: Result.Type = Result.self
    ) async throws -> Result {
        try await told { try await client().call(name, parameters, body: body, returning: Result.self) }
    }

    /// The same for an operation that answers with nothing.
    func tell(_ name: String, _ parameters: [String: String] = [:], body: (any Encodable & Sendable)? = nil)
        async throws
    {
        try await told { try await client().call(name, parameters, body: body) }
    }

    /// Every entry of a list.
    func all<Item: Codable & Sendable>(
        _ name: String, _ parameters: [String: String] = [:], of: Item.Type = Item.self
    ) async throws -> [Item] {
        try await told { try await client().all(name, parameters, of: Item.self) }
    }

    private func told<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as AdminError {
            throw CommandFailure(error.explanation)
        }
    }
}
