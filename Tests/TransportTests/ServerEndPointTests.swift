import Crypto
import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Testing
import X509

@testable import Transport

/// Self-signed certificates for tests, as PEM files of their own.
private struct MadeCertificate {
    let der: [UInt8]
    let certificatePath: String
    let keyPath: String

    init(_ domain: String, in folder: URL, _ algorithm: Certificate.SignatureAlgorithm = .ecdsaWithSHA256) throws {
        let key: Certificate.PrivateKey
        let pem: String
        if algorithm == .ed25519 {
            let signer = Curve25519.Signing.PrivateKey()
            key = .init(signer)
            pem = try key.serializeAsPEM().pemString
        } else {
            let signer = P256.Signing.PrivateKey()
            key = .init(signer)
            pem = signer.pemRepresentation
        }
        let name = try DistinguishedName { CommonName(domain) }
        let made = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey,
            notValidBefore: Date(timeIntervalSince1970: 1_500_000_000),
            notValidAfter: Date(timeIntervalSince1970: 4_000_000_000), issuer: name, subject: name,
            signatureAlgorithm: algorithm,
            extensions: try .init { SubjectAlternativeNames([.dnsName(domain)]) }, issuerPrivateKey: key)
        let document = try made.serializeAsPEM()
        der = document.derBytes
        certificatePath = folder.appendingPathComponent("\(domain).pem").path
        keyPath = folder.appendingPathComponent("\(domain).key").path
        try document.pemString.write(toFile: certificatePath, atomically: true, encoding: .utf8)
        try pem.write(toFile: keyPath, atomically: true, encoding: .utf8)
    }

    func source(_ domain: String) -> TLSContexts.Source {
        .init(domain: domain, certificate: certificatePath, key: keyPath)
    }
}

@Suite("Channel binding to the certificate")
struct ServerEndPointTests {
    private func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    @Test("the hash is that of the signature (RFC 5929 §4.1)")
    func hashes() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let small = try MadeCertificate("a.example", in: folder)
        #expect(ServerEndPoint.binding(small.der) == Array(SHA256.hash(data: small.der)))
        let middle = try MadeCertificate("b.example", in: folder, .ecdsaWithSHA384)
        #expect(ServerEndPoint.binding(middle.der) == Array(SHA384.hash(data: middle.der)))
        let large = try MadeCertificate("c.example", in: folder, .ecdsaWithSHA512)
        #expect(ServerEndPoint.binding(large.der) == Array(SHA512.hash(data: large.der)))
        let none = try MadeCertificate("d.example", in: folder, .ed25519)
        #expect(ServerEndPoint.binding(none.der) == nil)
        #expect(ServerEndPoint.binding([1, 2, 3]) == nil)
    }

    @Test("a connection is bound to the certificate of the name that it asked for, also after a reload")
    func served() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let (one, two) = (
            try MadeCertificate("one.example", in: folder), try MadeCertificate("two.example", in: folder)
        )
        let group = MultiThreadedEventLoopGroup.singleton
        let loop = group.next()
        let sources = [one.source("one.example"), two.source("two.example")]
        let contexts = try await loop.submit {
            NIOLoopBound(try TLSContexts(sources, logger: Logger(label: "test")), eventLoop: loop)
        }.get()
        for (asked, expected) in [
            ("one.example", one), ("TWO.example", two), ("elsewhere.example", one), (nil, one),
        ] {
            let pair = try await connect(contexts, loop, asked)
            #expect(pair.served == Array(SHA256.hash(data: expected.der)), "\(asked ?? "no name")")
            #expect(pair.peer == expected.der, "\(asked ?? "no name")")
        }
        let newer = try MadeCertificate("two.example", in: folder)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: 100)], ofItemAtPath: newer.certificatePath)
        #expect(try await loop.submit { contexts.value.reloadIfChanged() }.get())
        let pair = try await connect(contexts, loop, "two.example")
        #expect(pair.served == Array(SHA256.hash(data: newer.der)))
        #expect(pair.peer == newer.der)
    }

    /// One handshake over the loopback: what the server took for its certificate, and what the client saw.
    private func connect(
        _ contexts: NIOLoopBound<TLSContexts>, _ loop: any EventLoop, _ name: String?
    ) async throws -> (served: [UInt8]?, peer: [UInt8]?) {
        let accepted = loop.makePromise(of: NIOLoopBound<TLSConnection>.self)
        let server = try await ServerBootstrap(group: loop).childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let connection = try contexts.value.install(on: channel, direct: false)
                accepted.succeed(NIOLoopBound(connection, eventLoop: channel.eventLoop))
            }
        }.bind(host: "127.0.0.1", port: 0).get()
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        let context = try NIOSSLContext(configuration: configuration)
        let done = loop.makePromise(of: [UInt8]?.self)
        let client = try await ClientBootstrap(group: loop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let handler = try NIOSSLClientHandler(context: context, serverHostname: name)
                try channel.pipeline.syncOperations.addHandlers([handler, HandshakeWaiter(done)])
            }
        }.connect(to: server.localAddress!).get()
        let peer = try await done.futureResult.get()
        let connection = try await accepted.futureResult.get()
        let served = try await loop.submit { connection.value.serverEndPoint }.get()
        try await client.close().get()
        try await server.close().get()
        return (served, peer)
    }
}

/// Tells the server's certificate once the handshake is done.
private final class HandshakeWaiter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let done: EventLoopPromise<[UInt8]?>

    init(_ done: EventLoopPromise<[UInt8]?>) { self.done = done }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
            done.succeed(try? handler?.peerCertificate?.toDERBytes())
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        done.fail(error)
        context.close(promise: nil)
    }
}

@Suite("Certificates by their hash (RFC 8122)") struct CertificateFingerprintTests {
    @Test("a hash names one certificate, with a function that proves something") func names() {
        let der: [UInt8] = Array("a certificate".utf8)
        let text = CertificateFingerprint.text(of: der)
        #expect(text.hasPrefix("SHA-256 ") && text.count == 8 + 32 * 3 - 1)
        #expect(CertificateFingerprint.matches(der, text))
        #expect(CertificateFingerprint.matches(der, text.lowercased()))
        #expect(!CertificateFingerprint.matches(der + [0], text))
        let hash = text.dropFirst(8)
        for wrong in ["", "SHA-256", "SHA-256 ", "SHA-512 \(hash)", "MD5 \(hash)", "SHA-1 00", "\(text) x"] {
            #expect(!CertificateFingerprint.matches(der, wrong))
        }
        let long = SHA512.hash(data: der).map { String(format: "%02X", $0) }.joined(separator: ":")
        #expect(CertificateFingerprint.matches(der, "sha-512 \(long)"))
    }
}
