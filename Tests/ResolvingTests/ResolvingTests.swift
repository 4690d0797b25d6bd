import Ground
import NIOCore
import NIOPosix
import Testing

@testable import Resolving

@Suite("Servers of a domain")
struct ResolvingTests {
    /// Asks a real resolver, which asks a name server that knows what `records` say.
    private func located(
        _ wish: ServerLocator.Wish, _ records: [(String, DNSRecordType, [[UInt8]])]
    ) async throws -> [String] {
        let server = try await NameServer()
        for (name, type, bytes) in records { try await server.tell(name, type, bytes) }
        let client = DNSClient(servers: [server.address], timeout: 1_000)
        let found = try await Self.locate(wish, client, on: server.loop)
        client.stop()
        try await server.stop()
        return found
    }

    private static func locate(
        _ wish: ServerLocator.Wish, _ client: DNSClient, on loop: any EventLoop
    ) async throws -> [String] {
        let promise = loop.makePromise(of: [String].self)
        loop.execute {
            let locator = ServerLocator(client: client, loop: loop.assumeIsolated(), time: SystemTime())
            locator.locate(wish) { servers in
                withExtendedLifetime(locator) {
                    promise.succeed(
                        servers.map {
                            "\($0.transport) \($0.address.map(String.init).joined(separator: ".")):\($0.port) \($0.name)"
                        })
                }
            }
        }
        return try await promise.futureResult.get()
    }

    @Test("NAPTR says the transport, SRV the servers, A the addresses (RFC 3263 §4.1)")
    func whole() async throws {
        let found = try await located(
            .init(host: "example.org"),
            [
                (
                    "example.org", .naptr,
                    [
                        NameServer.naptr(50, 60, "s", "SIP+D2T", "_sip._tcp.example.org"),
                        NameServer.naptr(50, 50, "S", "SIPS+D2T", "_sips._tcp.example.org"),
                        NameServer.naptr(10, 50, "u", "E2U+sip", ""),
                    ]
                ),
                (
                    "_sips._tcp.example.org", .srv,
                    [NameServer.srv(20, 0, 5_061, "b.example.org"), NameServer.srv(10, 0, 5_071, "a.example.org")]
                ),
                ("_sip._tcp.example.org", .srv, [NameServer.srv(10, 0, 5_060, "a.example.org")]),
                ("a.example.org", .a, [NameServer.a(192, 0, 2, 1)]),
                ("b.example.org", .a, [NameServer.a(192, 0, 2, 2)]),
            ])
        #expect(
            found == [
                "tls 192.0.2.1:5071 a.example.org", "tls 192.0.2.2:5061 b.example.org",
                "tcp 192.0.2.1:5060 a.example.org",
            ])
    }

    @Test("without NAPTR every transport's SRV is asked for")
    func withoutNAPTR() async throws {
        let found = try await located(
            .init(host: "example.org"),
            [
                ("_sip._udp.example.org", .srv, [NameServer.srv(1, 0, 5_070, "a.example.org")]),
                ("a.example.org", .a, [NameServer.a(192, 0, 2, 1)]),
            ])
        #expect(found == ["udp 192.0.2.1:5070 a.example.org"])
    }

    @Test("without NAPTR and SRV the host is the server, over UDP, or what the URI says")
    func addressesOnly() async throws {
        let records: [(String, DNSRecordType, [[UInt8]])] = [("example.org", .a, [NameServer.a(192, 0, 2, 9)])]
        #expect(try await located(.init(host: "example.org"), records) == ["udp 192.0.2.9:5060 example.org"])
        #expect(
            try await located(.init(host: "example.org", transport: .tcp), records) == [
                "tcp 192.0.2.9:5060 example.org"
            ])
        #expect(
            try await located(.init(host: "example.org", isSecure: true), records) == ["tls 192.0.2.9:5061 example.org"]
        )
        #expect(
            try await located(.init(host: "example.org", port: 5_099), records) == ["udp 192.0.2.9:5099 example.org"])
    }

    @Test("a service of target `.` is not offered (RFC 2782)")
    func refused() async throws {
        let found = try await located(
            .init(host: "example.org", transport: .tls),
            [
                ("_sips._tcp.example.org", .srv, [NameServer.srv(0, 0, 0, "")]),
                ("example.org", .a, [NameServer.a(192, 0, 2, 9)]),
            ])
        #expect(found == [])
    }

    @Test("a name that does not exist has no servers")
    func nobody() async throws { #expect(try await located(.init(host: "example.net"), []) == []) }

    @Test("a name server that is silent is given up")
    func silent() async throws {
        let server = try await NameServer()
        try await server.fallSilent()
        let client = DNSClient(servers: [server.address], timeout: 50, tries: 1)
        #expect(try await Self.locate(.init(host: "example.org", port: 5_060), client, on: server.loop) == [])
        client.stop()
        try await server.stop()
    }

    @Test("servers of one priority are drawn by their weight, priorities keep their order")
    func weights() {
        let servers = [
            DNSRecord.SRV(priority: 2, weight: 0, port: 9, target: "z"),
            DNSRecord.SRV(priority: 1, weight: 10, port: 1, target: "a"),
            DNSRecord.SRV(priority: 1, weight: 30, port: 2, target: "b"),
        ]
        func order(_ drawn: UInt32) -> String { ServerLocator.ordered(servers) { _ in drawn }.map(\.target).joined() }
        #expect(order(0) == "abz")
        #expect(order(10) == "abz")
        #expect(order(11).hasPrefix("b"))
        var first = 0
        for drawn in 0...40 as ClosedRange<UInt32>
        where ServerLocator.ordered(servers, { $0 == 41 ? drawn : 0 })[0].target == "b" {
            first += 1
        }
        #expect(first == 30)
    }

    @Test("answers are kept as long as they say, and asked for once by many")
    func kept() {
        let time = ManualTime()
        var asked = 0
        var pending: [(Result<[DNSRecord], DNSFailure>) -> Void] = []
        let locator = ServerLocator(time: time, random: { _ in 0 }) { _, _, answer in
            asked += 1
            pending.append(answer)
        }
        func answerAll() {
            let waiting = pending
            pending = []
            for answer in waiting {
                answer(.success([DNSRecord(name: "h", ttl: 60, value: .address([192, 0, 2, 1]))]))
            }
        }
        var answers = 0
        for _ in 0..<5 { locator.locate(.init(host: "h", port: 1)) { answers += $0.isEmpty ? 0 : 1 } }
        #expect(asked == 2)
        answerAll()
        #expect(answers == 5)
        locator.locate(.init(host: "h", port: 1)) { _ in answers += 1 }
        #expect(answers == 6)
        #expect(asked == 2)
        time.advance(milliseconds: 60_001)
        locator.locate(.init(host: "h", port: 1)) { _ in answers += 1 }
        #expect(asked == 4)
    }

    @Test("broken answers are no answers: cut off at every byte, and names that point in circles")
    func broken() {
        let header: [UInt8] = [0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
        let question = NameServer.name("example.org") + [0, 33, 0, 1]
        let whole = header + question + NameServer.srv(1, 2, 3, "a.example.org")
        #expect(whole.withUnsafeBytes { DNSMessage.records($0) }?.count == 1)
        for count in 0..<whole.count {
            let part = Array(whole[..<count])
            #expect(part.withUnsafeBytes { DNSMessage.records($0) }.map(\.isEmpty) ?? true)
        }
        let circle = header + [0xC0, 0x0C, 0, 1, 0, 1] + [0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0]
        #expect(circle.withUnsafeBytes { DNSMessage.records($0) } == nil)
    }
}
