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

    @Test("an alias may stand in From")
    func alias() async throws {
        try await withServer(["alice", "bob"], configure: Self.closed) { bench in
            try await bench.on { server in
                server.isAlias = { uri, user in
                    uri.text.equals("sip:alice.smith@example.com") && user == SIPBench.jid("alice")
                }
            }
            let phone = try Phone("alice", server: bench.udp)
            for (from, status) in [("alice.smith", 200), ("alice.jones", 403)] {
                let uri = "sip:bob@example.com"
                func send(_ lines: [String] = []) throws -> SIPMessage {
                    let from = "<sip:\(from)@example.com>;tag=1"
                    phone.send(
                        phone.make(
                            "MESSAGE", uri, from: from, lines: ["Content-Type: text/plain"] + lines, body: "hello"))
                    return try phone.final(.message)
                }
                let challenge = try #require(challenges(try send()).last)
                let line = credentials(challenge, "alice", method: .message, uri: uri)
                let answer = try send([line]).statusCode
                #expect(status == 200 ? answer == 200 || answer == 202 : answer == status)
            }
        }
    }

    @Test("a name with characters that a localpart escapes (XEP-0106) signs in as SIP writes it")
    func escaped() async throws {
        try await withServer(["d\\27artagnan"], configure: Self.closed) { bench in
            let phone = try Phone("d'artagnan", server: bench.udp)
            let challenge = try #require(challenges(try phone.register()).first)
            #expect(try phone.register(lines: [credentials(challenge, "d'artagnan")]).statusCode == 200)
            let count = try await bench.on { $0.location.bindings(of: SIPBench.jid("d\\27artagnan")).count }
            #expect(count == 1)
        }
    }

    @Test("nobody registers for somebody else but who may: From signs in, To is registered")
    func thirdParty() async throws {
        try await withServer(
            ["alice", "bob", "service"],
            configure: {
                $0.trustsEverybody = false
                $0.registrationAgents = ["service@example.com"]
            }
        ) { bench in
            let phone = try Phone("bob", server: bench.udp)
            func register(_ from: String, as user: String, to: String = "bob") throws -> SIPMessage {
                func send(_ lines: [String]) throws -> SIPMessage {
                    phone.send(
                        phone.make(
                            "REGISTER", "sip:example.com", to: "<sip:\(to)@example.com>", callID: UUID().uuidString,
                            from: "\"Some Name\" <\(from)>;tag=1",
                            lines: lines + ["Contact: <\(phone.contact)>", "Expires: 600"]))
                    return try phone.final(.register)
                }
                let challenge = try #require(challenges(try send([])).last)
                return try send([credentials(challenge, user)])
            }
            func isRefused(_ answer: SIPMessage) -> Bool {
                answer.statusCode == 403 && answer.reason.equals("Registers for Somebody Else")
            }
            #expect(isRefused(try register("sip:alice@example.com", as: "alice")))
            // With bob's own password, but in the name of alice.
            #expect(isRefused(try register("sip:alice@example.com", as: "bob")))
            #expect(try await bench.on { $0.location.count } == 0)
            #expect(try register("sip:service@example.com", as: "service").statusCode == 200)
            #expect(try await bench.on { $0.location.bindings(of: SIPBench.jid("bob")).count } == 1)
            #expect(try register("sip:service@example.com", as: "service", to: "nobody").statusCode == 404)
            // The same person, written in another way.
            #expect(try register("sip:bob@127.0.0.1:\(bench.udp)", as: "bob").statusCode == 200)
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
