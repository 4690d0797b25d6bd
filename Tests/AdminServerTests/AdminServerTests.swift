import Foundation
import Logging
import NIOPosix
import Testing

@testable import AdminServer

/// Runs `body` with a server on a socket in a folder of its own, and removes both afterwards.
private func withServer(
    backend: MemoryBackend = MemoryBackend(), logger: Logger? = nil,
    _ body: (_ path: String, _ server: AdminServer) async throws -> Void
) async throws {
    let folder = NSTemporaryDirectory() + "/roost-\(UInt32.random(in: 0 ... .max))"
    let server = AdminServer(
        path: folder + "/admin.sock", backend: backend, eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
        logger: logger ?? Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
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

@Suite("Admin socket", .timeLimit(.minutes(2)))
struct AdminServerTests {
    @Test("every verb reaches the backend and its result comes back")
    func verbs() async throws {
        try await withServer(backend: MemoryBackend(sessions: [deskSession])) { path, _ in
            let client = AdminClient(path: path)
            let anna = AdminUserRequest(jid: "anna@example.com", password: "s3cret", name: "Anna", isAdmin: true)
            #expect(try await client.call(.addUser, anna) == AdminDone())
            let batch = AdminUserBatch(users: [anna, AdminUserRequest(jid: "bob@example.com", password: "p")])
            #expect(
                try await client.call(.addUsers, batch)
                    == [AdminRowFailure(index: 0, reason: "anna@example.com exists")])
            #expect(try await client.call(.setPassword, anna) == AdminDone())
            let users: [AdminUser] = try await client.call(.listUsers)
            #expect(users.map(\.jid) == ["anna@example.com", "bob@example.com"])
            let detail: AdminUserDetail = try await client.call(.showUser, AdminTarget(jid: "anna@example.com"))
            #expect(detail.name == "Anna" && detail.isAdmin && detail.sessions == [deskSession])
            #expect(try await client.call(.listSessions) == [deskSession])
            #expect(
                try await client.call(.endSessions, AdminTarget(jid: "anna@example.com")) == AdminCount(count: 1))
            #expect(try await client.call(.removeUser, AdminTarget(jid: "bob@example.com")) == AdminDone())
            let status: AdminStatus = try await client.call(.status)
            #expect(status.users == 1 && status.sessions == 0 && status.listeners == ["c2s [::]:5222"])
        }
    }

    @Test("a refusal of the backend arrives with its condition and text")
    func refusal() async throws {
        try await withServer { path, _ in
            await #expect(throws: AdminError(.notFound, "there is no account x@example.com")) {
                let _: AdminUserDetail = try await AdminClient(path: path).call(
                    .showUser, AdminTarget(jid: "x@example.com"))
            }
        }
    }

    @Test("an unforeseen failure of the backend is an internal error, and the connection goes on")
    func internalError() async throws {
        try await withServer { path, _ in
            let raw = try RawConnection(path)
            defer { raw.end() }
            let arguments = #"{"jid": "broken@example.com", "password": "p", "isAdmin": false}"#
            await raw.send(#"{"id": 1, "verb": "user.add", "arguments": \#(arguments)}"# + "\n")
            await raw.send(#"{"id": 2, "verb": "user.list", "arguments": {}}"# + "\n")
            let lines = await raw.receive(lines: 2)
            #expect(lines.count == 2)
            #expect(lines.first?.contains("internalError") == true && lines.first?.contains("\"id\":1") == true)
            #expect(lines.last == #"{"id":2,"result":[]}"# || lines.last == #"{"result":[],"id":2}"#, "\(lines)")
        }
    }

    @Test("many requests sent at once are answered in their order")
    func pipelining() async throws {
        try await withServer { path, _ in
            let raw = try RawConnection(path)
            defer { raw.end() }
            await raw.send((1...100).map { "{\"id\": \($0), \"verb\": \"user.list\"}\n" }.joined())
            let lines = await raw.receive(lines: 100)
            #expect(lines.count == 100)
            #expect((1...100).allSatisfy { lines[$0 - 1].contains("\"id\":\($0)") })
        }
    }

    @Test(
        "a request that is not one is refused with the reason, and the connection goes on",
        arguments: [
            ("hello", "not JSON"), ("", "not JSON"), ("[]", "is not a"), ("{\"id\": 1}", "verb is missing"),
            ("{\"id\": \"one\", \"verb\": \"status\"}", "id is not a Int"),
            ("{\"id\": 1, \"verb\": \"fly\"}", "unknown verb fly: expected one of user.add, "),
            ("{\"id\": 1, \"verb\": \"user.show\"}", "arguments of user.show: arguments is missing"),
            ("{\"id\": 1, \"verb\": \"user.show\", \"arguments\": {\"jid\": 5}}", "arguments.jid is not a String"),
            ("{\"id\": 1, \"verb\": \"user.import\", \"arguments\": {\"users\": [{}]}}", "arguments.users.[0]"),
        ])
    func malformed(request: String, expected: String) async throws {
        try await withServer { path, _ in
            let raw = try RawConnection(path)
            defer { raw.end() }
            await raw.send(request + "\n{\"id\": 7, \"verb\": \"status\"}\n")
            let lines = await raw.receive(lines: 2)
            #expect(lines.count == 2)
            #expect(lines.first?.contains("\"condition\":\"invalid\"") == true, "\(lines)")
            #expect(lines.first?.contains(expected) == true, "\(lines)")
            #expect(lines.last?.contains("\"id\":7") == true)
        }
    }

    @Test("a line beyond the bound is refused and ends the connection")
    func longLine() async throws {
        try await withServer { path, _ in
            let raw = try RawConnection(path)
            defer { raw.end() }
            await raw.send([UInt8](repeating: 0x20, count: AdminLimits.requestBytes + 1))
            #expect(await raw.receive(lines: 1).first?.contains("a request line may have 16777216 bytes") == true)
            #expect(await raw.isAtEnd())
        }
    }

    @Test("one connection more than allowed is told so and closed; a place becomes free again")
    func connectionBound() async throws {
        try await withServer { path, _ in
            var open: [RawConnection] = []
            for id in 1...AdminLimits.connections {
                let raw = try RawConnection(path)
                open.append(raw)
                await raw.send("{\"id\": \(id), \"verb\": \"status\"}\n")
                #expect(await raw.receive(lines: 1).first?.contains("\"id\":\(id)") == true)
            }
            await #expect(throws: AdminError.self) {
                let _: AdminStatus = try await AdminClient(path: path).call(.status)
            }
            let last = open.removeLast()
            // The server has let go of the place once it has ended its side too.
            shutdown(last.descriptor, Int32(SHUT_WR))
            #expect(await last.isAtEnd())
            last.end()
            var isBack = false
            for _ in 0..<100 where !isBack {
                isBack = (try? await AdminClient(path: path).call(.status, returning: AdminStatus.self)) != nil
            }
            #expect(isBack)
            open.forEach { $0.end() }
        }
    }

    @Test("passwords never reach the log")
    func passwordsStayOut() async throws {
        let capture = LogCapture()
        try await withServer(logger: capture.logger) { path, _ in
            let client = AdminClient(path: path)
            _ = try await client.call(
                .addUser, AdminUserRequest(jid: "anna@example.com", password: "hunter2"), returning: AdminDone.self)
            _ = try? await client.call(
                .addUser, AdminUserRequest(jid: "broken@example.com", password: "hunter2"), returning: AdminDone.self)
            let raw = try RawConnection(path)
            await raw.send(
                #"{"id": 1, "verb": "user.add", "arguments": {"jid": "hunter2", "password": ["hunter2"]}}"# + "\n")
            #expect(await raw.receive(lines: 1).first?.contains("hunter2") == false)
            raw.end()
        }
        let lines = capture.lines.all
        #expect(lines.contains { $0.contains("user.add") })
        #expect(!lines.contains { $0.contains("hunter2") }, "\(lines)")
    }
}

@Suite("Admin socket file", .timeLimit(.minutes(1)))
struct SocketFileTests {
    @Test("the socket has mode 0600, its new folder 0700, and both server and file go with stop")
    func modes() async throws {
        try await withServer { path, server in
            #expect(fileMode(path) == 0o600)
            #expect(fileMode((path as NSString).deletingLastPathComponent) == 0o700)
            await server.stop()
            #expect(!FileManager.default.fileExists(atPath: path))
            await server.stop()
        }
    }

    @Test("with no server the client says which one to start")
    func noServer() async throws {
        let path = NSTemporaryDirectory() + "/roost-none.sock"
        await #expect(throws: AdminClient.Problem.noServer(path: path)) {
            let _: AdminStatus = try await AdminClient(path: path).call(.status)
        }
        #expect(
            AdminClient.Problem.noServer(path: "/x").description == "no server answers at /x: is `roost serve` running?"
        )
    }

    @Test("a socket left behind by a killed server is replaced")
    func stale() async throws {
        try await withServer { path, server in
            await server.stop()
            leaveStaleSocket(path)
            await #expect(throws: AdminClient.Problem.noServer(path: path)) {
                let _: AdminStatus = try await AdminClient(path: path).call(.status)
            }
            try await server.start()
            let status: AdminStatus = try await AdminClient(path: path).call(.status)
            #expect(status.version == "1")
        }
    }

    @Test("the socket of a living server is left alone")
    func living() async throws {
        try await withServer { path, server in
            let second = AdminServer(
                path: path, backend: MemoryBackend(), eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            await #expect(throws: SocketFile.Problem.answered(path)) { try await second.start() }
            let status: AdminStatus = try await AdminClient(path: path).call(.status)
            #expect(status.version == "1")
        }
    }

    @Test("anything else at the path is left alone")
    func otherFile() async throws {
        try await withServer { path, server in
            await server.stop()
            try "precious".write(toFile: path, atomically: false, encoding: .utf8)
            await #expect(throws: SocketFile.Problem.notASocket(path)) { try await server.start() }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
        }
    }

    @Test("a path longer than the system allows is refused before anything is created")
    func longPath() {
        let path = "/" + String(repeating: "a", count: 200)
        #expect(throws: SocketFile.Problem.pathTooLong(path, limit: 107)) { try SocketFile(path: path).prepare() }
    }

    @Test("stop leaves the socket of another server that has taken its place")
    func replaced() async throws {
        try await withServer { path, server in
            unlink(path)
            let second = AdminServer(
                path: path, backend: MemoryBackend(), eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await second.start()
            await server.stop()
            let status: AdminStatus = try await AdminClient(path: path).call(.status)
            #expect(status.version == "1")
            await second.stop()
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test("a socket whose mode the operator has changed goes with stop too")
    func changedMode() async throws {
        try await withServer { path, server in
            chmod(path, 0o660)
            await server.stop()
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test("only the own user and root are allowed")
    func credentials() {
        #expect(PeerCredential(process: 1, user: geteuid(), group: 0).isAllowed)
        #expect(PeerCredential(process: 1, user: 0, group: 0).isAllowed)
        #expect(!PeerCredential(process: 1, user: geteuid() + 1, group: 0).isAllowed)
    }
}
