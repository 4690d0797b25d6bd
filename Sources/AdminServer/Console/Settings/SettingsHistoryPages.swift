import Settings

/// Versions of the settings: what changed, by whom, and the way back.
enum SettingsHistoryPages {
    private static let root = SettingsPages.root + "/history"

    static func add(to routes: ConsoleRoutes) {
        routes.get("/settings/history", list)
        routes.get("/settings/history/:version", compare)
        routes.post("/settings/history/:version", rollBack)
    }

    @Sendable private static func list(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        let language = request.language
        let settings = ConsoleSettings(request)
        let (current, all) = (try await settings.version(), try await settings.all())
        let known = Dictionary(all.map { ($0.key, SettingTexts($0, language)) }) { first, _ in first }
        let versions = try await settings.history(before: request.query["before"].flatMap { Int($0) })
        let rows = versions.map { version in
            HistoryModel.Row(
                href: root + "/\(version.version)",
                version: language("settings.version_title", ["version": "\(version.version)"]),
                isCurrent: version.version == current, at: version.at, who: version.author.name,
                changes: version.changes.prefix(20).map { change in
                    let texts = known[change.key]
                    func shown(_ value: SettingValue?) -> String {
                        value.map { texts?.shown($0) ?? $0.shown } ?? "–"
                    }
                    return .init(
                        title: (texts?.title ?? change.key) + (change.subject.isEmpty ? "" : " · " + change.subject),
                        from: shown(change.before), to: shown(change.after))
                },
                comment: version.note.isEmpty ? nil : version.note,
                openLabel: language("settings.compare_named", ["version": "\(version.version)"]))
        }
        var pager = HistoryModel.Pager(range: language("frame.shown", ["count": "\(rows.count)"]))
        if request.query["before"] != nil { pager.first = root }
        if versions.count == ConsolePager.size, let last = versions.last {
            pager.next = root + "?before=\(last.version)"
        }
        let model = HistoryModel(
            tabs: SettingsPages.tabs("history", language), rows: rows, hasRows: !rows.isEmpty, pager: pager)
        var page = ConsolePage(
            "settings_history", title: language["settings.history_title"], section: .settings, model: model)
        page.lead = language["settings.history_lead"]
        page.crumb = request.crumb(.settings)
        return .page(page)
    }

    private static func number(_ request: ConsoleRequest) throws -> Int {
        guard let version = Int(try request.parameter("version")), version >= 0 else { throw AdminError(.notFound, "") }
        return version
    }

    /// What would change if the version came back.
    @Sendable private static func compare(_ request: ConsoleRequest) async throws -> ConsoleAnswer {
        let (version, language) = (try number(request), request.language)
        let settings = ConsoleSettings(request)
        let outcome = try await settings.difference(to: version)
        let mayChange = request.may("settings.rollback")
        var model = ReviewModel(
            outcome, settings: try await settings.all(), action: root + "/\(version)",
            button: language("settings.rollback", ["version": "\(version)"]), back: root, hidden: [], language)
        model.hasComment = false
        model.mayApply = mayChange && !outcome.differences.isEmpty
        var page = ConsolePage(
            "settings_review", title: language("settings.version_title", ["version": "\(version)"]),
            section: .settings, model: model)
        page.lead = language[outcome.differences.isEmpty ? "settings.same" : "settings.rollback_lead"]
        page.crumb = .init(title: language["settings.history_title"], href: root)
        return .page(page)
    }

    @Sendable private static func rollBack(_ request: ConsoleRequest, _ form: ConsoleForm) async throws -> ConsoleAnswer
    {
        let version = try number(request)
        do {
            let outcome = try await ConsoleSettings(request).rollBack(to: version, isDryRun: false)
            request.tell(
                .init(
                    .good,
                    request.language(
                        "settings.rolled_back", ["from": "\(version)", "version": "\(outcome.version)"])))
        } catch let error as AdminError where error.isOfForm {
            request.tell(.init(.bad, error.explanation))
        }
        return .redirect(root)
    }
}

private struct HistoryModel: Sendable {
    struct Change: Sendable {
        var title: String
        var from: String
        var to: String
    }

    struct Row: Sendable {
        var href: String
        var version: String
        var isCurrent: Bool
        var at: String
        var who: String
        var changes: [Change]
        var comment: String?
        var openLabel: String
    }

    struct Pager: Sendable {
        var range: String
        var first: String?
        var next: String?
    }

    var tabs: [SettingsTab]
    var rows: [Row]
    var hasRows: Bool
    var pager: Pager
}
