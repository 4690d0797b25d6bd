import AdminServer
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// RFC 9457.
private typealias ProblemDocument = Problem

/// Asks a running server through its HTTP API, over the Unix socket or HTTPS. Every call is a connection of its own.
struct AdminClient: Sendable {
    /// Where the server is.
    enum Place: Sendable, Equatable {
        /// Absolute path of the socket (`admin_socket`).
        case socket(String)
        /// `https://host:port`, a token, and a PEM file of authorities when those of the system are not meant.
        case remote(url: String, token: String, authorities: String?)

        var name: String {
            switch self {
            case .socket(let path): path
            case .remote(let url, _, _): url
            }
        }
    }

    /// Why a call got no answer. An answer that is a refusal is thrown as `AdminError`.
    enum Problem: Error, Equatable, CustomStringConvertible {
        case noServer(path: String)
        case noPermission(path: String)
        case failed(path: String, reason: String)
        case noAnswer(path: String, seconds: Int)
        case badAnswer(path: String, reason: String)

        var description: String {
            switch self {
            case .noServer(let path):
                "no server answers at \(path): is `roost serve` running?"
            case .noPermission(let path):
                "no permission to use \(path): run this command as the user of the server, or as root"
            case .failed(let path, let reason):
                "cannot reach the server at \(path): \(reason)"
            case .noAnswer(let path, let seconds):
                "the server at \(path) closed the connection or gave no answer within \(seconds) s"
            case .badAnswer(let path, let reason):
                "the answer of the server at \(path) makes no sense: \(reason)"
            }
        }
    }

    let place: Place

    init(_ place: Place) {
        self.place = place
    }

    init(path: String) {
        place = .socket(path)
    }

    /// Performs an operation that answers with nothing.
    func call(_ name: String, _ parameters: [String: String] = [:], body: (any Encodable & Sendable)? = nil)
        async throws
    {
        _ = try await answer(name, parameters, body)
    }

    /// Performs one operation.
    ///
    /// - Throws: `AdminError` when the server refuses, `Problem` when it cannot be asked.
    func call<Result: Decodable & Sendable>(
        _ name: String, _ parameters: [String: String] = [:], body: (any Encodable & Sendable)? = nil,
        returning: Result.Type = Result.self
    ) async throws -> Result {
        let answer = try await answer(name, parameters, body)
        do {
            return try JSONDecoder().decode(Result.self, from: Data(answer.readableBytesView))
        } catch {
            throw Problem.badAnswer(path: place.name, reason: "\(error)")
        }
    }

    /// Every entry of a list, page by page.
    func all<Item: Codable & Sendable>(
        _ name: String, _ parameters: [String: String] = [:], of: Item.Type = Item.self
    ) async throws -> [Item] {
        var items: [Item] = []
        var parameters = parameters
        parameters["limit"] = "1000"
        repeat {
            let page = try await call(name, parameters, returning: AdminPage<Item>.self)
            items += page.items
            parameters["cursor"] = page.next
        } while parameters["cursor"] != nil
        return items
    }

    private func answer(
        _ name: String, _ parameters: [String: String], _ body: (any Encodable & Sendable)?
    ) async throws -> ByteBuffer {
        guard let operation = AdminOperations.named(name) else { throw AdminError(.notFound, "no operation \(name)") }
        var request = HTTPClientRequest(url: try address(operation, parameters))
        request.method = HTTPMethod(rawValue: operation.method.rawValue)
        if let body {
            let data = try JSONEncoder().encode(body)
            guard data.count <= operation.bodyBytes else {
                throw AdminError(.tooLarge, "the request has \(data.count) bytes: at most \(operation.bodyBytes)")
            }
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: data))
        }
        if case .remote(_, let token, _) = place {
            request.headers.add(name: "authorization", value: "Bearer \(token)")
        }
        let (status, answer) = try await exchange(request)
        guard (200...299).contains(status) else {
            guard
                let problem = try? JSONDecoder().decode(ProblemDocument.self, from: Data(answer.readableBytesView))
            else { throw Problem.badAnswer(path: place.name, reason: "status \(status)") }
            throw problem.error
        }
        return answer
    }

    private func address(_ operation: AdminOperation, _ parameters: [String: String]) throws -> String {
        var path = AdminRouting.apiPrefix + operation.path
        var query: [String] = []
        for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
            let encoded = value.addingPercentEncoding(withAllowedCharacters: Self.unreserved) ?? ""
            if path.contains("{\(name)}") {
                path = path.replacing("{\(name)}", with: encoded)
            } else {
                query.append("\(name)=\(encoded)")
            }
        }
        if !query.isEmpty { path += "?" + query.joined(separator: "&") }
        switch place {
        case .socket(let socket):
            guard let url = URL(httpURLWithSocketPath: socket, uri: path) else {
                throw Problem.failed(path: socket, reason: "not a path of a socket")
            }
            return url.absoluteString
        case .remote(let url, _, _): return url + path
        }
    }

    private static let unreserved = CharacterSet(
        charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~@")

    private func exchange(_ request: HTTPClientRequest) async throws -> (status: Int, answer: ByteBuffer) {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(5)
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.retryConnectionEstablishment = false
        if case .remote(_, _, let authorities?) = place {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(authorities)
            configuration.tlsConfiguration = tls
        }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let response = try await client.execute(request, timeout: .seconds(Int64(AdminLimits.answerSeconds)))
            let answer = try await response.body.collect(upTo: AdminLimits.responseBytes)
            try? await client.shutdown()
            return (Int(response.status.code), answer)
        } catch {
            try? await client.shutdown()
            throw problem(error)
        }
    }

    private func problem(_ error: any Error) -> Problem {
        let path = place.name
        switch error {
        case let error as IOError:
            switch error.errnoCode {
            case ENOENT, ECONNREFUSED, ENOTDIR: return .noServer(path: path)
            case EACCES, EPERM: return .noPermission(path: path)
            default: return .failed(path: path, reason: String(cString: strerror(error.errnoCode)))
            }
        case is NIOConnectionError: return .noServer(path: path)
        case let error as HTTPClientError
        where error == .deadlineExceeded || error == .readTimeout || error == .remoteConnectionClosed:
            return .noAnswer(path: path, seconds: AdminLimits.answerSeconds)
        case is NIOTooManyBytesError:
            return .badAnswer(path: path, reason: "more than \(AdminLimits.responseBytes) bytes")
        case let error as NIOSSLError:
            return .failed(path: path, reason: "TLS: \(error) (name the authority with --ca-file)")
        default: return .failed(path: path, reason: "\(error)")
        }
    }
}
