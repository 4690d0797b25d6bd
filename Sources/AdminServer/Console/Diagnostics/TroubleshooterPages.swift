/// Diagnostics › System Troubleshooter: what was tested, what was found, and where it is put right.
enum TroubleshooterPages {
    static func add(to routes: ConsoleRoutes) {
        routes.get("/diagnostics/troubleshooter") { request in
            let language = request.language
            let examination: AdminExamination = try await request.perform("doctor.examine")
            let outcomes = examination.areas.flatMap(\.tests).map(\.outcome)
            func tally(_ outcome: AdminTest.Outcome, _ key: String) -> TroubleshooterModel.Tally? {
                let count = outcomes.count { $0 == outcome }
                guard count > 0 else { return nil }
                return .init(
                    kind: outcome.kind, icon: outcome.icon,
                    text: language("troubleshooter.\(key)", ["count": "\(count)"]))
            }
            let model = TroubleshooterModel(
                tally: [tally(.fail, "failed"), tally(.warning, "warnings"), tally(.pass, "passed")].compactMap { $0 },
                areas: examination.areas.filter { !$0.tests.isEmpty }.map { area in
                    .init(
                        id: area.name, title: language.optional("area.\(area.name)") ?? area.name,
                        tests: area.tests.map { TroubleshooterModel.Test($0, language) })
                })
            var page = request.page(.troubleshooter, model: model)
            page.actions = [
                .init(
                    title: language["troubleshooter.again"], href: ConsoleSection.troubleshooter.path,
                    icon: "troubleshooter")
            ]
            return .page(page)
        }
    }

    /// The place in the console that a test names, below its root and in the words of the settings.
    static func place(_ link: String) -> String {
        switch link {
        case "/services": ConsoleSection.services.path
        case "/certificates": ConsoleSection.certificates.path
        case "/settings/domains", "/settings/general": SettingsPages.root + "/server"
        default: ConsolePath.root + link
        }
    }
}

extension AdminTest.Outcome {
    var kind: String {
        switch self {
        case .pass: "good"
        case .warning: "warn"
        case .fail: "bad"
        }
    }

    var icon: String {
        switch self {
        case .pass: "check"
        case .warning: "warning"
        case .fail: "cross"
        }
    }
}

private struct TroubleshooterModel: Sendable {
    struct Tally: Sendable {
        var kind: String
        var icon: String
        var text: String
    }

    struct Area: Sendable {
        var id: String
        var title: String
        var tests: [Test]
    }

    struct Test: Sendable {
        var kind: String
        var icon: String
        var state: String
        var title: String
        var explanation: String
        var href: String?
        var fix: String
        var fixLabel: String

        init(_ test: AdminTest, _ language: ConsoleLanguage) {
            (kind, icon) = (test.outcome.kind, test.outcome.icon)
            state = language["troubleshooter.\(test.outcome.rawValue)"]
            title = language.optional("test.\(test.name)") ?? test.title
            explanation = test.explanation
            let isRight = test.outcome == .pass
            href = isRight ? nil : test.link.map(TroubleshooterPages.place)
            fix = language["troubleshooter.fix"]
            fixLabel = language("troubleshooter.fix_named", ["name": title])
        }
    }

    var tally: [Tally]
    var areas: [Area]
}
