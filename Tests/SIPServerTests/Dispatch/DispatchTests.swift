import Foundation
import Ground
import NIOCore
import SIPWire
import Testing

@testable import SIPServer

@Suite("Requests that come in")
struct DispatchTests {
    /// Takes MESSAGE and never answers.
    private final class Mute: SIPMethodHandler {
        let methods: [SIPMethod] = [.message]
        func handle(_ request: IncomingRequest) {}
    }

    /// Answers MESSAGE with what it has counted.
    private final class Counting: SIPMethodHandler {
        let methods: [SIPMethod] = [.message]
        var count = 0
        func handle(_ request: IncomingRequest) {
            count += 1
            let text = "\(count)"
            request.respond(.ok) { $0.add(.subject, text: text) }
        }
    }

    @Test("an answer goes back to the port that the request came from, and says which that was (RFC 3581)")
    func rport() async throws {
        try await withServer([]) { bench in
            let phone = try Phone("alice", server: bench.udp)
            phone.send(phone.make("OPTIONS", "sip:example.com"))
            let answer = try phone.final(.options)
            #expect(answer.statusCode == 200)
            let via = try #require(answer.topVia)
            #expect(via.rport == phone.port)
            #expect(via.received?.string == "127.0.0.1")
            #expect(answer.has(.allow))
            #expect(!answer.toTag.isEmpty)
        }
    }

    @Test("a request that comes again gets the same answer, and is served once")
    func repeated() async throws {
        try await withServer([]) { bench in
            try await bench.on { $0.registry.add(Counting()) }
            let phone = try Phone("alice", server: bench.udp)
            let request = phone.make("MESSAGE", "sip:bob@example.com")
            phone.send(request)
            let first = try phone.final(.message)
            phone.send(request)
            let second = try phone.final(.message)
            #expect(first.bytes == second.bytes)
            #expect(first.first(.subject)?.string == "1")
            phone.send(phone.make("MESSAGE", "sip:bob@example.com"))
            #expect(try phone.final(.message).first(.subject)?.string == "2")
        }
    }

    @Test("the same request on another way is merged: 482 (RFC 3261 §8.2.2.2)")
    func merged() async throws {
        try await withServer([]) { bench in
            try await bench.on { $0.registry.add(Counting()) }
            let phone = try Phone("alice", server: bench.udp)
            phone.send(phone.make("MESSAGE", "sip:bob@example.com", callID: "one", cseq: 7))
            #expect(try phone.final(.message).statusCode == 200)
            phone.send(phone.make("MESSAGE", "sip:bob@example.com", callID: "one", cseq: 7))
            #expect(try phone.final(.message).statusCode == 482)
            phone.send(phone.make("MESSAGE", "sip:bob@example.com", callID: "one", cseq: 8))
            #expect(try phone.final(.message).statusCode == 200)
        }
    }

    @Test(
        "what is wrong with a request is said in its status",
        arguments: [
            ("FROB", "sip:example.com", "X: y", 405), ("OPTIONS", "mailto:bob@example.com", "X: y", 416),
            ("REGISTER", "sip:example.com", "Require: frobnicate", 420),
            ("OPTIONS", "sip:bob@example.com", "Proxy-Require: frobnicate", 420),
            ("OPTIONS", "sip:bob@example.com", "Content-Length: 99", 400),
            ("CANCEL", "sip:bob@example.com", "X: y", 481), ("BYE", "sip:example.com", "X: y", 481),
        ])
    func refused(method: String, uri: String, line: String, status: Int) async throws {
        try await withServer([]) { bench in
            let phone = try Phone("alice", server: bench.udp)
            phone.send(phone.make(method, uri, lines: [line]))
            let answer = try phone.wait("an answer") { !$0.isRequest && $0.statusCode >= 200 }
            #expect(Int(answer.statusCode) == status)
            if status == 405 { #expect(answer.has(.allow)) }
            if status == 420 { #expect(answer.first(.unsupported)?.string == "frobnicate") }
        }
    }

    @Test("a request at the end of its hops gets 483")
    func hops() async throws {
        try await withServer([]) { bench in
            let phone = try Phone("alice", server: bench.udp)
            let text = phone.make("MESSAGE", "sip:bob@example.com")
            phone.send(text.replacingOccurrences(of: "Max-Forwards: 70", with: "Max-Forwards: 0"))
            #expect(try phone.final(.message).statusCode == 483)
        }
    }

    @Test("transactions are bounded: one more than may wait gets 503 with Retry-After")
    func overload() async throws {
        try await withServer([], configure: { $0.transactions = 10 }) { bench in
            try await bench.on { $0.registry.add(Mute()) }
            let phone = try Phone("alice", server: bench.udp)
            for _ in 0..<10 { phone.send(phone.make("MESSAGE", "sip:bob@example.com")) }
            phone.send(phone.make("MESSAGE", "sip:bob@example.com"))
            let answer = try phone.final(.message)
            #expect(answer.statusCode == 503)
            #expect(answer.retryAfter != nil)
            #expect(try await bench.on { $0.transactions.active.count } == 10)
        }
    }

    @Test("what nobody answers ends without an answer (RFC 4320) and leaves nothing behind")
    func unanswered() async throws {
        try await withServer([], configure: { $0.timers.t1 = 5 }) { bench in
            try await bench.on { $0.registry.add(Mute()) }
            let phone = try Phone("alice", server: bench.udp)
            phone.send(phone.make("MESSAGE", "sip:bob@example.com"))
            while try await bench.on({ $0.transactions.active.isEmpty }) == false {
                _ = phone.isSilent(20)
            }
            #expect(try await bench.on { $0.transactions.activeByID.isEmpty && $0.transactions.origins.isEmpty })
        }
    }

    @Test("answers and requests that the system refuses to send do not end the socket")
    func unsendable() async throws {
        try await withServer([], configure: { $0.timers.t1 = 5 }) { bench in
            let phone = try Phone("alice", server: bench.udp)
            let text = phone.make("OPTIONS", "sip:example.com")
            phone.send(text.replacingOccurrences(of: "127.0.0.1:\(phone.port);rport", with: "127.0.0.1:0"))
            for address in ["255.255.255.255", "[2001:db8::1]", "127.0.0.1:0"] {
                let target = SIPTarget.uri(try #require(SIPURI("sip:nobody@\(address)")))
                let outcome = try await bench.send(.message, "sip:nobody@\(address)", to: target) {}
                #expect(outcome == "timeout" || outcome == "unreachable")
            }
            phone.send(phone.make("OPTIONS", "sip:example.com"))
            #expect(try phone.final(.options).statusCode == 200)
            #expect(try await bench.on { $0.counters.datagramsLost } > 0)
        }
    }

    @Test("garbage, broken and hostile datagrams leave the server as it was")
    func torture() async throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("SIPWireTests/Messages")
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        try await withServer([], configure: { $0.trustsEverybody = false }) { bench in
            let phone = try Phone("alice", server: bench.udp)
            var generator = SystemRandomNumberGenerator()
            for file in files {
                guard let data = FileManager.default.contents(atPath: folder.appendingPathComponent(file).path),
                    !data.isEmpty, data.count < 60_000
                else { continue }
                phone.send(Array(data))
                var broken = Array(data)
                for _ in 0..<4 {
                    broken[Int.random(in: 0..<broken.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                phone.send(broken)
                phone.send(Array(data.prefix(Int.random(in: 0..<data.count, using: &generator))))
            }
            phone.send([0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42] + [UInt8](repeating: 7, count: 12))
            phone.send([])
            phone.send([13, 10, 13, 10])
            let other = try Phone("bob", server: bench.udp)
            let question = other.make("OPTIONS", "sip:example.com")
            // What came in a burst may have filled the socket: as a client does, until it is answered.
            for _ in 0..<20 {
                other.send(question)
                if !other.isSilent(500) { break }
            }
            #expect(try other.final(.options).statusCode == 200)
            #expect(try await bench.on { $0.counters.malformed } > 0)
        }
    }

    @Test("an address that asks too much is told to wait; a trunk is not, and without a setting nobody is")
    func rates() async throws {
        let time = ManualTime()
        try await withServer([], time: time) { bench in
            let phone = try Phone("alice", server: bench.udp)
            func ask() throws -> SIPMessage {
                phone.send(phone.make("OPTIONS", "sip:example.com"))
                return try phone.final(.options)
            }
            func set(_ rate: Int, trunk: Bool) async throws {
                try await bench.on { server in
                    var config = server.config
                    config.requestsPerSecond = rate
                    if trunk {
                        var trunk = TrunkSettings(name: "manager", destinations: [])
                        trunk.addresses = [AddressRange("127.0.0.1")!]
                        config.trunks = [trunk]
                    }
                    server.reconfigure(config)
                }
            }
            for _ in 0..<5 { #expect(try ask().statusCode == 200) }
            try await set(2, trunk: false)
            for _ in 0..<4 { #expect(try ask().statusCode == 200) }
            let refused = try ask()
            #expect(refused.statusCode == 503 && refused.retryAfter == 1)
            time.advance(milliseconds: 1_500)
            #expect(try ask().statusCode == 200)
            try await set(1, trunk: true)
            for _ in 0..<9 { #expect(try ask().statusCode == 200) }
        }
    }
}
