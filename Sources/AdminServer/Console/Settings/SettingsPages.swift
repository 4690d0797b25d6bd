import Settings

/// Settings: overview, a page for each group, those of a domain or user, review and saving.
enum SettingsPages {
    static let root = ConsoleSection.settings.path

    static func add(to routes: ConsoleRoutes) {
        routes.get("/settings", overview)
        routes.get("/settings/changed") { request in
            try await Sheet(.changed, request).answer(request)
        }
        routes.post("/settings/changed") { request, form in
            try await Sheet(.changed, request).review(form, request)
        }
        routes.post("/settings/save", save)
        SettingsHistoryPages.add(to: routes)
        routes.get("/settings/for/:scope/:subject") { request in
            try await Sheet(.place(try place(request)), request).answer(request)
        }
        routes.post("/settings/for/:scope/:subject") { request, form in
            try await Sheet(.place(try place(request)), request).review(form, request)
        }
        routes.get("/settings/:group") { request in
            try await Sheet(.group(try request.parameter("group")), request).answer(request)
        }
        routes.post("/settings/:group") { request, form in
            try await Sheet(.group(try request.parameter("group")), request).review(form, request)
        }
    }

    private static func place(_ request: ConsoleRequest) throws -> AdminSettingPlace {
        guard let scope = Setting.Scope(rawValue: try request.parameter("scope")), scope != .deployment else {
            throw AdminError(.notFound, "")
        }
        return AdminSettingPlace(scope, try request.parameter("subject"))
    }

    static func tabs(_ current: String, _ language: ConsoleLanguage) -> [SettingsTab] {
        [
            ("all", root), ("presence", root + "/presence"), ("messaging", root + "/messaging"),
            ("changed", root + "/changed"), ("history", root + "/history"),
        ].map { id, href in
            SettingsTab(title: language["settings.tab_\(id)"], href: href, isCurrent: id == current)
        }
    }

    // MARK: Overview

    @Sendable private static func overview(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        let language = request.language
        let settings = try await ConsoleSettings(request).all()
        let groups = Dictionary(grouping: settings) { SettingsArrangement.slug($0.group) }
        let sections = SettingsArrangement.arranged(groups.keys.sorted()).map { id, slugs in
            OverviewModel.Section(
                id: id, title: language["settings.section_\(id)"],
                groups: slugs.map { slug in
                    let changed = (groups[slug] ?? []).count { $0.value != $0.standard }
                    return .init(
                        href: root + "/" + slug, title: SettingsArrangement.title(slug, language),
                        help: language.optional("group.\(slug).help") ?? "",
                        changed: changed == 0 ? nil : language("settings.group_changed", ["count": "\(changed)"]))
                })
        }
        let model = OverviewModel(tabs: tabs("all", language), sections: sections)
        return .page(request.page(.settings, template: "settings_overview", model: model))
    }

    // MARK: Saving

    @Sendable private static func save(_ request: ConsoleRequest, _ form: ConsoleForm) async throws -> ConsoleAnswer {
        let place = AdminSettingPlace(
            Setting.Scope(rawValue: form.text("scope")) ?? .deployment, form.text("subject"))
        let entries = try SettingsForm.entries(form, in: place)
        let back = SignInPages.returnPath(form["return"])
        guard !entries.isEmpty else { return .redirect(back) }
        do {
            let outcome = try await ConsoleSettings(request).change(
                .init(entries: entries, note: form.text("comment"), expectedVersion: Int(form.text("version"))))
            request.tell(.init(.good, request.language("settings.saved", ["version": "\(outcome.version)"])))
        } catch let error as AdminError where error.isOfForm {
            request.tell(.init(.bad, error.explanation))
        }
        return .redirect(back)
    }
}

struct SettingsTab: Sendable {
    var title: String
    var href: String
    var isCurrent: Bool
}

private struct OverviewModel: Sendable {
    struct Section: Sendable {
        var id: String
        var title: String
        var groups: [Group]
    }

    struct Group: Sendable {
        var href: String
        var title: String
        var help: String
        var changed: String?
    }

    var tabs: [SettingsTab]
    var sections: [Section]
}
