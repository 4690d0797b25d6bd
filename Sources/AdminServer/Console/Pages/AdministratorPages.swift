import Foundation

/// Administrators and the tokens of programs.
enum AdministratorPages {
    private static let root = ConsoleSection.administrators.path

    static func add(to routes: ConsoleRoutes) {
        routes.get("/administrators", list)
        routes.get("/administrators/new") { request in
            try request.require("administrators.create")
            return newForm(request, name: "", role: .helpDesk, problem: nil)
        }
        routes.post("/administrators/new", create)
        routes.get("/administrators/tokens/new") { request in
            try request.require("tokens.create")
            return tokenForm(request, ConsoleForm(), problem: nil)
        }
        routes.post("/administrators/tokens/new", createToken)
        routes.post("/administrators/tokens/revoke") { request, form in
            let _: AdminDone = try await request.perform("tokens.revoke", ["id": form.text("id")])
            request.tell(.init(.good, request.language["administrators.revoked"]))
            return .redirect(root)
        }
        routes.get("/administrators/edit/:name") { request in try await editForm(request, problem: nil) }
        routes.post("/administrators/edit/:name", edit)
        routes.get("/administrators/remove/:name") { request in
            try request.require("administrators.delete")
            let (name, language) = (try request.parameter("name"), request.language)
            let model = FormModel(
                action: root + "/remove/" + ConsoleForm.encoded(name), fields: [],
                button: language["administrators.remove"], back: root, buttonClass: FormModel.dangerous)
            return page(
                request, language("administrators.remove_title", ["name": name]),
                lead: language["administrators.remove_lead"], model)
        }
        routes.post("/administrators/remove/:name") { request, _ in
            let name = try request.parameter("name")
            let _: AdminDone = try await request.perform("administrators.delete", ["name": name])
            request.tell(.init(.good, request.language("administrators.removed", ["name": name])))
            return .redirect(root)
        }
    }

    private static func page(
        _ request: ConsoleRequest, _ title: String, lead: String, _ model: FormModel
    ) -> ConsoleAnswer {
        var page = ConsolePage("form", title: title, section: .administrators, model: model)
        page.lead = lead
        page.crumb = request.crumb(.administrators)
        page.status = model.problem == nil ? 200 : 422
        return .page(page)
    }

    private static func roles(_ language: ConsoleLanguage) -> [(value: String, title: String)] {
        AdminRole.allCases.map { ($0.rawValue, language["role.\($0.rawValue)"]) }
    }

    // MARK: List

    @Sendable private static func list(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        let language = request.language
        let people: AdminPage<Administrator> = try await request.perform("administrators.list")
        let tokens: AdminPage<AdminToken> = try await request.perform("tokens.list")
        let (mayChange, mayRevoke) = (request.may("administrators.update"), request.may("tokens.revoke"))
        let model = AdministratorsModel(
            administrators: people.items.map { person in
                .init(
                    name: person.name, isSelf: person.name == request.session?.name,
                    role: language["role.\(person.role.rawValue)"]
                        + (person.isDisabled ? " · " + language["administrators.disabled"] : ""),
                    last: person.lastLogin,
                    href: mayChange ? root + "/edit/" + ConsoleForm.encoded(person.name) : nil,
                    openLabel: language("users.open_named", ["name": person.name]))
            },
            tokens: tokens.items.map { token in
                let scopes =
                    token.scopes.isEmpty ? language["role.\(token.role.rawValue)"] : token.scopes.joined(separator: " ")
                return .init(
                    id: token.id, name: token.name, owner: token.creator,
                    scopes: scopes + (token.isReadOnly ? " · " + language["administrators.read_only"] : ""),
                    expires: token.expires, mayRevoke: mayRevoke,
                    revokeLabel: language("administrators.revoke_named", ["name": token.name]))
            },
            hasTokens: !tokens.items.isEmpty)
        var page = request.page(.administrators, model: model)
        if request.may("tokens.create") {
            page.actions.append(
                .init(title: language["administrators.add_token"], href: root + "/tokens/new", icon: "key"))
        }
        if request.may("administrators.create") {
            page.actions.append(
                .init(title: language["administrators.add"], href: root + "/new", icon: "plus", isPrimary: true))
        }
        return .page(page)
    }

    // MARK: New

    private static func newForm(
        _ request: ConsoleRequest, name: String, role: AdminRole, problem: String?
    ) -> ConsoleAnswer {
        let language = request.language
        let model = FormModel(
            action: root + "/new",
            fields: [
                .input("name", language["administrators.name"], value: name),
                .choice("role", language["administrators.role"], roles(language), chosen: role.rawValue),
                .input(
                    "password", language["administrators.password"], type: "password", autocomplete: "new-password",
                    hint: passwordHint(request)),
            ],
            button: language["administrators.create"], back: root, problem: problem)
        return page(request, language["administrators.add"], lead: language["administrators.add_lead"], model)
    }

    private static func passwordHint(_ request: ConsoleRequest) -> String {
        request.language(
            "administrators.password_hint", ["count": "\(request.admin.access.settings.passwordLength)"])
    }

    @Sendable private static func create(_ request: ConsoleRequest, _ form: ConsoleForm) async throws -> ConsoleAnswer {
        let (name, role) = (form.text("name"), AdminRole(rawValue: form.text("role")) ?? .auditor)
        do {
            let made: Administrator = try await request.perform(
                "administrators.create",
                body: AdminAdministratorRequest(name: name, password: form["password"] ?? "", role: role))
            request.tell(.init(.good, request.language("administrators.created", ["name": made.name])))
            return .redirect(root)
        } catch let error as AdminError where error.isOfForm {
            return newForm(request, name: name, role: role, problem: error.explanation)
        }
    }

    // MARK: Change

    private static func editForm(_ request: ConsoleRequest, problem: String?) async throws -> ConsoleAnswer {
        try request.require("administrators.update")
        let (name, language) = (try request.parameter("name"), request.language)
        let people: AdminPage<Administrator> = try await request.perform("administrators.list")
        guard let person = people.items.first(where: { $0.name == name }) else { throw AdminError(.notFound, "") }
        let model = FormModel(
            action: root + "/edit/" + ConsoleForm.encoded(name),
            fields: [
                .choice("role", language["administrators.role"], roles(language), chosen: person.role.rawValue),
                .input(
                    "password", language["administrators.new_password"], type: "password", isRequired: false,
                    autocomplete: "new-password",
                    hint: language["administrators.new_password_hint"] + " " + passwordHint(request)),
                .checkbox("disabled", language["administrators.is_disabled"], isChecked: person.isDisabled),
            ],
            button: language["administrators.save"], back: root, problem: problem)
        var page = ConsolePage(
            "form", title: language("administrators.edit_title", ["name": name]), section: .administrators,
            model: model)
        page.lead = language["administrators.edit_lead"]
        page.crumb = request.crumb(.administrators)
        page.status = problem == nil ? 200 : 422
        if name != request.session?.name {
            page.actions = [
                .init(
                    title: language["administrators.remove"], href: root + "/remove/" + ConsoleForm.encoded(name),
                    icon: "trash")
            ]
        }
        return .page(page)
    }

    @Sendable private static func edit(_ request: ConsoleRequest, _ form: ConsoleForm) async throws -> ConsoleAnswer {
        let name = try request.parameter("name")
        let password = form["password"] ?? ""
        let change = AdminAdministratorChange(
            role: AdminRole(rawValue: form.text("role")), isDisabled: form.isOn("disabled"),
            password: password.isEmpty ? nil : password)
        do {
            let _: Administrator = try await request.perform("administrators.update", ["name": name], body: change)
            request.tell(.init(.good, request.language("administrators.saved", ["name": name])))
            return .redirect(root)
        } catch let error as AdminError where error.isOfForm {
            return try await editForm(request, problem: error.explanation)
        }
    }

    // MARK: Tokens

    private static func tokenForm(
        _ request: ConsoleRequest, _ form: ConsoleForm, problem: String?, secret: FormModel.Secret? = nil
    ) -> ConsoleAnswer {
        let language = request.language
        let model = FormModel(
            action: root + "/tokens/new",
            fields: secret != nil
                ? []
                : [
                    .input("name", language["administrators.token_name"], value: form.text("name")),
                    .choice(
                        "role", language["administrators.role"], roles(language),
                        chosen: form["role"] ?? AdminRole.auditor.rawValue),
                    .input(
                        "scopes", language["administrators.token_scopes"], value: form.text("scopes"),
                        isRequired: false, hint: language["administrators.token_scopes_hint"]),
                    .input("days", language["administrators.token_days"], type: "number", value: form["days"] ?? "90"),
                    .checkbox("read_only", language["administrators.read_only"], isChecked: form.isOn("read_only")),
                ],
            button: language["administrators.token_create"], back: root, problem: problem, secret: secret)
        return page(
            request, language["administrators.add_token"], lead: language["administrators.add_token_lead"], model)
    }

    @Sendable private static func createToken(
        _ request: ConsoleRequest, _ form: ConsoleForm
    ) async throws -> ConsoleAnswer {
        let scopes = form.text("scopes").split { $0 == " " || $0 == "," }.map(String.init)
        let wish = AdminTokenRequest(
            name: form.text("name"), role: AdminRole(rawValue: form.text("role")) ?? .auditor,
            scopes: scopes.isEmpty ? nil : scopes, isReadOnly: form.isOn("read_only"),
            expiresDays: Int(form.text("days")).map { max(1, min($0, 3_650)) })
        do {
            let made: AdminTokenCreated = try await request.perform("tokens.create", body: wish)
            // Not a redirect: the token is in this answer and nowhere else.
            let secret = FormModel.Secret(
                title: request.language["administrators.token_made"],
                text: request.language["administrators.token_once"], value: made.token)
            return tokenForm(request, form, problem: nil, secret: secret)
        } catch let error as AdminError where error.isOfForm {
            return tokenForm(request, form, problem: error.explanation)
        }
    }
}

private struct AdministratorsModel: Sendable {
    struct Person: Sendable {
        var name: String
        var isSelf: Bool
        var role: String
        var last: String?
        var href: String?
        var openLabel: String
    }

    struct Token: Sendable {
        var id: String
        var name: String
        var owner: String
        var scopes: String
        var expires: String?
        var mayRevoke: Bool
        var revokeLabel: String
    }

    var administrators: [Person]
    var tokens: [Token]
    var hasTokens: Bool
}
