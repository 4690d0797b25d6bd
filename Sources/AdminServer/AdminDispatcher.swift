import Foundation
import Logging

/// Turns one request line into one response line. Knows JSON and the backend, no sockets.
struct AdminDispatcher: Sendable {
    let backend: any AdminBackend
    let logger: Logger

    /// - Returns: the response without a line feed; never fails, a failure is a response too.
    func respond(to line: Data) async -> Data {
        let decoder = JSONDecoder()
        let head: AdminRequestHead
        do {
            head = try decoder.decode(AdminRequestHead.self, from: line)
        } catch {
            return refuse(nil, AdminError(.invalid, "a request is {\"id\", \"verb\", \"arguments\"}: \(reason(error))"))
        }
        guard let verb = AdminVerb(rawValue: head.verb) else {
            let known = AdminVerb.allCases.map(\.rawValue).joined(separator: ", ")
            return refuse(
                head.id, AdminError(.invalid, "unknown verb \(head.verb.prefix(64)): expected one of \(known)"))
        }
        // Arguments stay out of the log: they hold passwords.
        logger.debug("admin request", metadata: ["verb": "\(verb.rawValue)"])
        do {
            return try await perform(verb, line: line, id: head.id)
        } catch let error as AdminError {
            return refuse(head.id, error)
        } catch let error as DecodingError {
            return refuse(head.id, AdminError(.invalid, "arguments of \(verb.rawValue): \(reason(error))"))
        } catch {
            logger.error("admin request failed", metadata: ["verb": "\(verb.rawValue)", "error": "\(error)"])
            return refuse(head.id, AdminError(.internalError, "\(verb.rawValue) failed: \(error)"))
        }
    }

    private func perform(_ verb: AdminVerb, line: Data, id: Int) async throws -> Data {
        switch verb {
        case .addUser:
            try await backend.addUser(arguments(line))
            return try succeed(id, AdminDone())
        case .addUsers:
            let batch: AdminUserBatch = try arguments(line)
            return try succeed(id, try await backend.addUsers(batch.users))
        case .removeUser:
            let target: AdminTarget = try arguments(line)
            try await backend.removeUser(target.jid)
            return try succeed(id, AdminDone())
        case .setPassword:
            try await backend.setPassword(arguments(line))
            return try succeed(id, AdminDone())
        case .listUsers:
            return try succeed(id, try await backend.listUsers())
        case .showUser:
            let target: AdminTarget = try arguments(line)
            return try succeed(id, try await backend.showUser(target.jid))
        case .listSessions:
            return try succeed(id, try await backend.listSessions())
        case .endSessions:
            let target: AdminTarget = try arguments(line)
            return try succeed(id, AdminCount(count: try await backend.endSessions(target.jid)))
        case .status:
            return try succeed(id, try await backend.status())
        case .exportUser:
            return try succeed(id, try await backend.exportUser(arguments(line)))
        case .importUsers:
            return try succeed(id, try await backend.importUsers(arguments(line)))
        }
    }

    private func arguments<Arguments: Decodable>(_ line: Data) throws -> Arguments {
        try JSONDecoder().decode(AdminArguments<Arguments>.self, from: line).arguments
    }

    private func succeed(_ id: Int, _ result: some Encodable) throws -> Data {
        let data = try Self.encoder().encode(AdminSuccess(id: id, result: result))
        guard data.count <= AdminLimits.responseBytes else {
            throw AdminError(.unavailable, "the answer has \(data.count) bytes: more than the admin socket carries")
        }
        return data
    }

    private func refuse(_ id: Int?, _ error: AdminError) -> Data {
        Self.refusal(id, error)
    }

    static func refusal(_ id: Int?, _ error: AdminError) -> Data {
        // Two strings and a number always encode; the fallback keeps the function total.
        (try? encoder().encode(AdminRefusal(id: id, error: error)))
            ?? Data(#"{"error":{"condition":"internalError"}}"#.utf8)
    }

    private static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return encoder
    }

    /// Where decoding failed, without the value that failed: it may be a password.
    private func reason(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "not JSON" }
        switch error {
        case .keyNotFound(let key, let context):
            return "\(path(context.codingPath + [key])) is missing"
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            return "\(path(context.codingPath)) is not a \(type)"
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty ? "not JSON" : "\(path(context.codingPath)) is not valid"
        @unknown default:
            return "not as expected"
        }
    }

    private func path(_ keys: [any CodingKey]) -> String {
        keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }
}
