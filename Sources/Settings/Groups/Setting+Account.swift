extension Setting {
    /// Keys about accounts and what the server tells about itself.
    static let registration: [Setting] = [
        Setting(
            "registration.enabled", "Whether anybody may create an account. Only on streams with TLS.",
            choice(\.registration.enabled)),
        Setting(
            "registration.password_change", "Whether users may change their password in their client.",
            choice(\.registration.passwordChange)),
        Setting(
            "registration.removal", "Whether users may remove their account in their client.",
            choice(\.registration.removal)),
        Setting(
            "registration.accounts_per_hour", "Accounts that one address may create in an hour.",
            .integer(\.registration.accountsPerHour, allowed: 1...10_000, zeroMeans: nil)),
        Setting(
            "registration.password_length", "Characters of the shortest password that users may choose.",
            .integer(\.registration.passwordLength, allowed: 1...100, zeroMeans: nil)),
        Setting(
            "registration.instructions", "What people are told before they register.",
            .text(\.registration.instructions)),
        Setting(
            "registration.reserved", "User names that nobody can register.",
            .texts(
                \.registration.reserved, expected: "a user name",
                isAllowed: { name in
                    1...1_023 ~= name.utf8.count
                        && !name.contains { "@/:<>&'\"".contains($0) || $0.isWhitespace }
                })),
    ]

    static let contact: [Setting] = [
        contactOption("abuse", "Where to report abuse.", \.contact.abuse),
        contactOption("admin", "Who runs the server.", \.contact.admin),
        contactOption("feedback", "Where opinions are welcome.", \.contact.feedback),
        contactOption("sales", "Who sells the service.", \.contact.sales),
        contactOption("security", "Where to report a vulnerability.", \.contact.security),
        contactOption("support", "Where users get help.", \.contact.support),
    ]

    static let externalServices: [Setting] = [
        Setting(
            "external_services.services", "STUN and TURN servers that clients are told of.",
            .texts(\.externalServices.services, expected: ExternalServiceAddress.expected) {
                ExternalServiceAddress($0) != nil
            }),
        Setting(
            "external_services.secret",
            "Secret shared with the TURN servers (static-auth-secret of coturn); clients get credentials made with it.",
            .text(\.externalServices.secret), secret: true),
        Setting(
            "external_services.credential_seconds", "Seconds that credentials for TURN servers are good.",
            .integer(\.externalServices.credentialSeconds, allowed: 60...604_800, zeroMeans: nil)),
    ]

    private static func contactOption(_ role: String, _ summary: String, _ field: any Field<[String]>) -> Setting {
        Setting(
            "contact.\(role)", summary,
            .texts(field, expected: "a URI such as mailto:\(role)@example.com") { text in
                let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                return parts.count == 2 && !parts[0].isEmpty && parts[0].allSatisfy(\.isLetter) && !parts[1].isEmpty
                    && text.utf8.count <= 300
            })
    }
}
