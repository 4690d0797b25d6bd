import Foundation
import NIOCore
import SIPWire
import Testing

@testable import SIPServer

@Suite("Who sent a request")
struct AuthenticationTests {
    private static let closed: @Sendable (inout SIPConfig) -> Void = { $0.trustsEverybody = false }

    /// Challenges in the order of the answer.
    private func challenges(_ answer: SIPMessage) -> [DigestChallenge] {
        var found: [DigestChallenge] = []
        answer.forEachField { header, _, value in
            guard header == .wwwAuthenticate || header == .proxyAuthenticate else { return }
            if let challenge = DigestChallenge(value) { found.append(challenge) }
        }
        return found
    }

    private func credentials(
        _ challenge: DigestChallenge, _ user: String, password: String = "secret", method: SIPMethod = .register,
        uri: String = "sip:example.com", count: UInt32 = 1
    ) -> String {
        "Authorization: "
            + challenge.authorization(
                user: user, password: password, method: method, uri: SIPBytes(uri), cnonce: SIPBytes("c1"), count: count
            ).string
    }

    @Test("both algorithms are offered, SHA-256 first, and each lets the user in", arguments: [0, 1])
    func algorithms(choice: Int) async throws {
        try await withServer(["alice"], configure: Self.closed) { bench in
            let phone = try Phone("alice", server: bench.udp)
            let refused = try phone.register()
            #expect(refused.statusCode == 401)
            let offered = challenges(refused)
            #expect(offered.map(\.algorithm) == [.sha256, .md5])
            #expect(offered.allSatisfy { !$0.isStale && $0.realm.string == "example.com" })
            #expect(try phone.register(lines: [credentials(offered[choice], "alice")]).statusCode == 200)
        }
    }

    @Test("a count that was used is stale, the next one is good")
    func replay() async throws {
        try await withServer(["alice"], configure: Self.closed) { bench in
            let phone = try Phone("alice", server: bench.udp)
            let challenge = try #require(challenges(try phone.register()).last)
            #expect(try phone.register(lines: [credentials(challenge, "alice")]).statusCode == 200)
            let replayed = try phone.register(lines: [credentials(challenge, "alice")])
            #expect(replayed.statusCode == 401)
            #expect(challenges(replayed).first?.isStale == true)
            #expect(try phone.register(lines: [credentials(challenge, "alice", count: 2)]).statusCode == 200)
        }
    }

    @Test("a wrong password and an unknown user are refused alike")
    func wrong() async throws {
        try await withServer(["alice"], configure: Self.closed) { bench in
            for (name, password) in [("alice", "wrong"), ("nobody", "secret")] {
                let phone = try Phone(name, server: bench.udp)
                let challenge = try #require(challenges(try phone.register()).last)
                let answer = try phone.register(lines: [credentials(challenge, name, password: password)])
                #expect(answer.statusCode == 401)
                #expect(challenges(answer).allSatisfy { !$0.isStale })
            }
        }
    }

    @Test("who fails too often must wait, also with the right password")
    func throttled() async throws {
        try await withServer(
            ["alice"],
            configure: {
                $0.trustsEverybody = false
                $0.failuresPerAccount = 3
            }
        ) { bench in
            let phone = try Phone("alice", server: bench.udp)
            let challenge = try #require(challenges(try phone.register()).last)
            for count in 1...3 as ClosedRange<UInt32> {
                _ = try phone.register(lines: [credentials(challenge, "alice", password: "wrong", count: count)])
            }
            let answer = try phone.register(lines: [credentials(challenge, "alice", count: 9)])
            #expect(answer.statusCode == 503)
            #expect(answer.retryAfter == 60)
        }
    }

    @Test("From must be the authenticated user's own: 403; of another domain: 403")
    func spoofed() async throws {
        try await withServer(["alice", "bob"], configure: Self.closed) { bench in
            let phone = try Phone("alice", server: bench.udp)
            let to = "sip:bob@example.com"
            func send(_ from: String?, _ lines: [String] = []) throws -> SIPMessage {
                phone.send(phone.make("MESSAGE", to, from: from, lines: lines))
                return try phone.final(.message)
            }
            let challenge = try #require(challenges(try send("<sip:bob@example.com>;tag=1")).last)
            func line(_ count: UInt32) -> String {
                credentials(challenge, "alice", method: .message, uri: to, count: count)
            }
            #expect(try send("<sip:bob@example.com>;tag=1", [line(1)]).statusCode == 403)
            #expect(try send("<sip:alice@example.net>;tag=1", [line(2)]).statusCode == 403)
            let own = try send(nil, [line(3)])
            #expect(own.statusCode != 403 && own.statusCode != 401 && own.statusCode != 407)
        }
    }

    @Test("scanners get no answer")
    func scanners() async throws {
        try await withServer(["alice"], configure: Self.closed) { bench in
            let phone = try Phone("100", server: bench.udp)
            phone.send(
                phone.make(
                    "REGISTER", "sip:example.com", to: "<sip:100@example.com>", lines: ["User-Agent: friendly-scanner"])
            )
            #expect(phone.isSilent())
            #expect(try await bench.on { $0.counters.scannerDrops } == 1)
            #expect(try await bench.on { $0.transactions.active.isEmpty })
        }
    }
}
