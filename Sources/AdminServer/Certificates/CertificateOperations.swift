enum CertificateOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "certificates.list", .get, "/certificates", "The certificate of each domain.", roles: .readers,
            result: AdminCertificateList.self
        ) { call in
            AdminCertificateList(items: try await call.part(call.admin.parts.certificates).certificates())
        },
        AdminOperation(
            "certificates.replace", .put, "/certificates/{domain}",
            "Takes another certificate into use; open connections keep theirs.",
            parameters: [.path("domain", "A domain of the server.")], body: AdminCertificateBody.self,
            roles: .superusers, result: AdminCertificate.self
        ) { call, body in
            try await call.part(call.admin.parts.certificates).replaceCertificate(
                .init(domain: try call.text("domain"), certificate: body.certificate, key: body.key),
                by: call.author)
        },
    ]
}

public struct AdminCertificateList: Codable, Sendable, Equatable {
    public var items: [AdminCertificate]
}

public struct AdminCertificateBody: Codable, Sendable, Equatable {
    /// PEM, with its chain.
    public var certificate: String
    /// PEM, without a passphrase.
    public var key: String

    public init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}
