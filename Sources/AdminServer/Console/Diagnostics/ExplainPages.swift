/// Why somebody sees what they see, and where a message went. The words come from the decisions themselves.
enum ExplainPages {
    static func add(to routes: ConsoleRoutes) {
        routes.get("/diagnostics/explain") { request in
            var model = ExplainModel(
                viewer: request.query.text("viewer"), target: request.query.text("target"), id: request.query.text("id")
            )
            do {
                switch request.query["what"] {
                case "presence":
                    let found: AdminPresenceExplanation = try await request.perform(
                        "explain.presence", ["viewer": model.viewer, "target": model.target])
                    model.results = [ExplainModel.Result(found, request)]
                case "message":
                    let found: AdminMessageExplanations = try await request.perform(
                        "explain.message", ["id": model.id])
                    model.results = found.messages.map { ExplainModel.Result($0, request.language) }
                    if model.results.isEmpty { model.problem = request.language["explain.no_message"] }
                default: break
                }
            } catch let error as AdminError where error.isOfForm || error.condition == .notFound {
                model.problem = error.explanation
            }
            return .page(request.page(.explain, model: model))
        }
    }
}

private struct ExplainModel: Sendable {
    struct Step: Sendable {
        var title: String
        var detail: String?
        /// When it happened, ISO 8601.
        var at: String?
        var href: String?
        var link: String?
    }

    struct Result: Sendable {
        var verdict: String
        var steps: [Step]
    }

    var viewer: String
    var target: String
    var id: String
    var problem: String?
    var results: [Result] = []
}

extension ExplainModel.Result {
    init(_ found: AdminPresenceExplanation, _ request: ConsoleRequest) {
        let language = request.language
        func state(_ status: AdminComposedStatus) -> String {
            language.optional("state.\(status.state)") ?? status.state
        }
        verdict = language(
            found.isVisible ? "explain.sees" : "explain.sees_not",
            ["viewer": found.viewer, "target": found.target, "state": state(found.status)])
        let sharing = SettingsPages.root + "/presence#" + SettingControl.id(of: "presence.sharing")
        let places = [
            "target-sharing": sharing, "viewer-sharing": sharing,
            "relation": SettingsPages.root + "/presence#" + SettingControl.id(of: "presence.auto_authorize"),
        ]
        steps = found.lines.filter { $0.outcome != "not-asked" }.map { line in
            let question = language.optional("explain.question_\(line.question)") ?? line.question
            let outcome = language.optional("explain.outcome_\(line.outcome)") ?? line.outcome
            let href = line.outcome == "denied" && request.may("settings.list") ? places[line.question] : nil
            return .init(
                title: question + ": " + outcome, detail: line.text, href: href,
                link: href.map { _ in language["explain.setting"] })
        }
        let sources = found.actual.sources.map { "\($0.source): \($0.state)" }.joined(separator: ", ")
        steps.append(
            .init(
                title: language("explain.actual", ["target": found.target, "state": state(found.actual)]),
                detail: [found.actual.reason, sources].filter { !$0.isEmpty }.joined(separator: " · ")))
        if !found.publications.isEmpty {
            steps.append(
                .init(
                    title: language["explain.publications"],
                    detail: found.publications.map { "\($0.source)/\($0.id): \($0.state)" }.joined(separator: ", ")))
        }
        if !found.subscriptions.isEmpty {
            steps.append(
                .init(
                    title: language["explain.subscriptions"],
                    detail: found.subscriptions.map { "\($0.package): \($0.state)" }.joined(separator: ", ")))
        }
        if let becomes = found.request {
            steps.append(.init(title: language["explain.request"], detail: becomes))
        }
    }

    init(_ found: AdminMessageExplanation, _ language: ConsoleLanguage) {
        verdict = found.state
        let ends = [found.sender, found.recipient].compactMap { $0 }.joined(separator: " → ")
        steps = [.init(title: found.id, detail: ends.isEmpty ? nil : ends, at: found.accepted)]
        steps += found.steps.map { step in
            let what = language.optional("explain.step_\(step.what)") ?? step.what
            let detail = [step.who, step.recipient.isEmpty ? "" : "→ " + step.recipient, step.note]
            return .init(
                title: what, detail: detail.filter { !$0.isEmpty }.joined(separator: " · "), at: step.at)
        }
        if !found.archives.isEmpty {
            steps.append(
                .init(title: language["explain.archived"], detail: found.archives.joined(separator: ", ")))
        }
    }
}
