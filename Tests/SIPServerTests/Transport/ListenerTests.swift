import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import SIPWire
import Testing
import Transport

@testable import SIPServer

@Suite("Listeners")
struct ListenerTests {
    private static let options =
        "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/%@ client.example.com;branch=z9hG4bK1;rport\r\n"
        + "From: <sip:alice@example.com>;tag=1\r\nTo: <sip:example.com>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
        + "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"

    /// The first bytes that come.
    private final class First: ChannelInboundHandler, @unchecked Sendable {
        typealias InboundIn = ByteBuffer
        private let promise: EventLoopPromise<String>
        init(_ promise: EventLoopPromise<String>) { self.promise = promise }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            promise.succeed(String(buffer: unwrapInboundIn(data)))
        }
        func channelInactive(context: ChannelHandlerContext) { promise.fail(ChannelError.eof) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { promise.fail(error) }
    }

    private final class Unwrap: ChannelInboundHandler, Sendable {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias InboundOut = ByteBuffer
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.fireChannelRead(wrapInboundOut(unwrapInboundIn(data).data))
        }
    }

    private func bound(_ bench: SIPBench) async throws -> NIOLoopBound<SIPServer> {
        try await bench.on { NIOLoopBound($0, eventLoop: $0.loop.nonisolated()) }
    }

    @Test("over TLS, with the certificate of the domain that the client names")
    func tls() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sip-tls-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (certificate, key) = (folder.appendingPathComponent("c.pem"), folder.appendingPathComponent("k.pem"))
        try Data(TestCertificate.certificate.utf8).write(to: certificate)
        try Data(TestCertificate.key.utf8).write(to: key)
        let source = TLSContexts.Source(domain: "example.com", certificate: certificate.path, key: key.path)
        try await withServer([]) { bench in
            let server = try await bound(bench)
            try await bench.on { $0.tls = try TLSContexts([source], logger: Logger(label: "tls")) }
            let listener = try await Listener.bind(address: "127.0.0.1", port: 0, group: server.eventLoop) {
                try server.value.accept($0, usesTLS: true)
            }
            let promise = server.eventLoop.makePromise(of: String.self)
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .file(certificate.path)
            let context = try NIOSSLContext(configuration: configuration)
            let client = try await ClientBootstrap(group: server.eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHandler(
                            try NIOSSLClientHandler(context: context, serverHostname: "example.com"))
                        try pipeline.addHandler(First(promise))
                    }
                }
                .connect(to: try #require(listener.localAddress)).get()
            client.writeAndFlush(
                ByteBuffer(string: Self.options.replacingOccurrences(of: "%@", with: "TLS")), promise: nil)
            let answer = try await promise.futureResult.get()
            #expect(answer.hasPrefix("SIP/2.0 200 "))
            let port = try #require(client.localAddress?.port)
            #expect(answer.contains(";rport=\(port);received=127.0.0.1\r\n"))
            try await client.close().get()
            try await listener.close().get()
        }
    }

    @Test("over UDP and IPv6, from one listener of both families, where the machine has IPv6")
    func six() async throws {
        try await withServer([]) { bench in
            let server = try await bound(bench)
            guard
                let listener = try? await DatagramListener.bind(
                    address: "::", port: 0, group: server.eventLoop, accept: { try server.value.serve(datagrams: $0) })
            else { return }
            let port = try #require(listener.localAddress?.port)
            for (family, host, received) in [("::1", "::1", "::1"), ("127.0.0.1", "127.0.0.1", "127.0.0.1")] {
                let promise = server.eventLoop.makePromise(of: String.self)
                let client = try await DatagramBootstrap(group: server.eventLoop)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandlers(Unwrap(), First(promise))
                        }
                    }
                    .bind(host: family, port: 0).get()
                client.writeAndFlush(
                    AddressedEnvelope(
                        remoteAddress: try SocketAddress(ipAddress: host, port: port),
                        data: ByteBuffer(
                            string: Self.options.replacingOccurrences(of: "%@", with: "UDP").replacingOccurrences(
                                of: "z9hG4bK1", with: "z9hG4bK\(UUID())"))),
                    promise: nil)
                let answer = try await promise.futureResult.get()
                #expect(answer.hasPrefix("SIP/2.0 200 "))
                let source = try #require(client.localAddress?.port)
                #expect(answer.contains(";rport=\(source);received=\(received)\r\n"))
                try await client.close().get()
            }
            try await listener.close().get()
        }
    }
}

/// Of example.com, signed by itself; good until 2126, and of no use anywhere else.
enum TestCertificate {
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBmjCCAUGgAwIBAgIUCIC6dAxxeQE8qJY0KMp4DffFOlUwCgYIKoZIzj0EAwIw
        FjEUMBIGA1UEAwwLZXhhbXBsZS5jb20wIBcNMjYxMTIyMDAwOTQ3WhgPMjEyNjEw
        MjkwMDA5NDdaMBYxFDASBgNVBAMMC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYI
        KoZIzj0DAQcDQgAEFpcCCjC0tOBSM7xwcIBbummY44RROKl90C8cvK+jBZ2hg3E4
        mJaObq7BhZHq35DWclfzzmx1sq61q3gYD21w36NrMGkwHQYDVR0OBBYEFJ3znP+A
        45ktRCzJHohwlPtDx7jgMB8GA1UdIwQYMBaAFJ3znP+A45ktRCzJHohwlPtDx7jg
        MA8GA1UdEwEB/wQFMAMBAf8wFgYDVR0RBA8wDYILZXhhbXBsZS5jb20wCgYIKoZI
        zj0EAwIDRwAwRAIgVbz2vOw1jTpb1V4Fzrfa5MQBq61dOi5RBfFLdY8G6vACIFN2
        0WAHE1F4FB2o0C3Ol2gmyRKe+dMEyPFcVO8fbzEQ
        -----END CERTIFICATE-----
        """
    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgMnEJ3uFidh/g6xsx
        9e/O4bm4i9utIUS3DB9ob1CSVAChRANCAAQWlwIKMLS04FIzvHBwgFu6aZjjhFE4
        qX3QLxy8r6MFnaGDcTiYlo5ursGFkerfkNZyV/PObHWyrrWreBgPbXDf
        -----END PRIVATE KEY-----
        """
}
