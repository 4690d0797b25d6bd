import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import AdminServer

private let entry = AuditEntry(
    at: 1_800_000_000_000, who: "anna", role: "superuser", address: "192.0.2.1", operation: "users.update",
    target: "x@example.com", before: "ä", after: "line\nbreak", outcome: .done)

/// Gathers datagrams.
private final class Datagrams: ChannelInboundHandler, Sendable {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    let texts: AsyncStream<String>.Continuation

    init(_ texts: AsyncStream<String>.Continuation) { self.texts = texts }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        texts.yield(String(buffer: unwrapInboundIn(data).data))
    }
}

/// Gathers bytes of a stream.
private final class Stream: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    let texts: AsyncStream<String>.Continuation

    init(_ texts: AsyncStream<String>.Continuation) { self.texts = texts }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        texts.yield(String(buffer: unwrapInboundIn(data)))
    }
}

@Suite("Audit to syslog", .timeLimit(.minutes(1)))
struct AuditSyslogTests {
    private let group = MultiThreadedEventLoopGroup.singleton

    @Test("a message has every part of RFC 5424, and no line break")
    func message() {
        let text = SyslogMessage.text(entry, host: "chat example", process: 7)
        #expect(
            text.hasPrefix(
                "<109>1 2027-01-15T08:00:00.000Z chatexample roost 7 users.update [origin software=\"roost\""))
        #expect(text.contains("] \u{FEFF}{\"address\"") && !text.contains("\n"))
        var refused = entry
        refused.outcome = .refused
        #expect(SyslogMessage.text(refused, host: "", process: 7).hasPrefix("<108>1 2027-01-15T08:00:00.000Z - roost"))
        #expect(SyslogMessage.framed("aä") == "3 aä")
    }

    @Test("addresses are read, anything else is not one")
    func targets() {
        #expect(SyslogTarget("udp://log.example") == SyslogTarget(transport: .udp, host: "log.example", port: 514))
        #expect(SyslogTarget("tcp://[::1]:6514") == SyslogTarget(transport: .tcp, host: "::1", port: 6514))
        for text in [
            "", "log.example", "http://log.example", "udp://", "udp://a:0", "udp://a:70000", "udp://a/b", "udp://u@a",
        ] {
            #expect(SyslogTarget(text) == nil, "\(text)")
        }
    }

    @Test("an entry arrives as one datagram")
    func udp() async throws {
        let (texts, continuation) = AsyncStream.makeStream(of: String.self)
        let server = try await DatagramBootstrap(group: group)
            .channelInitializer { $0.pipeline.addHandler(Datagrams(continuation)) }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let syslog = AuditSyslog(
            SyslogTarget(transport: .udp, host: "127.0.0.1", port: port), group: group, logger: AdminFixture.silent)
        syslog.send(entry)
        var iterator = texts.makeAsyncIterator()
        #expect(await iterator.next()?.contains("\"target\":\"x@example.com\"") == true)
        syslog.close()
        try await server.close()
    }

    @Test("what is written to the audit goes over TCP too, framed by its length")
    func tcp() async throws {
        let (texts, continuation) = AsyncStream.makeStream(of: String.self)
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { $0.pipeline.addHandler(Stream(continuation)) }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let fixture = try await AdminFixture()
        fixture.admin.audit.setSyslog(SyslogTarget(transport: .tcp, host: "127.0.0.1", port: port), group: group)
        _ = try await fixture.send("POST", "/users", #"{"jid": "x@example.com", "password": "hunter2"}"#)
        var iterator = texts.makeAsyncIterator()
        let text = try #require(await iterator.next())
        let parts = text.split(separator: " ", maxSplits: 1)
        #expect(Int(parts[0]) == parts[1].utf8.count && parts[1].contains("users.create"), "\(text)")
        #expect(!text.contains("hunter2"))
        fixture.admin.audit.setSyslog(nil, group: group)
        try await server.close()
    }
}
