/// The server's certificates, domain by domain.
public protocol AdminCertificates: Sendable {
    func certificates() async throws -> [AdminCertificate]
    /// Takes another certificate into use for a domain; connections that are open keep theirs.
    ///
    /// - Throws: `AdminError`: `notFound` for a domain that is not served, `invalid` when certificate, key and domain do
    ///   not fit each other.
    func replaceCertificate(_ replacement: AdminCertificateReplacement, by author: AdminAuthor) async throws
        -> AdminCertificate
}

public struct AdminCertificate: Codable, Sendable, Equatable {
    public var domain: String
    /// The file that it was read from.
    public var file: String
    /// What is wrong with it; empty when it is in order.
    public var problems: [String]
    public var subject: String
    public var issuer: String
    public var names: [String]
    /// ISO 8601.
    public var notBefore: String
    public var notAfter: String
    /// Whole days until it ends; negative once it has.
    public var daysLeft: Int
    public var isSelfSigned: Bool
    /// SHA-256, hexadecimal.
    public var fingerprint: String

    public init(
        domain: String, file: String, problems: [String], subject: String = "", issuer: String = "",
        names: [String] = [], notBefore: String = "", notAfter: String = "", daysLeft: Int = 0,
        isSelfSigned: Bool = false, fingerprint: String = ""
    ) {
        self.domain = domain
        self.file = file
        self.problems = problems
        self.subject = subject
        self.issuer = issuer
        self.names = names
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.daysLeft = daysLeft
        self.isSelfSigned = isSelfSigned
        self.fingerprint = fingerprint
    }
}

public struct AdminCertificateReplacement: Codable, Sendable, Equatable {
    public var domain: String
    /// PEM: the certificate, then its chain; at most 1 MiB.
    public var certificate: String
    /// PEM, without a passphrase. Never shown again.
    public var key: String

    public init(domain: String, certificate: String, key: String) {
        self.domain = domain
        self.certificate = certificate
        self.key = key
    }
}
