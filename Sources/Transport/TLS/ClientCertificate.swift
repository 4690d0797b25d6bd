import Crypto
import Foundation
import SwiftASN1
import X509

/// What a client's certificate says, before anybody has decided whether to believe it (RFC 6120 §13.7.1.2).
public struct ClientCertificate: Sendable, Equatable {
    /// As it goes over the wire.
    public var der: [UInt8]
    /// SHA-256 of `der`.
    public var fingerprint: [UInt8]
    public var notBefore: Date
    public var notAfter: Date
    /// `id-on-xmppAddr` of the subjectAltName (RFC 6120 §13.7.1.4).
    public var xmppAddresses: [String]
    /// `rfc822Name` of the subjectAltName.
    public var emails: [String]
    /// `dNSName` of the subjectAltName, in lower case.
    public var dnsNames: [String]
    /// The last common name of the subject.
    public var commonName: String?
    /// Its extended key usage, if it has one, allows clients.
    public var isForClients: Bool

    /// Bytes of the largest certificate that is looked at.
    public static let maximumBytes = 16_384
    private static let namesPerKind = 16
    private static let xmppAddress: ASN1ObjectIdentifier = [1, 3, 6, 1, 5, 5, 7, 8, 5]

    /// Nil for anything that is no X.509 certificate, or too large.
    public init?(der: [UInt8]) {
        guard der.count <= Self.maximumBytes, let certificate = try? Certificate(derEncoded: der) else { return nil }
        self.der = der
        fingerprint = Array(SHA256.hash(data: der))
        notBefore = certificate.notValidBefore
        notAfter = certificate.notValidAfter
        xmppAddresses = []
        emails = []
        dnsNames = []
        let names = try? certificate.extensions.subjectAlternativeNames
        for name in names ?? SubjectAlternativeNames([]) {
            switch name {
            case .otherName(let other) where other.typeID == Self.xmppAddress:
                guard xmppAddresses.count < Self.namesPerKind,
                    let value = other.value.flatMap({ try? ASN1UTF8String(asn1Any: $0) })
                else { continue }
                xmppAddresses.append(String(value))
            case .rfc822Name(let email) where emails.count < Self.namesPerKind: emails.append(email)
            case .dnsName(let name) where dnsNames.count < Self.namesPerKind: dnsNames.append(name.lowercased())
            default: continue
            }
        }
        for attribute in certificate.subject.flatMap({ Array($0) })
        where attribute.type == .RDNAttributeType.commonName {
            commonName = String(attribute.value) ?? commonName
        }
        let usage = try? certificate.extensions.extendedKeyUsage
        isForClients = usage.map { $0.isEmpty || $0.contains(.clientAuth) || $0.contains(.any) } ?? true
    }

    /// What a server that shows it is called (RFC 5922 §7.1): the names of hosts, or the common name where there are none.
    public var hostNames: [String] { dnsNames.isEmpty ? [commonName].compactMap { $0?.lowercased() } : dnsNames }

    public func isValid(at date: Date) -> Bool { notBefore <= date && date <= notAfter }
}

/// Authorities whose client certificates are believed.
public struct ClientAuthorities: Sendable {
    private let roots: CertificateStore

    /// - Parameter path: PEM file of one or more certificates.
    /// - Throws: `TLSFailure` naming the file.
    public init(path: String) throws {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw TLSFailure("\(path): cannot be read")
        }
        do {
            let certificates = try PEMDocument.parseMultiple(pemString: text).map { try Certificate(pemDocument: $0) }
            guard !certificates.isEmpty else { throw TLSFailure("\(path): no certificate inside") }
            roots = CertificateStore(certificates)
        } catch let failure as TLSFailure {
            throw failure
        } catch {
            throw TLSFailure("\(path): \(error)")
        }
    }

    /// Whether an authority stands behind the first certificate of a chain, now (RFC 5280 §6).
    public func trust(_ chain: [[UInt8]]) async -> Bool {
        let certificates = chain.prefix(8).compactMap { try? Certificate(derEncoded: $0) }
        guard let leaf = certificates.first else { return false }
        var verifier = Verifier(rootCertificates: roots) { RFC5280Policy() }
        switch await verifier.validate(leaf: leaf, intermediates: CertificateStore(certificates.dropFirst())) {
        case .validCertificate: return true
        case .couldNotValidate: return false
        }
    }
}
