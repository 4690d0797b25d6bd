import Foundation
import Ground
import Settings
import Transport
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
        guard let certificate = CertificateFile(path: domain.certificate) else {
            return problems + [
                Problem(key: "certificate", text: "\(domain.certificate) does not begin with a certificate")
            ]
        }
        let instant = Int64(now.timeIntervalSince1970 * 1_000)
        if certificate.notAfter < instant {
            problems.append(
                Problem(key: "certificate", text: "\(domain.certificate) ended on \(day(certificate.notAfter))"))
        }
        if certificate.notBefore > instant {
            problems.append(
                Problem(key: "certificate", text: "\(domain.certificate) begins on \(day(certificate.notBefore))"))
        }
        if !certificate.covers(domain.name) {
            problems.append(Problem(key: "certificate", text: "\(domain.certificate) does not name \(domain.name)"))
        }
        let text = (try? String(contentsOfFile: domain.key, encoding: .utf8)) ?? ""
        switch certificate.isOf(keyPEM: text) {
        case nil:
            problems.append(
                Problem(key: "key", text: "\(domain.key) holds no key that can be read (ECDSA, RSA or Ed25519)"))
        case false?:
            problems.append(Problem(key: "key", text: "\(domain.key) is not the key of \(domain.certificate)"))
        case true?: break
        }
        return problems
    }

    private static func day(_ milliseconds: Int64) -> String { String(Timestamp.format(milliseconds).prefix(10)) }
}
