/// Accounts: search, create, import, one account, password, removal.
enum UserPages {
    static func add(to routes: ConsoleRoutes) {
        routes.get("/users", list)
        routes.get("/users/new") { request in
            try request.require("users.create")
            return form(request, [:], problem: nil)
        }
        routes.post("/users/new", create)
        routes.get("/users/import") { request in
            try request.require("users.import")
            return importForm(request, rows: "", problem: nil)
        }
        routes.post("/users/import", limit: 4 * AdminLimits.bodyBytes, importRows)
        routes.get("/users/:jid") { request in try await show(request, problem: nil) }
        routes.post("/users/:jid/password", setPassword)
        routes.get("/users/:jid/remove") { request in
            try request.require("users.delete")
            return removal(request, try request.parameter("jid"), problem: nil)
        }
        routes.post("/users/:jid/remove", remove)
    }

    static func path(_ jid: String) -> String { ConsoleSection.users.path + "/" + ConsoleForm.encoded(jid) }

    // MARK: List

    @Sendable private static func list(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        let language = request.language
        let (query, domain) = (request.query.text("q"), request.query.text("domain"))
        let found: AdminPage<AdminUser> = try await request.perform(
            "users.list",
            ["query": query, "domain": domain, "limit": "\(ConsolePager.size)", "cursor": request.query["cursor"]])
        let domains = await request.site.measurements.status()?.domains ?? []
        let model = UsersModel(
            query: query, domains: domains.map { .init(name: $0, isChosen: $0 == domain) },
            rows: found.items.map { user in
                .init(
                    href: path(user.jid), jid: user.jid, name: user.name, isAdmin: user.isAdmin,
                    isOnline: user.sessions > 0, sessions: ConsoleNumbers.grouped(user.sessions),
                    openLabel: language("users.open_named", ["name": user.jid]))
            },
            hasRows: !found.items.isEmpty,
            pager: ConsolePager(
                found, path: ConsoleSection.users.path, filter: ["q": query, "domain": domain], request),
            emptyTitle: query.isEmpty ? language["users.none"] : language("users.none_found", ["query": query]),
            emptyText: language[query.isEmpty ? "users.none_help" : "users.none_found_help"])
        var page = request.page(.users, model: model)
        if request.may("users.import") {
            page.actions.append(
                .init(title: language["users.import"], href: ConsoleSection.users.path + "/import", icon: "upload"))
        }
        if request.may("users.create") {
            page.actions.append(
                .init(
                    title: language["users.add"], href: ConsoleSection.users.path + "/new", icon: "plus",
                    isPrimary: true))
        }
        return .page(page)
    }

    // MARK: Create

    private static func form(
        _ request: ConsoleRequest, _ values: [String: String], problem: String?, status: Int = 200
    ) -> ConsoleAnswer {
        let language = request.language
        let model = FormModel(
            action: ConsoleSection.users.path + "/new",
            fields: [
                .input(
                    "jid", language["users.jid"], value: values["jid"] ?? "",
                    hint: language("users.jid_hint", ["domain": values["domain"] ?? "example.com"])),
                .input(
                    "name", language["users.name"], value: values["name"] ?? "", isRequired: false,
                    hint: language["users.name_hint"]),
                .input("password", language["users.password"], type: "password", autocomplete: "new-password"),
                .checkbox("admin", language["users.is_admin"], isChecked: values["admin"] != nil),
            ],
            button: language["users.create"], back: ConsoleSection.users.path, problem: problem)
        var page = ConsolePage("form", title: language["users.add"], section: .users, model: model)
        page.lead = language["users.add_lead"]
        page.crumb = request.crumb(.users)
        page.status = status
        return .page(page)
    }

    @Sendable private static func create(_ request: ConsoleRequest, _ form: ConsoleForm) async throws -> ConsoleAnswer {
        let name = form.text("name")
        let user = AdminUserRequest(
            jid: form.text("jid"), password: form["password"] ?? "", name: name.isEmpty ? nil : name,
            isAdmin: form.isOn("admin"))
        do {
            let made: AdminUserDetail = try await request.perform("users.create", body: user)
            request.tell(.init(.good, request.language("users.created", ["name": made.jid])))
            return .redirect(path(made.jid))
        } catch let error as AdminError where error.isOfForm {
            var values = ["jid": user.jid, "name": name]
            if user.isAdmin { values["admin"] = "on" }
            return self.form(request, values, problem: error.explanation, status: 422)
        }
    }

    // MARK: Import

    private static func importForm(_ request: ConsoleRequest, rows: String, problem: String?) -> ConsoleAnswer {
        let language = request.language
        let model = FormModel(
            action: ConsoleSection.users.path + "/import",
            fields: [
                .area(
                    "rows", language["users.import_rows"], value: rows,
                    placeholder: language["setup.users_placeholder"], hint: language["users.import_hint"],
                    problem: problem, file: language["frame.from_file"])
            ],
            button: language["users.import_button"], back: ConsoleSection.users.path)
        var page = ConsolePage("form", title: language["users.import"], section: .users, model: model)
        page.lead = language["users.import_lead"]
        page.crumb = request.crumb(.users)
        page.status = problem == nil ? 200 : 422
        return .page(page)
    }

    @Sendable private static func importRows(
        _ request: ConsoleRequest, _ form: ConsoleForm
    ) async throws -> ConsoleAnswer {
        let domain = await request.site.measurements.status()?.domains.first ?? ""
        let outcome = try await UserRows(form["rows"] ?? "", domain: domain).add(request)
        let language = request.language
        if outcome.added > 0 {
            request.tell(
                .init(.good, language("users.imported", ["count": ConsoleNumbers.grouped(outcome.added)])))
        }
        guard !outcome.failures.isEmpty else { return .redirect(ConsoleSection.users.path) }
        let told = outcome.failures.prefix(20).map(\.text).joined(separator: " · ")
        let problem = language("users.import_failed", ["count": "\(outcome.failures.count)"]) + " " + told
        return importForm(request, rows: outcome.failures.map(\.row).joined(separator: "\n"), problem: problem)
    }

    // MARK: One account

    private static func show(_ request: ConsoleRequest, problem: String?) async throws -> ConsoleAnswer {
        let jid = try request.parameter("jid")
        let language = request.language
        let user: AdminUserDetail = try await request.perform("users.get", ["jid": jid])
        func fact(_ key: String, _ value: String, at: String? = nil) -> ConsoleFact {
            .init(name: language["user.\(key)"], value: value, at: at)
        }
        let facts = [
            fact("name", user.name ?? "–"),
            fact("kind", language[user.isAdmin ? "users.admin" : "users.member"]),
            fact("presence", await presence(of: user, request)),
            fact("created", user.created, at: user.created),
            fact("last_seen", user.lastSeen ?? language["user.never"], at: user.lastSeen),
            fact("contacts", ConsoleNumbers.grouped(user.rosterItems)),
            fact("blocked", ConsoleNumbers.grouped(user.blockedItems)),
            fact("stored", ConsoleNumbers.grouped(user.storedMessages)),
            fact(
                "iterations",
                language("user.iterations_value", ["count": ConsoleNumbers.grouped(user.scramIterations)])),
        ]
        let policy = try await self.policy(of: user.jid, request)
        let roster: AdminPage<AdminRosterItem> = try await request.perform("users.roster", ["jid": user.jid])
        let model = UserModel(
            href: path(user.jid), facts: facts, mayChange: request.may("users.password"),
            mayRemove: request.may("users.delete"), mayEnd: request.may("sessions.end"), problem: problem,
            sessions: user.sessions.map { SessionRow($0, language) }, hasSessions: !user.sessions.isEmpty,
            registrations: await registrations(of: user.jid, request),
            subscriptions: await subscriptions(of: user.jid, request), policy: policy, hasPolicy: !policy.isEmpty,
            policyHref: request.may("settings.change")
                ? SettingsPages.root + "/for/user/" + ConsoleForm.encoded(user.jid) : nil,
            roster: .init(
                rows: roster.items.prefix(UserModel.Roster.limit).map { .init($0, language) },
                hasRows: !roster.items.isEmpty,
                more: roster.items.count > UserModel.Roster.limit
                    ? language(
                        "frame.shown_of",
                        [
                            "count": ConsoleNumbers.grouped(UserModel.Roster.limit),
                            "total": ConsoleNumbers.grouped(roster.items.count),
                        ]) : nil))
        var page = ConsolePage("user", title: user.jid, section: .users, model: model)
        page.crumb = request.crumb(.users)
        page.status = problem == nil ? 200 : 422
        return .page(page)
    }

    /// The composed status with what decided, as the presence viewer of the server has it.
    private static func presence(of user: AdminUserDetail, _ request: ConsoleRequest) async -> String {
        let language = request.language
        guard request.may("presence.show"),
            let found: AdminUserPresence = try? await request.perform("presence.show", ["jid": user.jid])
        else { return "–" }
        let state = language.optional("state.\(found.status.state)") ?? found.status.state
        return [state, found.status.note, found.status.reason].filter { !$0.isEmpty }.joined(separator: " · ")
    }

    /// SIP contacts of the user; nil for none.
    private static func registrations(of jid: String, _ request: ConsoleRequest) async -> SIPContactTable? {
        guard request.may("sip.registrations"),
            let found: AdminPage<AdminSIPRegistration> = try? await request.perform(
                "sip.registrations", ["user": jid, "limit": "100"]), !found.items.isEmpty
        else { return nil }
        return SIPContactTable(
            rows: found.items.map { SIPContactRow($0, request.language) }, mayEnd: request.may("sip.unregister"))
    }

    /// Who watches the user over SIP, and whom the user watches; nil for nobody.
    private static func subscriptions(of jid: String, _ request: ConsoleRequest) async -> SIPSubscriptionTable? {
        guard request.may("sip.subscriptions") else { return nil }
        var rows: [SIPSubscriptionRow] = []
        for side in ["watcher", "presentity"] {
            let found: AdminPage<AdminSIPSubscription>? = try? await request.perform(
                "sip.subscriptions", [side: jid, "limit": "100"])
            // One that watches itself stands in both lists.
            rows += (found?.items ?? []).filter { side == "watcher" || $0.watcher != jid }.map {
                SIPSubscriptionRow($0, request.language)
            }
        }
        return rows.isEmpty ? nil : SIPSubscriptionTable(rows: rows)
    }

    /// Settings that may differ by user, with the value for this one.
    private static func policy(of jid: String, _ request: ConsoleRequest) async throws -> [UserModel.Policy] {
        guard request.may("settings.list") else { return [] }
        let settings = try await ConsoleSettings(request).all(in: AdminSettingPlace(.user, jid))
        return settings.filter { $0.scopes.contains(.user) }.map { setting in
            let texts = SettingTexts(setting, request.language)
            return .init(
                key: setting.key, title: texts.title, value: texts.shown(setting.value),
                source: request.language["source.\(setting.source.rawValue)"])
        }
    }

    @Sendable private static func setPassword(
        _ request: ConsoleRequest, _ form: ConsoleForm
    ) async throws -> ConsoleAnswer {
        let jid = try request.parameter("jid")
        do {
            let _: AdminDone = try await request.perform(
                "users.password", ["jid": jid], body: AdminPassword(password: form["password"] ?? ""))
            request.tell(.init(.good, request.language("user.password_set", ["name": jid])))
            return .redirect(path(jid))
        } catch let error as AdminError where error.isOfForm {
            return try await show(request, problem: error.explanation)
        }
    }

    // MARK: Removal

    private static func removal(_ request: ConsoleRequest, _ jid: String, problem: String?) -> ConsoleAnswer {
        let language = request.language
        let model = FormModel(
            action: path(jid) + "/remove",
            fields: [.input("confirmation", language["user.remove_confirm"], hint: jid, problem: problem)],
            button: language["user.remove_now"], back: path(jid), buttonClass: FormModel.dangerous)
        var page = ConsolePage(
            "form", title: language("user.remove_title", ["name": jid]), section: .users, model: model)
        page.lead = language["user.remove_lead"]
        page.crumb = .init(title: jid, href: path(jid))
        page.status = problem == nil ? 200 : 422
        return .page(page)
    }

    @Sendable private static func remove(_ request: ConsoleRequest, _ form: ConsoleForm) async throws -> ConsoleAnswer {
        let jid = try request.parameter("jid")
        guard form.text("confirmation").lowercased() == jid.lowercased() else {
            return removal(request, jid, problem: request.language["user.remove_mismatch"])
        }
        let _: AdminDone = try await request.perform("users.delete", ["jid": jid])
        request.tell(.init(.good, request.language("user.removed", ["name": jid])))
        return .redirect(ConsoleSection.users.path)
    }
}

extension ConsoleRequest {
    /// - Throws: `forbidden` for who may not perform the operation.
    func require(_ operation: String) throws {
        guard may(operation) else { throw AdminError(.forbidden, "\(operation) is not for this role") }
    }
}

extension AdminError {
    /// Whether the user can put it right in the form that was sent.
    var isOfForm: Bool {
        [.badRequest, .invalid, .conflict, .preconditionFailed, .tooManyRequests, .unavailable].contains(condition)
    }
}

private struct UsersModel: Sendable {
    struct Domain: Sendable {
        var name: String
        var isChosen: Bool
    }

    struct Row: Sendable {
        var href: String
        var jid: String
        var name: String?
        var isAdmin: Bool
        var isOnline: Bool
        var sessions: String
        var openLabel: String
    }

    var query: String
    var domains: [Domain]
    var rows: [Row]
    var hasRows: Bool
    var pager: ConsolePager
    var emptyTitle: String
    var emptyText: String
}

private struct UserModel: Sendable {
    struct Policy: Sendable {
        var key: String
        var title: String
        var value: String
        var source: String
    }

    var href: String
    var facts: [ConsoleFact]
    var mayChange: Bool
    var mayRemove: Bool
    var mayEnd: Bool
    var problem: String?
    var sessions: [SessionRow]
    var hasSessions: Bool
    var registrations: SIPContactTable?
    var subscriptions: SIPSubscriptionTable?
    var policy: [Policy]
    var hasPolicy: Bool
    var policyHref: String?
    var roster: Roster

    struct Roster: Sendable {
        struct Row: Sendable {
            var jid: String
            var name: String?
            var groups: String
            var subscription: String

            init(_ item: AdminRosterItem, _ language: ConsoleLanguage) {
                jid = item.jid
                name = item.name.isEmpty ? nil : item.name
                groups = item.groups.isEmpty ? "–" : item.groups.joined(separator: ", ")
                let words = [
                    language["user.subscription_\(item.subscription)"],
                    item.isAsked ? language["user.subscription_asked"] : "",
                    item.isWaiting ? language["user.subscription_waiting"] : "",
                ]
                subscription = words.filter { !$0.isEmpty }.joined(separator: " · ")
            }
        }

        /// Contacts on the page; the command line lists all.
        static let limit = 500

        var rows: [Row]
        var hasRows: Bool
        /// Says that there are more.
        var more: String?
    }
}
