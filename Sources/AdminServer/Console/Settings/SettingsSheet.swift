import Settings

extension SettingsPages {
    /// One page of settings with one form.
    struct Sheet: Sendable {
        enum Kind: Sendable, Equatable {
            case group(String)
            /// All that differ from what comes with the server.
            case changed
            /// All that may have a value of their own for a domain or a user.
            case place(AdminSettingPlace)
        }

        private let kind: Kind
        private let place: AdminSettingPlace
        private let path: String
        private let settings: [AdminSetting]
        private let mayChange: Bool
        /// Of who looks, when the role may change settings at all.
        private let role: AdminRole?

        /// - Throws: `notFound` for a group that there is not.
        init(_ kind: Kind, _ request: ConsoleRequest) async throws {
            self.kind = kind
            switch kind {
            case .group(let slug):
                (place, path) = (AdminSettingPlace(), root + "/" + ConsoleForm.encoded(slug))
            case .changed: (place, path) = (AdminSettingPlace(), root + "/changed")
            case .place(let place):
                self.place = place
                path = root + "/for/\(place.scope.rawValue)/" + ConsoleForm.encoded(place.subject)
            }
            let all = try await ConsoleSettings(request).all(in: place)
            switch kind {
            case .group(let slug):
                settings = all.filter { SettingsArrangement.slug($0.group) == slug }
                guard !settings.isEmpty else { throw AdminError(.notFound, "") }
            case .changed: settings = all.filter { $0.value != $0.standard }
            case .place: settings = all
            }
            mayChange = request.may("settings.change")
            role = mayChange ? request.context.principal?.role : nil
        }

        // MARK: The page

        func answer(
            _ request: ConsoleRequest, form: SettingsForm? = nil, problems: [String: String] = [:],
            notice: ConsoleNotice? = nil
        ) -> ConsoleAnswer {
            let language = request.language
            var slugs: [String] = []
            for setting in settings where !slugs.contains(SettingsArrangement.slug(setting.group)) {
                slugs.append(SettingsArrangement.slug(setting.group))
            }
            let sections = slugs.map { slug in
                SheetModel.Section(
                    id: slug,
                    title: language.optional("group.\(slug).section") ?? SettingsArrangement.title(slug, language),
                    help: language.optional("group.\(slug).help"),
                    settings: settings.filter { SettingsArrangement.slug($0.group) == slug }.map { setting in
                        SettingControl(
                            setting, in: place, role: role, typed: form?.typed[setting.key],
                            problem: problems[setting.key], language)
                    })
            }
            let model = SheetModel(
                tabs: tabs(current, language), action: path, sections: sections, hasRows: !settings.isEmpty,
                mayChange: mayChange && !settings.isEmpty)
            var page = heading(request, model)
            if let notice { page.notices = [notice] }
            page.status = notice == nil ? 200 : 422
            return .page(page)
        }

        private var current: String {
            switch kind {
            case .group("presence"): "presence"
            case .group("messaging"): "messaging"
            case .changed: "changed"
            default: ""
            }
        }

        private func heading(_ request: ConsoleRequest, _ model: SheetModel) -> ConsolePage {
            let language = request.language
            switch kind {
            case .group(let slug):
                let section = SettingsArrangement.section(slug)
                var page = ConsolePage(
                    "settings_group", title: SettingsArrangement.title(slug, language), section: section, model: model)
                page.alias = section == .settings ? language.optional("group.\(slug).alias") : section.alias(language)
                page.crumb = request.crumb(.settings)
                return page
            case .changed:
                var page = ConsolePage(
                    "settings_group", title: language["settings.tab_changed"], section: .settings, model: model)
                page.crumb = request.crumb(.settings)
                return page
            case .place(let place):
                var page = ConsolePage(
                    "settings_group", title: language("settings.of", ["name": place.subject]),
                    section: place.scope == .user ? .users : .settings, model: model)
                page.lead = language["settings.of_lead"]
                page.crumb =
                    place.scope == .user
                    ? .init(title: place.subject, href: UserPages.path(place.subject)) : request.crumb(.settings)
                return page
            }
        }

        // MARK: The review

        /// Shows what would change, or the form again with what is wrong beside each field.
        func review(_ given: ConsoleForm, _ request: ConsoleRequest) async throws -> ConsoleAnswer {
            try request.require("settings.change")
            let language = request.language
            let form = SettingsForm(given, settings: settings, in: place, language)
            let failed = ConsoleNotice(.bad, language["settings.problems"])
            guard form.problems.isEmpty else {
                return answer(request, form: form, problems: form.problems, notice: failed)
            }
            guard !form.entries.isEmpty else {
                request.tell(.init(.warn, language["settings.nothing"]))
                return .redirect(path)
            }
            do {
                let outcome = try await ConsoleSettings(request).change(
                    .init(entries: form.entries, isDryRun: true))
                return .page(reviewPage(form, outcome, request))
            } catch let error as AdminError where error.isOfForm {
                let problems = await self.problems(of: form, request)
                let notice = problems.isEmpty ? ConsoleNotice(.bad, error.explanation) : failed
                return answer(request, form: form, problems: problems, notice: notice)
            }
        }

        /// Tries each change by itself, so that what is wrong stands beside the field that it is about.
        private func problems(of form: SettingsForm, _ request: ConsoleRequest) async -> [String: String] {
            var problems: [String: String] = [:]
            for entry in form.entries {
                do {
                    _ = try await ConsoleSettings(request).change(.init(entries: [entry], isDryRun: true))
                } catch let error as AdminError {
                    problems[entry.key] = error.faults.first?.detail ?? error.text
                } catch {}
            }
            return problems
        }

        private func reviewPage(
            _ form: SettingsForm, _ outcome: AdminSettingsOutcome, _ request: ConsoleRequest
        ) -> ConsolePage {
            let language = request.language
            var hidden = SettingsForm.hidden(form.entries)
            hidden.append(.init(name: "version", value: "\(outcome.version)"))
            hidden.append(.init(name: "scope", value: place.scope.rawValue))
            hidden.append(.init(name: "subject", value: place.subject))
            hidden.append(.init(name: "return", value: path))
            let model = ReviewModel(
                outcome, settings: settings, action: root + "/save", button: language["settings.save"], back: path,
                hidden: hidden, language)
            var page = ConsolePage(
                "settings_review", title: language["settings.review_title"],
                section: heading(request, SheetModel()).section,
                model: model)
            page.lead = language["settings.review_lead"]
            page.crumb = .init(title: heading(request, SheetModel()).title, href: path)
            return page
        }
    }
}

struct SheetModel: Sendable {
    struct Section: Sendable {
        var id: String
        var title: String
        var help: String?
        var settings: [SettingControl]
    }

    var tabs: [SettingsTab] = []
    var action = ""
    var sections: [Section] = []
    var hasRows = true
    var mayChange = false
}

/// What would change, before anything is saved.
struct ReviewModel: Sendable {
    struct Change: Sendable {
        var title: String
        var key: String
        var from: String
        var to: String
    }

    struct Effect: Sendable {
        var kind: String
        var text: String
    }

    var countText: String
    var changes: [Change]
    var effects: [Effect]
    var action: String
    var button: String
    var back: String
    var hidden: [HiddenField]
    var hasComment = true
    var mayApply = true

    init(
        _ outcome: AdminSettingsOutcome, settings: [AdminSetting], action: String, button: String, back: String,
        hidden: [HiddenField], _ language: ConsoleLanguage
    ) {
        let known = Dictionary(settings.map { ($0.key, $0) }) { first, _ in first }
        changes = outcome.differences.map { difference in
            let texts = known[difference.key].map { SettingTexts($0, language) }
            let subject = difference.place.subject
            return Change(
                title: (texts?.title ?? difference.key) + (subject.isEmpty ? "" : " · " + subject),
                key: difference.key, from: texts?.shown(difference.from) ?? difference.from.shown,
                to: texts?.shown(difference.to) ?? difference.to.shown)
        }
        let count = changes.count
        countText =
            count == 1 ? language["settings.review_one"] : language("settings.review_many", ["count": "\(count)"])
        effects = outcome.remarks.map { Effect(kind: "warn", text: $0) }
        (self.action, self.button, self.back, self.hidden) = (action, button, back, hidden)
    }
}
