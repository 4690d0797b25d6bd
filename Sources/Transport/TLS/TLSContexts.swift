import Foundation
import Logging
import NIOCore
import NIOSSL
import NIOTLS

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

    private var sources: [Source]
    /// Clients are asked for a certificate; they need not have one.
    private var asksForCertificates: Bool
    private let logger: Logger
    /// The first domain's, for clients that name no domain or an unknown one.
    private var first: ServedCertificate
    private var byDomain: [String: ServedCertificate]
    private var modified: [Date?]

    /// - Throws: when a file is missing or is not a matching certificate and key; the error names the file.
    public init(_ sources: [Source], asksForCertificates: Bool = false, logger: Logger) throws {
        self.sources = sources
        self.asksForCertificates = asksForCertificates
        self.logger = logger
        (first, byDomain) = try Self.make(sources, asksForCertificates)
        modified = Self.dates(of: sources)
    }

    /// Puts TLS in front of everything else in the pipeline of a connection, on its loop.
    ///
    /// - Parameter direct: announces the protocol by ALPN (XEP-0368).
    public func install(on channel: any Channel, direct: Bool) throws -> TLSConnection {
        try install(on: channel) { direct ? $0.directContext : $0.context }
    }

    private func install(
        on channel: any Channel, choosing context: @escaping (ServedCertificate) -> NIOSSLContext
    ) throws -> TLSConnection {
        let connection = TLSConnection()
        let pipeline = channel.pipeline.syncOperations
        guard sources.count > 1 else {
            connection.served = first
            try pipeline.addHandler(handler(context(first), connection), position: .first)
            return connection
        }
        // The name is read ahead of the handshake, so that the connection knows which certificate was served.
        let reader = ByteToMessageHandler(
            SNIHandler { [self] name in
                channel.eventLoop.makeCompletedFuture {
                    let served = certificate(for: name)
                    connection.served = served
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        handler(context(served), connection),
                        position: .after(try pipeline.handler(type: ByteToMessageHandler<SNIHandler>.self)))
                }
            })
        try pipeline.addHandler(reader, position: .first)
        return connection
    }

    /// Any certificate passes the handshake: who its owner may be is decided at the login, where one that nobody vouches
    /// for is of no use but does no harm.
    private func handler(_ context: NIOSSLContext, _ connection: TLSConnection) -> NIOSSLServerHandler {
        guard asksForCertificates else { return NIOSSLServerHandler(context: context) }
        return NIOSSLServerHandler(
            context: context,
            customVerificationCallback: { certificates, promise in
                connection.presented = certificates.prefix(TLSConnection.chainLength).compactMap {
                    try? $0.toDERBytes()
                }
                promise.succeed(.certificateVerified)
            })
    }

    private func certificate(for name: SNIResult) -> ServedCertificate {
        guard case .hostname(let name) = name else { return first }
        return byDomain[name.lowercased()] ?? first
    }

    /// What a client that names no domain is shown, by its hash (RFC 8122 §5).
    public var fingerprint: String? { first.fingerprint }

    /// The same for HTTPS; HTTP/1.1 is all that is spoken.
    public func installHTTPS(on channel: any Channel) throws {
        _ = try install(on: channel) { $0.httpContext }
    }

    /// Takes changed files into use; running connections keep theirs. A broken file changes nothing.
    ///
    /// - Returns: whether others are in use now.
    @discardableResult
    public func reloadIfChanged() -> Bool {
        let now = Self.dates(of: sources)
        guard now != modified else { return false }
        do {
            (first, byDomain) = try Self.make(sources, asksForCertificates)
            modified = now
            logger.notice("certificates reloaded")
            return true
        } catch {
            modified = now
            logger.error("new certificates not taken into use", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// Takes other certificates into use; running connections keep theirs.
    ///
    /// - Throws: when one is not in order; nothing has changed then.
    public func exchange(_ sources: [Source], asksForCertificates: Bool) throws {
        guard sources != self.sources || asksForCertificates != self.asksForCertificates else { return }
        (first, byDomain) = try Self.make(sources, asksForCertificates)
        self.sources = sources
        self.asksForCertificates = asksForCertificates
        modified = Self.dates(of: sources)
    }

    /// For connections that we make to other servers: they must show a certificate for their name, and are shown the one of
    /// the first domain if they ask.
    ///
    /// - Parameter authorities: PEM file of those that are believed; the system's when nil.
    public func clientContext(authorities: String?) throws -> NIOSSLContext {
        try clientContext { if let authorities { $0.trustRoots = .file(authorities) } }
    }

    /// For connections to peers whose certificate was named by its hash: whoever uses it must compare that
    /// (`CertificateFingerprint`), nothing else is checked.
    public func namedClientContext() throws -> NIOSSLContext {
        try clientContext {
            $0.trustRoots = .certificates([])
            $0.certificateVerification = .noHostnameVerification
        }
    }

    private func clientContext(_ adjust: (inout TLSConfiguration) -> Void) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        adjust(&configuration)
        if let source = sources.first {
            let (chain, key) = try Self.load(source)
            configuration.certificateChain = chain.map { .certificate($0) }
            configuration.privateKey = key
        }
        return try NIOSSLContext(configuration: configuration)
    }

    /// - Throws: when a certificate or key is not in order; the error names the file.
    public static func check(_ sources: [Source]) throws { _ = try make(sources, false) }

    private static func dates(of sources: [Source]) -> [Date?] {
        sources.flatMap { [$0.certificate, $0.key] }.map {
            try? FileManager.default.attributesOfItem(atPath: $0)[.modificationDate] as? Date
        }
    }

    private static func make(_ sources: [Source], _ asksForCertificates: Bool) throws -> (
        ServedCertificate, [String: ServedCertificate]
    ) {
        var byDomain: [String: ServedCertificate] = [:]
        var first: ServedCertificate?
        for source in sources {
            let (chain, key) = try load(source)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: key)
            configuration.minimumTLSVersion = .tlsv12
            if asksForCertificates {
                configuration.certificateVerification = .optionalVerification
                // Nothing is decided in the handshake, so no authorities are loaded for it.
                configuration.trustRoots = .certificates([])
            }
            let plain = try NIOSSLContext(configuration: configuration)
            configuration.applicationProtocols = ["xmpp-client"]
            let direct = try NIOSSLContext(configuration: configuration)
            configuration.applicationProtocols = ["http/1.1"]
            // Browsers would ask people which one to take.
            configuration.certificateVerification = .none
            let served = ServedCertificate(
                context: plain, directContext: direct, httpContext: try NIOSSLContext(configuration: configuration),
                endPoint: try chain.first.flatMap { ServerEndPoint.binding(try $0.toDERBytes()) },
                fingerprint: try chain.first.map { CertificateFingerprint.text(of: try $0.toDERBytes()) })
            byDomain[source.domain.lowercased()] = served
            if first == nil { first = served }
        }
        guard let first else { throw TLSFailure("no certificate is configured") }
        return (first, byDomain)
    }

    private static func load(
        _ source: Source
    ) throws -> ([NIOSSLCertificate], NIOSSLPrivateKeySource) {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(source.certificate)
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
