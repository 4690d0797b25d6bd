import AsyncHTTPClient
import Foundation
import Ground
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import Storage
import StorageSQLite

@testable import AdminServer

/// The administration interface over a backend in memory and a database of its own, asked without a socket.
final class AdminFixture: Sendable {
    let backend: MemoryBackend
    let time = ManualTime(now: 1_800_000_000_000)
    let admin: AdminInterface
    private let responder: RouterResponder<AdminRequestContext>
    private let database: SQLiteDatabase
    private let path: String
    private let logger: Logger

    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(
        backend: MemoryBackend = MemoryBackend(), operations: [AdminOperation] = AdminOperations.all,
        logger: Logger = silent, pages: [any AdminPages] = [], parts: AdminParts = AdminParts()
    ) async throws {
        self.backend = backend
        self.logger = logger
        path = FileManager.default.temporaryDirectory.path + "/roost-admin-\(UUID()).db"
        database = try SQLiteDatabase(path: path, synchronous: .off)
        try await Migrator.apply(AdminSchema.migrations, to: database)
        var settings = AccessSettings()
        // A test is no attacker.
        settings.cost = .init(rounds: 16, blockSize: 1, parallelism: 1)
        admin = AdminInterface(
            backend: backend, parts: parts, database: database, operations: operations, settings: settings, time: time,
            logger: logger)
        responder = AdminRouting(admin, pages: pages).responder()
    }

    deinit {
        try? database.close()
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    static let superuser = AdminPrincipal(name: "local:0", role: .superuser, origin: .socket)

    /// An answer with its body read.
    struct Answer {
        var status: Int
        var headers: HTTPFields
        var body: Data

        var json: JSONValue { (try? JSONDecoder().decode(JSONValue.self, from: body)) ?? .null }
        var problem: Problem? { try? JSONDecoder().decode(Problem.self, from: body) }
        subscript(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
    }

    /// - Parameters:
    ///   - path: below `/api/v1`, or from the root when it begins with `//`.
    ///   - principal: whom the connection vouches for; nil for a stranger.
    func send(
        _ method: String, _ path: String, _ body: String? = nil, headers: [String: String] = [:],
        as principal: AdminPrincipal? = superuser, from peer: String = "192.0.2.1"
    ) async throws -> Answer {
        var fields = HTTPFields()
        if body != nil { fields[.contentType] = "application/json" }
        for (name, value) in headers { fields[HTTPField.Name(name)!] = value }
        let target = path.hasPrefix("//") ? String(path.dropFirst()) : AdminRouting.apiPrefix + path
        let request = Request(
            head: HTTPRequest(
                method: .init(rawValue: method)!, scheme: "https", authority: "admin.example:8443", path: target,
                headerFields: fields),
            body: RequestBody(buffer: ByteBuffer(string: body ?? "")))
        let context = AdminRequestContext(
            source: .init(logger: logger, peer: peer, principal: principal, requestID: "0123456789abcdef"))
        let response = try await responder.respond(to: request, context: context)
        let collector = Collector()
        try await response.body.write(collector)
        return Answer(
            status: response.status.code, headers: response.headers, body: Data(collector.buffer.readableBytesView))
    }

    private final class Collector: ResponseBodyWriter, @unchecked Sendable {
        // Safe: the one call of `write` is waited for.
        var buffer = ByteBuffer()
        func write(_ part: ByteBuffer) async throws { buffer.writeImmutableBuffer(part) }
        func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}

/// Runs `body` with a server on a socket in a folder of its own, and removes both afterwards.
func withServer(
    backend: MemoryBackend = MemoryBackend(),
    _ body: (_ path: String, _ server: AdminServer) async throws -> Void
) async throws {
    let folder = NSTemporaryDirectory() + "/roost-\(UInt32.random(in: 0 ... .max))"
    let fixture = try await AdminFixture(backend: backend)
    let server = AdminServer(
        fixture.admin, path: folder + "/admin.sock", group: MultiThreadedEventLoopGroup.singleton)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await server.start()
    do {
        try await body(folder + "/admin.sock", server)
    } catch {
        await server.stop()
        throw error
    }
    await server.stop()
}

/// Status and body of a request over the socket.
func ask(_ path: String, _ target: String, method: String = "GET", body: String? = nil) async throws -> (Int, String) {
    var request = HTTPClientRequest(url: URL(httpURLWithSocketPath: path, uri: "/api/v1" + target)!.absoluteString)
    request.method = .init(rawValue: method)
    if let body {
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: body))
    }
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.retryConnectionEstablishment = false
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    do {
        let response = try await client.execute(request, timeout: .seconds(20))
        let text = String(buffer: try await response.body.collect(upTo: 1 << 24))
        try await client.shutdown()
        return (Int(response.status.code), text)
    } catch {
        try await client.shutdown()
        throw error
    }
}
