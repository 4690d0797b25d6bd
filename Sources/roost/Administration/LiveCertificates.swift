import AdminServer
import Foundation
import Ground
import Settings
import Transport
import XMPPWire

/// Shows the server's certificates and exchanges them: new ones get files of their own, so that going back to an older
/// version of the settings finds the older files.
struct LiveCertificates: AdminCertificates {
    let settings: LiveSettings
    let time: SystemTime

    func certificates() async throws -> [AdminCertificate] {
        settings.live.value.domains.map { describe($0) }
    }

    private func describe(_ domain: ServerConfig.Domain) -> AdminCertificate {
        guard let file = CertificateFile(path: domain.certificate) else {
            return AdminCertificate(
                domain: domain.name, file: domain.certificate, problems: ["the file holds no certificate"])
        }
        let key = (try? String(contentsOfFile: domain.key, encoding: .utf8)) ?? ""
        return AdminCertificate(
            domain: domain.name, file: domain.certificate,
            problems: Self.problems(file, key: key, domain: domain.name, now: time.now), subject: file.subject,
            issuer: file.issuer, names: file.names, notBefore: Timestamp.format(file.notBefore),
            notAfter: Timestamp.format(file.notAfter),
            daysLeft: Int((Double(file.notAfter - time.now) / 86_400_000).rounded(.down)),
            isSelfSigned: file.isSelfSigned, fingerprint: file.fingerprint)
    }

    static func problems(_ file: CertificateFile, key: String, domain: String, now: Int64) -> [String] {
        var problems: [String] = []
        if file.notAfter < now { problems.append("it ended on \(Timestamp.format(file.notAfter))") }
        if file.notBefore > now { problems.append("it begins on \(Timestamp.format(file.notBefore))") }
        if !file.covers(domain) { problems.append("it does not name \(domain)") }
        switch file.isOf(keyPEM: key) {
        case nil: problems.append("there is no key that can be read (ECDSA, RSA or Ed25519, without a passphrase)")
        case false?: problems.append("the key is that of another certificate")
        case true?: break
        }
        return problems
    }

    func replaceCertificate(
        _ replacement: AdminCertificateReplacement, by author: AdminAuthor
    ) async throws -> AdminCertificate {
        let config = settings.live.value
        let name = (try? JIDPreparation.domainpart(replacement.domain)) ?? ""
        guard let index = config.domains.firstIndex(where: { $0.name == name }) else {
            throw AdminError(.notFound, "\(replacement.domain) is not a domain of this server")
        }
        guard replacement.certificate.utf8.count <= 1_048_576, replacement.key.utf8.count <= 65_536 else {
            throw AdminError(.invalid, "a certificate has at most 1 MiB, a key at most 64 KiB")
        }
        guard let file = CertificateFile(pem: replacement.certificate) else {
            throw AdminError(.invalid, "the text does not begin with a certificate in PEM form")
        }
        let problems = Self.problems(file, key: replacement.key, domain: name, now: time.now)
        guard problems.isEmpty else {
            throw AdminError(.invalid, "the certificate cannot be used: " + problems.joined(separator: "; "))
        }
        let folder = URL(fileURLWithPath: config.database).deletingLastPathComponent()
            .appendingPathComponent("certificates")
        let base = folder.appendingPathComponent(
            "\(name)-\(file.fingerprint.replacingOccurrences(of: ":", with: "").prefix(16).lowercased())")
        var domains = config.domains
        domains[index].certificate = base.path + ".crt"
        domains[index].key = base.path + ".key"
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try write(replacement.key, to: domains[index].key)
            try write(replacement.certificate, to: domains[index].certificate)
        } catch {
            throw AdminError(.unavailable, "the files cannot be written in \(folder.path): \(error)")
        }
        var next = config
        next.domains = domains
        guard let setting = Setting.byKey["domains"] else { throw AdminError(.internalError, "no setting domains") }
        _ = try await settings.changeSettings(
            AdminSettingsChange(
                entries: [.init(key: "domains", value: setting.value(in: next))], note: "certificate of \(name)"),
            by: author)
        return describe(domains[index])
    }

    /// Readable by the server alone from the first moment on.
    private func write(_ text: String, to path: String) throws {
        try? FileManager.default.removeItem(atPath: path)
        guard
            FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw CocoaError(.fileWriteUnknown) }
    }
}
