import Foundation
import NIOCore
import SIPWire
import Testing

@testable import SIPServer

@Suite("Sockets")
struct TransportTests {
    @Test("a message that drips in, and two in one piece, are messages")
    func pieces() async throws {
        try await withServer([]) { bench in
            let phone = try Phone("alice", server: bench.tcp, tcp: true)
            let text = Array(phone.make("OPTIONS", "sip:example.com", lines: ["Subject: \u{e9}"]).utf8)
            for byte in text.prefix(40) { phone.send([byte]) }
            phone.send(Array(text.dropFirst(40)))
            #expect(try phone.final(.options).statusCode == 200)
            phone.send(phone.make("OPTIONS", "sip:example.com") + phone.make("OPTIONS", "sip:example.com"))
            #expect(try phone.final(.options).statusCode == 200)
            #expect(try phone.final(.options).statusCode == 200)
        }
    }

    @Test("a double line end is answered with one (RFC 5626 §4.4.1)")
    func keepAlive() async throws {
        try await withServer([]) { bench in
            let phone = try Phone("alice", server: bench.tcp, tcp: true)
            phone.send("\r\n\r\n")
            #expect(!phone.isSilent(5_000))
        }
    }

    @Test("a stream whose messages cannot be told apart is answered and ended")
    func withoutLength() async throws {
        try await withServer([]) { bench in
            let phone = try Phone("alice", server: bench.tcp, tcp: true)
            phone.send(
                phone.make("OPTIONS", "sip:example.com").replacingOccurrences(of: "Content-Length: 0\r\n", with: ""))
            #expect(try phone.final(.options).statusCode == 400)
            while try await bench.on({ $0.connectionCount }) > 0 { _ = phone.isSilent(10) }
        }
    }

    @Test("the answer to what is too large is there although the client goes on sending, up to a bound")
    func tooLarge() async throws {
        try await withServer([]) { bench in
            let phone = try Phone("alice", server: bench.tcp, tcp: true)
            let head = phone.make("MESSAGE", "sip:bob@example.com", lines: ["Content-Type: text/plain"])
            phone.send(head.replacingOccurrences(of: "Content-Length: 0", with: "Content-Length: 90000000"))
            // More than sockets hold: what nobody reads would be answered with a reset.
            phone.send([UInt8](repeating: 0x61, count: 12_000_000))
            #expect(try phone.final(.message).statusCode == 413)
            #expect(try await bench.on { $0.connectionCount } == 1)
            phone.send([UInt8](repeating: 0x61, count: 8_000_000))
            while try await bench.on({ $0.connectionCount }) > 0 { _ = phone.isSilent(10) }
        }
    }

    @Test("connections of one address are bounded")
    func bounded() async throws {
        try await withServer([], configure: { $0.connectionsPerAddress = 2 }) { bench in
            let phones = try (0..<3).map { try Phone("p\($0)", server: bench.tcp, tcp: true) }
            for phone in phones { phone.send(phone.make("OPTIONS", "sip:example.com")) }
            // Connections are taken in the order in which they were made.
            for phone in phones.prefix(2) { #expect(try phone.final(.options).statusCode == 200) }
            #expect(phones[2].isSilent())
            #expect(try await bench.on { $0.connectionCount } == 2)
        }
    }

    @Test("a request of ours goes over the connection that the client has made")
    func reuse() async throws {
        try await withServer([]) { bench in
            let phone = try Phone("alice", server: bench.tcp, tcp: true)
            phone.send(phone.make("OPTIONS", "sip:example.com"))
            _ = try phone.final(.options)
            let port = phone.port
            let outcome = try await bench.send(
                .message, "sip:alice@127.0.0.1:\(port);transport=tcp",
                to: .uri(try #require(SIPURI("sip:alice@127.0.0.1:\(port);transport=tcp")))
            ) { phone.answer(try phone.request(.message), 200) }
            #expect(outcome == "200")
            #expect(try await bench.on { $0.connectionCount } == 1)
        }
    }

    @Test("a request of ours over UDP is repeated until it is answered, and the answer counts once")
    func repeats() async throws {
        try await withServer([], configure: { $0.timers.t1 = 100 }) { bench in
            let phone = try Phone("alice", server: bench.udp)
            let target = SIPTarget.uri(try #require(SIPURI("sip:alice@127.0.0.1:\(phone.port)")))
            let outcome = try await bench.send(.message, "sip:alice@127.0.0.1", to: target) {
                let first = try phone.request(.message)
                let second = try phone.request(.message)
                #expect(first.bytes == second.bytes)
                phone.answer(second, 200)
                phone.answer(second, 200)
            }
            #expect(outcome == "200")
            #expect(try await bench.on { $0.transactions.clients.isEmpty })
        }
    }

    @Test("nobody answers: timeout; nobody listens: unreachable")
    func silence() async throws {
        try await withServer([], configure: { $0.timers.t1 = 5 }) { bench in
            let phone = try Phone("alice", server: bench.udp)
            let target = SIPTarget.uri(try #require(SIPURI("sip:alice@127.0.0.1:\(phone.port)")))
            #expect(try await bench.send(.message, "sip:alice@127.0.0.1", to: target) {} == "timeout")
            let nowhere = SIPTarget.uri(try #require(SIPURI("sip:alice@127.0.0.1:1;transport=tcp")))
            #expect(try await bench.send(.message, "sip:alice@127.0.0.1", to: nowhere) {} == "unreachable")
            #expect(try await bench.on { $0.transactions.clients.isEmpty })
        }
    }

    @Test("what is too large for a datagram goes over TCP, and over UDP only where there is no TCP (RFC 3261 §18.1.1)")
    func large() async throws {
        try await withServer([]) { bench in
            let text = String(repeating: "x", count: 2_000)
            let phone = try Phone("alice", server: bench.tcp, tcp: true)
            phone.send(phone.make("OPTIONS", "sip:example.com"))
            _ = try phone.final(.options)
            let target = SIPTarget.uri(try #require(SIPURI("sip:alice@127.0.0.1:\(phone.port)")))
            let outcome = try await bench.send(.message, "sip:alice@127.0.0.1", to: target, text: text) {
                phone.answer(try phone.request(.message), 200)
            }
            #expect(outcome == "200")
            let other = try Phone("bob", server: bench.udp)
            let second = SIPTarget.uri(try #require(SIPURI("sip:bob@127.0.0.1:\(other.port)")))
            let answer = try await bench.send(.message, "sip:bob@127.0.0.1", to: second, text: text) {
                let request = try other.request(.message)
                #expect(request.body.count == 2_000)
                other.answer(request, 200)
            }
            #expect(answer == "200")
        }
    }

    @Test("a large request leaves UDP whatever the URI says, and what no datagram carries is said to be too large")
    func switched() async throws {
        try await withServer([]) { bench in
            let bob = try Phone("bob", server: bench.udp)
            let target = SIPTarget.uri(try #require(SIPURI("sip:bob@127.0.0.1:\(bob.port);transport=udp")))
            let tooLarge = String(repeating: "x", count: 65_100)
            #expect(try await bench.send(.message, "sip:bob@127.0.0.1", to: target, text: tooLarge) {} == "too large")
            // Who has refused a connection is not asked again for a while.
            #expect(try await bench.on { $0.connecting.refusals.count } == 1)
            #expect(try await bench.send(.message, "sip:bob@127.0.0.1", to: target, text: tooLarge) {} == "too large")
            let listener = try StreamPhone()
            let other = SIPTarget.uri(try #require(SIPURI("sip:bob@127.0.0.1:\(listener.port);transport=udp")))
            let outcome = try await bench.send(.message, "sip:bob@127.0.0.1", to: other, text: tooLarge) {
                let request = try listener.request()
                #expect(request.body.count == 65_100)
                #expect(request.first(.via)?.string.hasPrefix("SIP/2.0/TCP ") == true)
                listener.answer(request, 200)
            }
            #expect(outcome == "200")
        }
    }

    @Test("an answer from elsewhere, or with a branch that was made up, belongs to nothing")
    func forged() async throws {
        try await withServer([], configure: { $0.timers.t1 = 150 }) { bench in
            let phone = try Phone("alice", server: bench.udp)
            let target = SIPTarget.uri(try #require(SIPURI("sip:alice@127.0.0.1:\(phone.port)")))
            let outcome = try await bench.send(.message, "sip:alice@127.0.0.1", to: target) {
                let request = try phone.request(.message)
                let branch = request.branch.string
                let made = String(branch.dropLast()) + (branch.hasSuffix("A") ? "B" : "A")
                let answer = SIPResponseBuilder(to: request, status: .ok, toTag: SIPBytes("t")).finish()
                phone.send(String(buffer: answer).replacingOccurrences(of: branch, with: made))
                phone.answer(request, 486)
            }
            #expect(outcome == "486")
            #expect(try await bench.on { $0.counters.strayResponses } == 1)
        }
    }

    @Test("a connection that ends tells who waits for an answer on it")
    func lost() async throws {
        try await withServer([]) { bench in
            let phone = try Phone("alice", server: bench.tcp, tcp: true)
            phone.send(phone.make("OPTIONS", "sip:example.com"))
            _ = try phone.final(.options)
            let target = SIPTarget.uri(try #require(SIPURI("sip:alice@127.0.0.1:\(phone.port);transport=tcp")))
            let outcome = try await bench.send(.message, "sip:alice@127.0.0.1", to: target) {
                _ = try phone.request(.message)
                phone.close()
            }
            #expect(outcome == "unreachable")
        }
    }
}

extension SIPBench {
    /// Sends a request of the server's own, runs `body`, and waits for the outcome: a status, `timeout` or `unreachable`.
    func send(
        _ method: SIPMethod, _ uri: String, to target: SIPTarget, text: String = "", _ body: () throws -> Void
    ) async throws -> String {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        nonisolated(unsafe) let target = target
        try await on { server in
            var builder = SIPRequestBuilder(method, SIPBytes(uri))
            builder.add(.maxForwards, number: 70)
            builder.addParty(.from, uri: SIPBytes("sip:example.com"), tag: SIPBytes("own"))
            builder.addParty(.to, uri: SIPBytes(uri), tag: nil)
            builder.add(.callID, text: UUID().uuidString)
            builder.addCSeq(1, method)
            server.send(
                OutgoingRequest(
                    method: method, bytes: builder.finish(body: SIPBytes(text), type: SIPBytes("text/plain"))),
                to: target
            ) { outcome in
                switch outcome {
                case .response(let response): continuation.yield("\(response.statusCode)")
                case .timeout: continuation.yield("timeout")
                case .unreachable: continuation.yield("unreachable")
                case .tooLarge: continuation.yield("too large")
                }
            }
        }
        try body()
        for await outcome in stream { return outcome }
        return ""
    }
}
