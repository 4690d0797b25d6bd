import Crypto
import NIOCore
import NIOSSL
import X509

/// One domain's certificate in use, with what clients may bind their login to.
final class ServedCertificate {
    let context: NIOSSLContext
    /// The same for direct TLS, which announces its protocol (XEP-0368).
    let directContext: NIOSSLContext
    /// The same for HTTPS.
    let httpContext: NIOSSLContext
    /// Data of `tls-server-end-point`; nil when the certificate's signature has no hash to take (RFC 5929 §4.1).
    let endPoint: [UInt8]?
    /// As descriptions of sessions name it (RFC 8122 §5).
    let fingerprint: String?

    init(
        context: NIOSSLContext, directContext: NIOSSLContext, httpContext: NIOSSLContext, endPoint: [UInt8]?,
        fingerprint: String?
    ) {
        self.fingerprint = fingerprint
        self.context = context
        self.directContext = directContext
        self.httpContext = httpContext
        self.endPoint = endPoint
    }
}

/// Channel binding `tls-server-end-point` (RFC 5929 §4).
enum ServerEndPoint {
    /// The certificate's hash: with the hash function of its signature, or SHA-256 where that is MD5 or SHA-1.
    ///
    /// - Parameter der: the certificate as it goes over the wire.
    /// - Returns: nil for signatures without one known hash function, Ed25519 among them.
    static func binding(_ der: [UInt8]) -> [UInt8]? {
        guard let certificate = try? Certificate(derEncoded: der) else { return nil }
        switch certificate.signatureAlgorithm {
        case .ecdsaWithSHA256, .sha256WithRSAEncryption, .sha1WithRSAEncryption: return Array(SHA256.hash(data: der))
        case .ecdsaWithSHA384, .sha384WithRSAEncryption: return Array(SHA384.hash(data: der))
        case .ecdsaWithSHA512, .sha512WithRSAEncryption: return Array(SHA512.hash(data: der))
        default: return nil
        }
    }
}

/// Certificates by their hash, as descriptions of sessions name them: `SHA-256 4A:AD:B9:…` (RFC 8122 §5).
public enum CertificateFingerprint {
    /// - Parameter der: the certificate as it goes over the wire.
    public static func text(of der: [UInt8]) -> String { "SHA-256 " + hex(SHA256.hash(data: der)) }

    /// Whether a certificate is the one that was named. MD5 and SHA-1 prove nothing any more.
    public static func matches(_ der: [UInt8], _ named: String) -> Bool {
        let words = named.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2 else { return false }
        let hash: String
        switch words[0].uppercased() {
        case "SHA-256": hash = hex(SHA256.hash(data: der))
        case "SHA-384": hash = hex(SHA384.hash(data: der))
        case "SHA-512": hash = hex(SHA512.hash(data: der))
        default: return false
        }
        return words[1].uppercased() == hash
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: ":")
    }
}

/// TLS of one connection: what its handshake used, whatever is reloaded later. Confined to the connection's loop.
public final class TLSConnection {
    var served: ServedCertificate?
    /// What the client has shown, its own certificate first, not verified.
    var presented: [[UInt8]] = []
    static let chainLength = 8

    init() {}

    /// Data of `tls-server-end-point` for this connection; nil before its handshake began.
    public var serverEndPoint: [UInt8]? { served?.endPoint }

    /// Certificates of the client, its own first, as DER: nobody has verified them. A resumed TLS session has but the
    /// first.
    public func peerCertificates(on channel: any Channel) -> [[UInt8]] {
        guard presented.isEmpty else { return presented }
        let handler = try? channel.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
        return handler?.peerCertificate.flatMap { try? $0.toDERBytes() }.map { [$0] } ?? []
    }
}
