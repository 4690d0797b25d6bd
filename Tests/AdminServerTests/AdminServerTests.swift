import Foundation
import Logging
import NIOPosix
import Testing

@testable import AdminServer

@Suite("Admin socket", .timeLimit(.minutes(2)))
struct AdminServerTests {
    @Test("operations are served to the user of the server")
    func operations() async throws {
        try await withServer(backend: MemoryBackend(sessions: [deskSession])) { path, _ in
            let made = try await ask(
                path, "/users", method: "POST", body: #"{"jid": "anna@example.com", "password": "s3cret"}"#)
            #expect(made.0 == 201 && made.1.contains("anna@example.com"), "\(made)")
            #expect(try await ask(path, "/users").1.contains(#""jid":"anna@example.com""#))
            let ended = try await ask(path, "/sessions/anna@example.com%2Fdesk", method: "DELETE")
            #expect(ended.1 == #"{"count":1}"#)
            #expect(try await ask(path, "/users/anna@example.com", method: "DELETE") == (204, ""))
            let caller = try await ask(path, "/whoami")
            #expect(caller.1.contains(#""name":"local:\#(geteuid())""#) && caller.1.contains(#""role":"superuser""#))
        }
    }

    @Test("many requests sent at once are answered in their order, one at a time")
    func pipelining() async throws {
        try await withServer { path, _ in
            let raw = try RawConnection(path)
            defer { raw.end() }
            await raw.send(
                (1...50).map { "GET /api/v1/users?query=q\($0)x HTTP/1.1\r\nHost: x\r\nX-N: \($0)\r\n\r\n" }.joined()
                    + "GET /api/v1/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let text = await raw.receive(lines: 10_000).joined(separator: "\n")
            let statuses = text.matches(of: /HTTP\/1\.1 ([0-9]+)/).map { String($0.1) }
            #expect(statuses == Array(repeating: "200", count: 50) + ["404"])
        }
    }

    @Test("what is not HTTP is answered with 400 and the connection ends")
    func notHTTP() async throws {
        try await withServer { path, _ in
            let raw = try RawConnection(path)
            defer { raw.end() }
            await raw.send("{\"id\": 1, \"verb\": \"status\"}\n")
            #expect(await raw.receive(lines: 1).first?.hasPrefix("HTTP/1.1 400") == true)
            #expect(await raw.isAtEnd())
        }
    }

    @Test("a body beyond the bound is refused before it is read, and the connection ends")
    func longBody() async throws {
        try await withServer { path, _ in
            let raw = try RawConnection(path)
            defer { raw.end() }
            await raw.send(
                "POST /api/v1/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n{"
            )
            let lines = await raw.receive(lines: 1_000)
            #expect(lines.first?.hasPrefix("HTTP/1.1 413") == true, "\(lines)")
            #expect(lines.joined().contains("urn:roost:problem:too-large"))
        }
    }

    @Test("one connection more than allowed is told so and closed; a place becomes free again")
    func connectionBound() async throws {
        try await withServer { path, _ in
            var open: [RawConnection] = []
            for _ in 1...AdminLimits.connections {
                let raw = try RawConnection(path)
                open.append(raw)
                await raw.send("GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(await raw.receive(lines: 1).first?.hasPrefix("HTTP/1.1 200") == true)
            }
            let refused = try await ask(path, "/status")
            #expect(refused.0 == 503 && refused.1.contains("64 connections already"), "\(refused)")
            let last = open.removeLast()
            last.end()
            var isBack = false
            for _ in 0..<100 where !isBack { isBack = (try? await ask(path, "/status").0) == 200 }
            #expect(isBack)
            open.forEach { $0.end() }
        }
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

    @Test("a socket left behind by a killed server is replaced")
    func stale() async throws {
        try await withServer { path, server in
            await server.stop()
            leaveStaleSocket(path)
            await #expect(throws: (any Error).self) { try await ask(path, "/status") }
            try await server.start()
            #expect(try await ask(path, "/status").0 == 200)
        }
    }

    @Test("the socket of a living server is left alone")
    func living() async throws {
        try await withServer { path, server in
            let second = AdminServer(
                server.admin, path: path, group: MultiThreadedEventLoopGroup.singleton)
            await #expect(throws: SocketFile.Problem.answered(path)) { try await second.start() }
            let answer = try await ask(path, "/status")
            #expect(answer.0 == 200)
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
                server.admin, path: path, group: MultiThreadedEventLoopGroup.singleton)
            try await second.start()
            await server.stop()
            #expect(try await ask(path, "/status").0 == 200)
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
