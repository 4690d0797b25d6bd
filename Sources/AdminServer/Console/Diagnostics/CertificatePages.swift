/// Certificates of the domains: what is in them, until when, and putting others in their place.
enum CertificatePages {
    /// Days before its end at which a certificate is pointed out.
    static let soonDays = 30

    static func add(to routes: ConsoleRoutes) {
        routes.get("/certificates") { request in
            let found: AdminCertificateList = try await request.perform("certificates.list")
            let language = request.language
            let model = CertificatesModel(
                certificates: found.items.map { CertificatesModel.Certificate($0, language) },
                hasRows: !found.items.isEmpty, mayChange: request.may("certificates.replace"))
            return .page(request.page(.certificates, model: model))
        }
        routes.get("/certificates/:domain") { request in
            try request.require("certificates.replace")
            return form(request, try request.parameter("domain"), certificate: "", problem: nil)
        }
        routes.post("/certificates/:domain") { request, given in
            let domain = try request.parameter("domain")
            let certificate = given["certificate"] ?? ""
            do {
                let _: AdminCertificate = try await request.perform(
                    "certificates.replace", ["domain": domain],
                    body: AdminCertificateBody(certificate: certificate, key: given["key"] ?? ""))
                request.tell(.init(.good, request.language("certificates.replaced", ["name": domain])))
                return .redirect(ConsoleSection.certificates.path)
            } catch let error as AdminError where error.isOfForm {
                return form(request, domain, certificate: certificate, problem: error.explanation)
            }
        }
    }

    private static func form(
        _ request: ConsoleRequest, _ domain: String, certificate: String, problem: String?
    ) -> ConsoleAnswer {
        let language = request.language
        let model = FormModel(
            action: ConsoleSection.certificates.path + "/" + ConsoleForm.encoded(domain),
            fields: [
                .area(
                    "certificate", language["certificates.chain"], value: certificate,
                    placeholder: "-----BEGIN CERTIFICATE-----", file: language["frame.from_file"]),
                .area(
                    "key", language["certificates.private"], placeholder: "-----BEGIN PRIVATE KEY-----",
                    file: language["frame.from_file"]),
            ],
            button: language["certificates.replace_button"], back: ConsoleSection.certificates.path, problem: problem)
        var page = ConsolePage(
            "form", title: language("certificates.replace_title", ["name": domain]), section: .certificates,
            model: model)
        page.lead = language["certificates.replace_lead"]
        page.crumb = request.crumb(.certificates)
        page.status = problem == nil ? 200 : 422
        return .page(page)
    }
}

private struct CertificatesModel: Sendable {
    struct Certificate: Sendable {
        var id: String
        var domain: String
        var kind: String
        var icon: String
        var state: String
        var facts: [ConsoleFact]
        var replaceHref: String

        init(_ certificate: AdminCertificate, _ language: ConsoleLanguage) {
            domain = certificate.domain
            id = certificate.domain.map { $0 == "." ? "-" : String($0) }.joined()
            let state =
                certificate.daysLeft < 0 && !certificate.notAfter.isEmpty
                ? "expired"
                : certificate.problems.isEmpty
                    ? certificate.daysLeft < CertificatePages.soonDays
                        ? "soon" : certificate.isSelfSigned ? "self" : "good"
                    : "bad"
            (kind, icon) =
                ["good": ("good", "check"), "soon": ("warn", "warning"), "self": ("warn", "warning")][state]
                ?? ("bad", "cross")
            self.state = language["certificates.\(state)"]
            replaceHref = ConsoleSection.certificates.path + "/" + ConsoleForm.encoded(certificate.domain)
            func fact(_ key: String, _ value: String, at: String? = nil) -> ConsoleFact? {
                value.isEmpty ? nil : ConsoleFact(name: language["certificates.\(key)"], value: value, at: at)
            }
            facts = [
                fact("problem", certificate.problems.joined(separator: "; ")),
                fact("subject", certificate.subject),
                fact("names", certificate.names.joined(separator: ", ")),
                fact("issuer", certificate.issuer),
                fact("from", certificate.notBefore, at: certificate.notBefore),
                fact("until", certificate.notAfter, at: certificate.notAfter),
                fact("days", certificate.notAfter.isEmpty ? "" : ConsoleNumbers.grouped(certificate.daysLeft)),
                fact("fingerprint", certificate.fingerprint),
                fact("file", certificate.file),
            ].compactMap { $0 }
        }
    }

    var certificates: [Certificate]
    var hasRows: Bool
    var mayChange: Bool
}
