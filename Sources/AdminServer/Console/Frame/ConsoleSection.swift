/// Places of the console.
enum ConsolePath {
    static let root = "/console"
    static let signIn = root + "/sign-in"
    static let setup = root + "/setup"
}

/// The entries of the navigation, in its order. A section is shown to whoever may perform its operation, and only when
/// the server has that operation.
enum ConsoleSection: String, Sendable, CaseIterable {
    case dashboard, users, sessions, jobs, presence, sip, messaging, trunks, settings, troubleshooter, services, explain
    case logs
    case certificates, administrators, audit, api

    enum Group: String, CaseIterable { case top, users, policy, diagnostics, system }

    var group: Group {
        switch self {
        case .dashboard: .top
        case .users, .sessions, .jobs: .users
        case .presence, .sip, .messaging, .trunks, .settings: .policy
        case .troubleshooter, .services, .explain, .logs: .diagnostics
        case .certificates, .administrators, .audit, .api: .system
        }
    }

    var path: String {
        switch self {
        case .dashboard: ConsolePath.root + "/"
        case .presence: ConsolePath.root + "/settings/presence"
        case .messaging: ConsolePath.root + "/settings/messaging"
        case .sessions, .troubleshooter, .services, .explain, .logs: ConsolePath.root + "/diagnostics/" + rawValue
        default: ConsolePath.root + "/" + rawValue
        }
    }

    /// What one has to be allowed to do to see it; nil for everybody who has signed in.
    var operation: String? {
        switch self {
        case .dashboard: "status"
        case .users: "users.list"
        case .sessions: "sessions.list"
        case .jobs: "jobs.list"
        case .presence, .messaging, .settings: "settings.list"
        case .sip: "sip.registrations"
        case .trunks: "sip.trunks"
        case .troubleshooter: "doctor.examine"
        case .services: "services.list"
        case .explain: "explain.presence"
        case .logs: "logs.list"
        case .certificates: "certificates.list"
        case .administrators: "administrators.list"
        case .audit: "audit.list"
        case .api: nil
        }
    }

    func title(_ language: ConsoleLanguage) -> String { language["page.\(rawValue).title"] }
    /// In the navigation.
    func name(_ language: ConsoleLanguage) -> String { language.optional("page.\(rawValue).nav") ?? title(language) }
    func lead(_ language: ConsoleLanguage) -> String? { language.optional("page.\(rawValue).lead") }
    /// What administrators of other products know it as.
    func alias(_ language: ConsoleLanguage) -> String? { language.optional("page.\(rawValue).alias") }
}
