/// Signing in and out, the own password, language and appearance.
enum SignInPages {
    static func add(to routes: ConsoleRoutes) {
        routes.getOpen("/sign-in") { request in
            if request.session != nil { return .redirect(ConsolePath.root + "/") }
            if try await request.admin.access.needsSetup() { return .redirect(ConsolePath.setup) }
            var notices: [ConsoleNotice] = []
            if request.query["notice"] == "out" { notices.append(.init(.good, request.language["signin.out"])) }
            return page(request, returnTo: request.query["return"] ?? "", notices: notices)
        }
        routes.postOpen("/sign-in", signIn)
        routes.post("/sign-out") { request, _ in
            if let session = request.session { await request.admin.access.signOut(session) }
            return .redirect(ConsolePath.signIn + "?notice=out", cookies: [ConsoleCookie.removal])
        }
        routes.get("/password") { request in passwordForm(request, problem: nil) }
        routes.post("/password") { request, form in
            do {
                let _: AdminDone = try await request.perform(
                    "whoami.password",
                    body: AdminOwnPassword(old: form["current"] ?? "", new: form["new"] ?? ""))
                request.tell(.init(.good, request.language["signin.password_changed"]))
                return .redirect(ConsolePath.root + "/")
            } catch let error as AdminError where error.isOfForm {
                return passwordForm(request, problem: error.explanation)
            }
        }
        routes.postOpen("/preferences") { request, form in
            var cookies: [String] = []
            if let code = form["language"], request.site.texts.languages.contains(where: { $0.code == code }) {
                cookies.append(ConsoleCookies.header(ConsoleCookies.language, code))
            }
            if let theme = form["theme"], ConsoleCookies.themes.contains(theme) {
                cookies.append(ConsoleCookies.header(ConsoleCookies.theme, theme))
            }
            return .redirect(returnPath(form["return"]), cookies: cookies)
        }
    }

    private static func passwordForm(_ request: ConsoleRequest, problem: String?) -> ConsoleAnswer {
        let language = request.language
        let model = FormModel(
            action: ConsolePath.root + "/password",
            fields: [
                .input("current", language["signin.password_old"], type: "password", autocomplete: "current-password"),
                .input("new", language["signin.password_new"], type: "password", autocomplete: "new-password"),
            ],
            button: language["signin.password_change"], back: ConsolePath.root + "/", problem: problem)
        var page = ConsolePage("form", title: language["signin.password_title"], model: model)
        page.lead = language["signin.password_lead"]
        page.status = problem == nil ? 200 : 422
        return .page(page)
    }

    /// A path of the console and nothing else: nobody is sent to another site.
    static func returnPath(_ text: String?) -> String {
        guard let text,
            text == ConsolePath.root || text.hasPrefix(ConsolePath.root + "/")
                || text.hasPrefix(ConsolePath.root + "?"),
            text.utf8.count <= 2_000, text.utf8.allSatisfy({ (33...126).contains($0) && $0 != UInt8(ascii: "\\") })
        else { return ConsolePath.root + "/" }
        return text
    }

    private static func page(
        _ request: ConsoleRequest, name: String = "", returnTo: String, problem: String? = nil, status: Int = 200,
        notices: [ConsoleNotice] = []
    ) -> ConsoleAnswer {
        let banner = request.admin.access.settings.banner
        let model = SignInModel(
            banner: banner.isEmpty ? nil : banner, name: name, returnTo: returnTo, problem: problem)
        var page = ConsolePage("signin", title: request.language["signin.title"], model: model)
        page.notices = notices
        page.status = status
        return .page(page)
    }

    @Sendable private static func signIn(_ request: ConsoleRequest, _ form: ConsoleForm) async throws -> ConsoleAnswer {
        let (name, returnTo) = (form.text("name"), form["return"] ?? "")
        do {
            let (_, secret) = try await request.admin.access.signIn(
                name: name, password: form["password"] ?? "", address: request.context.peer)
            return .redirect(returnPath(returnTo), cookies: [ConsoleCookie.header(secret: secret)])
        } catch let error as AdminError where error.condition == .unauthenticated {
            return page(
                request, name: name, returnTo: returnTo, problem: request.language["signin.wrong"], status: 401)
        } catch let error as AdminError where error.condition == .tooManyRequests {
            let problem = request.language("signin.wait", ["seconds": "\(error.retrySeconds ?? 60)"])
            return page(request, name: name, returnTo: returnTo, problem: problem, status: 429)
        }
    }
}

private struct SignInModel: Sendable {
    var banner: String?
    var name: String
    var returnTo: String
    var problem: String?
    var isWide = false
}
