import HTTPTypes
import Hummingbird

/// One request for a page, with what the pages need to know of it.
struct ConsoleRequest: Sendable {
    let site: ConsoleSite
    let request: Request
    let context: AdminRequestContext
    let language: ConsoleLanguage
    /// `auto`, `light` or `dark`.
    let theme: String
    /// Query of the address.
    let query: ConsoleForm

    init(_ request: Request, context: AdminRequestContext, site: ConsoleSite) {
        self.site = site
        self.request = request
        self.context = context
        let cookies = Cookies(request.headers)
        language = site.texts.language(
            chosen: cookies[ConsoleCookies.language], header: request.headers[.acceptLanguage])
        let theme = cookies[ConsoleCookies.theme] ?? ""
        self.theme = ConsoleCookies.themes.contains(theme) ? theme : "auto"
        query = ConsoleForm(encoded: request.uri.query ?? "")
    }

    var admin: AdminInterface { site.admin }
    var session: ConsoleSession? { context.session }
    /// Path and query, for forms that come back here.
    var location: String { request.uri.string }

    func parameter(_ name: String) throws -> String {
        ConsoleForm.decoded(try context.parameters.require(name), plusIsSpace: false)
    }

    /// Whether the caller may perform the operation, and the server has it.
    func may(_ operation: String) -> Bool {
        guard let principal = context.principal else { return false }
        return site.mayPerform(operation, principal)
    }

    func perform<Result>(
        _ name: String, _ parameters: KeyValuePairs<String, String?> = [:], body: (any Sendable)? = nil,
        returning: Result.Type = Result.self
    ) async throws -> Result {
        var given: [String: String] = [:]
        for (name, value) in parameters where value?.isEmpty == false { given[name] = value }
        return try await admin.perform(name, given, body: body, as: context)
    }

    /// A notice on the next page.
    func tell(_ notice: ConsoleNotice) {
        if let session { site.tell(notice, to: session.id) }
    }

    func frame(for page: ConsolePage) async -> ConsoleFrame {
        var frame = ConsoleFrame(language: language.code, theme: theme, title: page.title)
        frame.lead = page.lead
        frame.alias = page.alias
        frame.crumb = page.crumb
        frame.actions = page.actions
        frame.notices = (session.map { site.takeNotices(of: $0.id) } ?? []) + page.notices
        frame.path = location
        frame.query = request.uri.path == ConsolePath.root + "/search" ? query.text("q") : ""
        frame.assets = site.assets
        frame.languages = site.texts.languages.map {
            .init(code: $0.code, name: $0["name"], icon: "globe", isCurrent: $0.code == language.code)
        }
        frame.themes = zip(ConsoleCookies.themes, ["display", "sun", "moon"]).map {
            .init(code: $0, name: language["frame.theme_\($0)"], icon: $1, isCurrent: $0 == theme)
        }
        if let session {
            frame.form = #"<input type="hidden" name="csrf" value="\#(StrictHTML().escapeText(session.csrf))">"#
            frame.account = .init(name: session.name, role: language["role.\(session.role.rawValue)"])
            frame.navigation = navigation(current: page.section)
        }
        if let status = await site.measurements.status() {
            frame.domain = status.domains.first ?? ""
            frame.version = session == nil ? "" : status.version
        }
        return frame
    }

    private func navigation(current: ConsoleSection?) -> [ConsoleFrame.NavigationGroup] {
        ConsoleSection.Group.allCases.compactMap { group in
            let items = ConsoleSection.allCases.filter { $0.group == group && sees($0) }.map { section in
                ConsoleFrame.NavigationItem(
                    title: section.name(language), href: section.path, icon: section.rawValue,
                    isCurrent: section == current)
            }
            let title = language.optional("nav.\(group.rawValue)") ?? ""
            return items.isEmpty
                ? nil : .init(id: group.rawValue, title: title, hasTitle: !title.isEmpty, items: items)
        }
    }

    func sees(_ section: ConsoleSection) -> Bool {
        section.operation.map { may($0) } ?? (session != nil)
    }

    /// The page of a section with its own title and lead.
    func page(_ section: ConsoleSection, template: String? = nil, model: any Sendable) -> ConsolePage {
        var page = ConsolePage(
            template ?? section.rawValue, title: section.title(language), section: section, model: model)
        page.lead = section.lead(language)
        page.alias = section.alias(language)
        return page
    }

    /// The way back to a section, for pages below it.
    func crumb(_ section: ConsoleSection) -> ConsoleFrame.Link {
        .init(title: section.name(language), href: section.path)
    }
}

/// Cookies of a request by name; the first one counts.
struct Cookies: Sendable {
    private let values: [String: String]

    init(_ headers: HTTPFields) {
        var values: [String: String] = [:]
        for header in headers[values: .cookie] {
            for pair in header.split(separator: ";").prefix(100) {
                let parts = pair.split(separator: "=", maxSplits: 1)
                guard parts.count == 2 else { continue }
                let name = String(parts[0].drop { $0 == " " })
                if values[name] == nil { values[name] = String(parts[1]) }
            }
        }
        self.values = values
    }

    subscript(_ name: String) -> String? { values[name] }
}

/// Cookies that hold no secret: how the user likes the pages.
enum ConsoleCookies {
    static let language = "roost_language"
    static let theme = "roost_theme"
    static let themes = ["auto", "light", "dark"]

    static func header(_ name: String, _ value: String) -> String {
        "\(name)=\(value); Path=\(ConsolePath.root); Secure; HttpOnly; SameSite=Lax; Max-Age=31536000"
    }
}
