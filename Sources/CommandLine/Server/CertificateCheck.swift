import Crypto
import Foundation
import Settings
import SwiftASN1
import X509
import XMPPWire

/// Whether a domain's certificate can be used: readable, in time, for this domain, and with its own key.
enum CertificateCheck {
    struct Problem: Equatable {
        /// Key of the configuration, below the domain.
        var key: String
        var text: String
    }

    /// - Parameter now: the instant to check validity at.
    static func problems(_ domain: ServerConfig.Domain, at now: Date) -> [Problem] {
        var problems: [Problem] = []
        do {
            let prepared = try JIDPreparation.domainpart(domain.name)
            if prepared != domain.name {
                problems.append(Problem(key: "name", text: "write \(domain.name) in its prepared form: \(prepared)"))
            }
        } catch {
            problems.append(Problem(key: "name", text: "value \(domain.name) is not allowed: \(error)"))
        }
        guard let certificate = readCertificate(domain.certificate) else {
            return problems + [
                Problem(key: "certificate", text: "\(domain.certificate) does not begin with a certificate")
            ]
        }
        if certificate.notValidAfter < now {
            problems.append(
                Problem(key: "certificate", text: "\(domain.certificate) ended on \(day(certificate.notValidAfter))"))
        }
        if certificate.notValidBefore > now {
            problems.append(
                Problem(key: "certificate", text: "\(domain.certificate) begins on \(day(certificate.notValidBefore))"))
        }
        if !names(certificate).contains(where: { covers($0, domain.name) }) {
            problems.append(Problem(key: "certificate", text: "\(domain.certificate) does not name \(domain.name)"))
        }
        guard let key = readKey(domain.key) else {
            return problems + [
                Problem(key: "key", text: "\(domain.key) holds no key that can be read (ECDSA, RSA or Ed25519)")
            ]
        }
        if key.publicKey != certificate.publicKey {
            problems.append(Problem(key: "key", text: "\(domain.key) is not the key of \(domain.certificate)"))
        }
        return problems
    }

    private static func readCertificate(_ path: String) -> Certificate? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let document = try? PEMDocument.parseMultiple(pemString: text).first(where: {
                $0.discriminator == Certificate.defaultPEMDiscriminator
            })
        else { return nil }
        return try? Certificate(pemDocument: document)
    }

    private static func readKey(_ path: String) -> Certificate.PrivateKey? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let documents = try? PEMDocument.parseMultiple(pemString: text)
        else { return nil }
        // Parameters may stand before the key (`EC PARAMETERS`).
        return documents.lazy.compactMap { try? Certificate.PrivateKey(pemDocument: $0) }.first
    }

    /// Names of the subject alternative name; the common name no longer counts (RFC 6125 §6.4.4).
    private static func names(_ certificate: Certificate) -> [String] {
        guard let alternatives = try? certificate.extensions.subjectAlternativeNames else { return [] }
        return alternatives.compactMap { name in
            switch name {
            case .dnsName(let name): name.lowercased()
            case .ipAddress(let bytes): DomainEncoding.ipText(Array(bytes.bytes))
            default: nil
            }
        }
    }

    /// A wildcard stands for exactly one label at the left (RFC 6125 §6.4.3).
    private static func covers(_ pattern: String, _ domain: String) -> Bool {
        guard let name = DomainEncoding.ascii(domain) else { return false }
        if pattern.hasPrefix("*."), let dot = name.firstIndex(of: ".") {
            return pattern.dropFirst() == name[dot...]
        }
        return pattern == name
    }

    private static func day(_ date: Date) -> String {
        String(date.ISO8601Format().prefix(10))
    }
}

/// How a domain is written inside a certificate.
enum DomainEncoding {
    /// A-labels for a domain name, the address without brackets for an IP literal; nil when there is no such form.
    static func ascii(_ domain: String) -> String? {
        if domain.hasPrefix("["), domain.hasSuffix("]") { return String(domain.dropFirst().dropLast()) }
        guard !domain.utf8.allSatisfy({ $0 < 0x80 }) else { return domain }
        var components = URLComponents()
        components.scheme = "https"
        components.host = domain
        guard let host = components.encodedHost, host.utf8.allSatisfy({ $0 < 0x80 && $0 != UInt8(ascii: "%") }) else {
            return nil
        }
        return host
    }

    /// Four or sixteen bytes in network order, nil when `text` is not an address.
    static func ipBytes(_ text: String) -> [UInt8]? {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: &four) { Array($0) } }
        if inet_pton(AF_INET6, text, &six) == 1 { return withUnsafeBytes(of: &six) { Array($0) } }
        return nil
    }

    static func ipText(_ bytes: [UInt8]) -> String? {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var buffer = [CChar](repeating: 0, count: 64)
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, bytes, &buffer, socklen_t(buffer.count)) != nil else { return nil }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
