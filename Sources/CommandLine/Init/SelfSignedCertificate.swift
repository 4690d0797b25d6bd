import Crypto
import Foundation
import SwiftASN1
import Transport
import X509

/// A certificate to start with: ECDSA P-256, signed by its own key, for one domain.
///
/// Clients do not trust it until their owners say so; a certificate from an authority takes its place later.
struct SelfSignedCertificate {
    /// PEM texts (RFC 7468).
    let certificate: String
    let key: String

    /// Years of validity.
    static let years = 10

    /// - Parameter now: beginning of validity, less an hour for clocks that go slow.
    /// - Throws: `CommandFailure` when the domain cannot stand in a certificate.
    init(domain: String, now: Date) throws {
        guard let name = DomainEncoding.ascii(domain) else {
            throw CommandFailure("\(domain) has no form that can stand in a certificate")
        }
        let alternative: GeneralName =
            if let bytes = DomainEncoding.ipBytes(name) {
                .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
            } else {
                .dnsName(name)
            }
        let signer = P256.Signing.PrivateKey()
        let key = Certificate.PrivateKey(signer)
        // The common name is bounded at 64 (RFC 5280 appendix A.1) and only for people to read.
        let subject = try DistinguishedName { CommonName(String(name.prefix(64))) }
        let identifier = SubjectKeyIdentifier(hash: key.publicKey)
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: now - 3_600, notValidAfter: Self.end(from: now), issuer: subject, subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                // As its own issuer, and without limits of use: clients built on NSS refuse anything else outright
                // instead of asking their user whether to trust it.
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                SubjectAlternativeNames([alternative])
                identifier
                // Tells it apart from another server's certificate for the same name, where both are trusted.
                AuthorityKeyIdentifier(keyIdentifier: identifier.keyIdentifier)
            },
            issuerPrivateKey: key)
        self.certificate = try certificate.serializeAsPEM().pemString + "\n"
        self.key = try key.serializeAsPEM().pemString + "\n"
    }

    private static func end(from now: Date) -> Date {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar.date(byAdding: .year, value: years, to: now) ?? now
    }
}
