import Crypto
import Foundation
import SwiftASN1
import X509

/// What a server's certificate says: the first one of a PEM file.
public struct CertificateFile: Sendable, Equatable {
    /// Of the subject alternative name; the common name does not count (RFC 6125 §6.4.4).
    public var names: [String]
    public var subject: String
    public var issuer: String
    /// Milliseconds since 1970.
    public var notBefore: Int64
    public var notAfter: Int64
    /// Subject and issuer are the same.
    public var isSelfSigned: Bool
    /// Certificates in the file.
    public var chainLength: Int
    /// SHA-256, hexadecimal with colons.
    public var fingerprint: String
    /// `ECDSA P-256`, `RSA`, …
    private let publicKey: Certificate.PublicKey

    /// - Returns: nil when the file cannot be read or does not begin with a certificate.
    public init?(path: String) {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        self.init(pem: text)
    }

    public init?(pem text: String) {
        let documents = (try? PEMDocument.parseMultiple(pemString: text)) ?? []
        let own = documents.filter { $0.discriminator == Certificate.defaultPEMDiscriminator }
        guard let first = own.first, let certificate = try? Certificate(pemDocument: first) else { return nil }
        chainLength = own.count
        subject = "\(certificate.subject)"
        issuer = "\(certificate.issuer)"
        isSelfSigned = certificate.subject == certificate.issuer
        notBefore = Int64(certificate.notValidBefore.timeIntervalSince1970 * 1_000)
        notAfter = Int64(certificate.notValidAfter.timeIntervalSince1970 * 1_000)
        publicKey = certificate.publicKey
        fingerprint = SHA256.hash(data: first.derBytes).map { byte in
            let hex = String(byte, radix: 16, uppercase: true)
            return hex.count == 1 ? "0" + hex : hex
        }.joined(separator: ":")
        let alternatives = (try? certificate.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames([])
        names = alternatives.compactMap { name in
            switch name {
            case .dnsName(let name): name.lowercased()
            case .ipAddress(let bytes): DomainEncoding.ipText(Array(bytes.bytes))
            default: nil
            }
        }
    }

    /// Whether it may stand for a domain. A wildcard is exactly one label at the left (RFC 6125 §6.4.3).
    public func covers(_ domain: String) -> Bool {
        guard let wanted = DomainEncoding.ascii(domain) else { return false }
        return names.contains { pattern in
            if pattern.hasPrefix("*."), let dot = wanted.firstIndex(of: ".") {
                return pattern.dropFirst() == wanted[dot...]
            }
            return pattern == wanted
        }
    }

    /// Whether the private key of a PEM text is that of the certificate; nil when there is no key that can be read.
    public func isOf(keyPEM text: String) -> Bool? {
        let documents = (try? PEMDocument.parseMultiple(pemString: text)) ?? []
        // Parameters may stand before the key (`EC PARAMETERS`).
        let key = documents.lazy.compactMap { try? Certificate.PrivateKey(pemDocument: $0) }.first
        return key.map { $0.publicKey == publicKey }
    }
}
