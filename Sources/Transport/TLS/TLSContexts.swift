import Foundation
import Logging
import NIOCore
import NIOSSL

/// Certificates by domain, chosen by the name a client asks for (SNI), and exchanged live when their files change.
///
/// TLS 1.2 and 1.3 only (RFC 7590, RFC 9325). Confined to one event loop.
public final class TLSContexts {
    /// One domain's PEM files.
    public struct Source: Sendable, Equatable {
        public var domain: String
        public var certificate: String
        public var key: String

        public init(domain: String, certificate: String, key: String) {
            self.domain = domain
            self.certificate = certificate
            self.key = key
        }
    }

    private let sources: [Source]
    private let logger: Logger
    private var context: NIOSSLContext
    private var directContext: NIOSSLContext
    private var httpContext: NIOSSLContext
    private var modified: [Date?]

    /// - Throws: when a file is missing or is not a matching certificate and key; the error names the file.
    public init(_ sources: [Source], logger: Logger) throws {
        self.sources = sources
        self.logger = logger
        (context, directContext, httpContext) = try Self.make(sources)
        modified = Self.dates(of: sources)
    }

    /// A handler for one connection. `direct` announces the protocol by ALPN (XEP-0368).
    public func makeHandler(direct: Bool) -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: direct ? directContext : context)
    }

    /// A handler for one HTTPS connection; HTTP/1.1 is all that is spoken.
    public func makeHTTPSHandler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: httpContext) }

    /// Takes changed files into use; running connections keep theirs. A broken file changes nothing.
    public func reloadIfChanged() {
        let now = Self.dates(of: sources)
        guard now != modified else { return }
        do {
            (context, directContext, httpContext) = try Self.make(sources)
            modified = now
            logger.notice("certificates reloaded")
        } catch {
            modified = now
            logger.error("new certificates not taken into use", metadata: ["error": "\(error)"])
        }
    }

    private static func dates(of sources: [Source]) -> [Date?] {
        sources.flatMap { [$0.certificate, $0.key] }.map {
            try? FileManager.default.attributesOfItem(atPath: $0)[.modificationDate] as? Date
        }
    }

    private static func make(_ sources: [Source]) throws -> (NIOSSLContext, NIOSSLContext, NIOSSLContext) {
        guard let first = sources.first else { throw TLSFailure("no certificate is configured") }
        var overrides: [String: NIOSSLContextConfigurationOverride] = [:]
        for source in sources {
            let (chain, key) = try load(source)
            var override = NIOSSLContextConfigurationOverride()
            override.certificateChain = chain
            override.privateKey = key
            overrides[source.domain.lowercased()] = override
        }
        let (chain, key) = try load(first)
        var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: key)
        configuration.minimumTLSVersion = .tlsv12
        if sources.count > 1 {
            configuration.sslContextCallback = { [overrides] values, promise in
                let name = values.serverHostname?.lowercased() ?? ""
                promise.succeed(overrides[name] ?? .noChanges)
            }
        }
        let plain = try NIOSSLContext(configuration: configuration)
        configuration.applicationProtocols = ["xmpp-client"]
        let direct = try NIOSSLContext(configuration: configuration)
        configuration.applicationProtocols = ["http/1.1"]
        return (plain, direct, try NIOSSLContext(configuration: configuration))
    }

    private static func load(
        _ source: Source
    ) throws -> ([NIOSSLCertificateSource], NIOSSLPrivateKeySource) {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(source.certificate).map {
                NIOSSLCertificateSource.certificate($0)
            }
            guard !chain.isEmpty else { throw TLSFailure("\(source.certificate): no certificate inside") }
            let key = try NIOSSLPrivateKey(file: source.key, format: .pem)
            return (chain, .privateKey(key))
        } catch let failure as TLSFailure {
            throw failure
        } catch {
            throw TLSFailure("\(source.certificate), \(source.key): \(error)")
        }
    }
}

public struct TLSFailure: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
