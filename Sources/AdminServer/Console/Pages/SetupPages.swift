import Settings

/// The first run: from the setup code to a server that people can use.
enum SetupPages {
    enum Step: String, CaseIterable { case code, domain, users, policy, done }

    static func add(to routes: ConsoleRoutes) {
        routes.getOpen("/setup") { request in
            guard try await request.admin.access.needsSetup() else { return .redirect(ConsolePath.root + "/") }
            return code(request, SetupModel.Code(value: request.query.text("code"), name: "admin"))
        }
        routes.postOpen("/setup", complete)
        routes.get("/setup/domain", domain)
        routes.post("/setup/domain") { _, _ in .redirect(ConsolePath.setup + "/users") }
        routes.get("/setup/users") { request in users(request, rows: "", problem: nil) }
        routes.post("/setup/users", createUsers)
        routes.get("/setup/policy", policy)
        routes.post("/setup/policy", applyPolicy)
        routes.get("/setup/done", done)
    }

    private static func page(
        _ request: ConsoleRequest, _ step: Step, status: Int = 200, _ fill: (inout SetupModel) -> Void
    ) -> ConsoleAnswer {
        let language = request.language
        let position = Step.allCases.firstIndex(of: step) ?? 0
        var model = SetupModel(
            steps: Step.allCases.enumerated().map { index, other in
                .init(
                    title: language["setup.step_\(other.rawValue)"], isDone: index < position,
                    isCurrent: index == position)
            },
            heading: language["setup.\(step.rawValue)_title"], lead: language["setup.\(step.rawValue)_lead"])
        fill(&model)
        var page = ConsolePage("setup", title: model.heading, model: model)
        page.status = status
        return .page(page)
    }

    // MARK: The superuser

    private static func code(_ request: ConsoleRequest, _ fields: SetupModel.Code, status: Int = 200) -> ConsoleAnswer {
        page(request, .code, status: status) { $0.code = fields }
    }

    @Sendable private static func complete(_ request: ConsoleRequest, _ form: ConsoleForm) async throws -> ConsoleAnswer
    {
        let language = request.language
        var fields = SetupModel.Code(value: form.text("code"), name: form.text("name"))
        let password = form["password"] ?? ""
        guard password == form["again"] else {
            fields.passwordProblem = language["account.mismatch"]
            return code(request, fields, status: 422)
        }
        do {
            let (_, secret) = try await request.admin.access.completeSetup(
                code: fields.value, name: fields.name, password: password, address: request.context.peer)
            return .redirect(ConsolePath.setup + "/domain", cookies: [ConsoleCookie.header(secret: secret)])
        } catch let error as AdminError {
            switch error.condition {
            case .conflict: return .redirect(ConsolePath.signIn)
            case .forbidden: fields.problem = language["setup.code_wrong"]
            case .tooManyRequests:
                fields.problem = language("signin.wait", ["seconds": "\(error.retrySeconds ?? 60)"])
            default: fields.passwordProblem = error.explanation
            }
            return code(request, fields, status: error.condition.problem.status)
        }
    }

    // MARK: What the server serves

    @Sendable private static func domain(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        let status: AdminStatus = try await request.perform("status")
        let language = request.language
        var facts = status.domains.map { ConsoleFact(name: language["setup.domain"], value: $0) }
        facts += status.listeners.filter { $0.hasPrefix("c2s") || $0.hasPrefix("https") }.map {
            ConsoleFact(name: language["setup.clients"], value: $0)
        }
        return page(request, .domain) { $0.domains = .init(facts: facts) }
    }

    // MARK: First users

    private static func users(_ request: ConsoleRequest, rows: String, problem: String?) -> ConsoleAnswer {
        page(request, .users, status: problem == nil ? 200 : 422) { $0.users = .init(rows: rows, problem: problem) }
    }

    @Sendable private static func createUsers(_ request: ConsoleRequest, _ form: ConsoleForm) async throws
        -> ConsoleAnswer
    {
        let next = ConsolePath.setup + "/policy"
        let text = form["rows"] ?? ""
        if form.isOn("skip") || text.allSatisfy(\.isWhitespace) { return .redirect(next) }
        let status: AdminStatus = try await request.perform("status")
        let rows = UserRows(text, domain: status.domains.first ?? "")
        let outcome = try await rows.add(request)
        if outcome.added > 0 {
            request.tell(.init(.good, request.language("users.imported", ["count": "\(outcome.added)"])))
        }
        guard outcome.failures.isEmpty else {
            let problems = outcome.failures.map(\.text).joined(separator: " · ")
            return users(request, rows: outcome.failures.map(\.row).joined(separator: "\n"), problem: problems)
        }
        return .redirect(next)
    }

    // MARK: Availability and instant messages

    /// The settings that are asked for, the most noticed first; those that the server does not have are left out.
    private static let questions = [
        "presence.sharing", "presence.auto_authorize", "messaging.enabled", "archive.enabled",
    ]

    @Sendable private static func policy(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        guard request.may("settings.list") else { return .redirect(ConsolePath.setup + "/done") }
        let language = request.language
        let settings = try await ConsoleSettings(request).all()
        let asked = questions.compactMap { key in settings.first { $0.key == key && $0.form == .toggle } }
        guard !asked.isEmpty else { return .redirect(ConsolePath.setup + "/done") }
        return page(request, .policy) { model in
            model.policy = .init(
                questions: asked.map { setting in
                    let texts = SettingTexts(setting, language)
                    let isOn = setting.value == .boolean(true)
                    return .init(
                        title: texts.title, help: texts.help,
                        choices: [
                            .init(key: setting.key, value: "on", title: language["settings.on"], isChosen: isOn),
                            .init(key: setting.key, value: "off", title: language["settings.off"], isChosen: !isOn),
                        ])
                })
        }
    }

    @Sendable private static func applyPolicy(_ request: ConsoleRequest, _ form: ConsoleForm) async throws
        -> ConsoleAnswer
    {
        if !form.isOn("skip") {
            let settings = try await ConsoleSettings(request).all()
            let entries = questions.compactMap { key -> AdminSettingsChange.Entry? in
                guard let setting = settings.first(where: { $0.key == key && $0.form == .toggle }),
                    let value = form[key], value == "on" || value == "off",
                    setting.value != .boolean(value == "on")
                else { return nil }
                return .init(key: key, value: .boolean(value == "on"))
            }
            if !entries.isEmpty {
                _ = try await ConsoleSettings(request).change(.init(entries: entries, note: "first run"))
            }
        }
        return .redirect(ConsolePath.setup + "/done")
    }

    // MARK: Done

    @Sendable private static func done(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        let language = request.language
        let links: [(ConsoleSection, String, String)] = [
            (.users, "users", ConsolePath.root + "/users/import"),
            (.troubleshooter, "troubleshooter", ConsoleSection.troubleshooter.path),
            (.certificates, "certificates", ConsoleSection.certificates.path),
            (.administrators, "administrators", ConsoleSection.administrators.path),
        ]
        return page(request, .done) { model in
            model.done = .init(
                links: links.filter { request.sees($0.0) }.map { section, word, href in
                    .init(
                        href: href, icon: section.rawValue, title: language["setup.next_\(word)"],
                        help: language["setup.next_\(word)_help"])
                })
        }
    }
}

struct SetupModel: Sendable {
    struct Step: Sendable {
        var title: String
        var isDone: Bool
        var isCurrent: Bool
    }

    struct Code: Sendable {
        var value: String
        var name: String
        var problem: String?
        var passwordProblem: String?
    }

    struct Domains: Sendable { var facts: [ConsoleFact] }

    struct Users: Sendable {
        var rows: String
        var problem: String?
    }

    struct Policy: Sendable { var questions: [Question] }

    struct Question: Sendable {
        var title: String
        var help: String
        var choices: [Choice]
    }

    struct Choice: Sendable {
        var key: String
        var value: String
        var title: String
        var isChosen: Bool
    }

    struct Done: Sendable { var links: [NextStep] }

    struct NextStep: Sendable {
        var href: String
        var icon: String
        var title: String
        var help: String
    }

    var steps: [Step]
    var heading: String
    var lead: String
    var isWide = true
    var code: Code?
    var domains: Domains?
    var users: Users?
    var policy: Policy?
    var done: Done?
}
