/// Routing › Trunks: servers beside this one, whether they answer, and where a request would go.
enum TrunkPages {
    static func add(to routes: ConsoleRoutes) {
        routes.get("/trunks") { request in
            let found: AdminSIPTrunkList = try await request.perform("sip.trunks")
            let language = request.language
            var model = TrunksModel(
                rows: found.items.map { TrunksModel.Row($0, language) }, hasRows: !found.items.isEmpty,
                uri: request.query.text("uri"), from: request.query.text("from"))
            if !model.uri.isEmpty {
                do {
                    let resolved: AdminSIPResolution = try await request.perform(
                        "sip.resolve", ["uri": model.uri, "from": model.from])
                    model.result = TrunksModel.Result(resolved, language)
                } catch let error as AdminError where error.isOfForm || error.condition == .notFound {
                    model.problem = error.explanation
                }
            }
            var page = request.page(.trunks, model: model)
            if request.may("settings.list") {
                page.actions.append(
                    .init(
                        title: language["trunks.settings"],
                        href: SettingsPages.root + "/sip#" + SettingControl.id(of: "sip.trunks"), icon: "settings"))
            }
            return .page(page)
        }
    }
}

private struct TrunksModel: Sendable {
    struct Row: Sendable {
        var name: String
        var kind: String
        var icon: String
        var state: String
        var checked: String?
        var destinations: [Destination]
        var uses: String?
        var trusted: String
        var counts: String

        init(_ trunk: AdminSIPTrunk, _ language: ConsoleLanguage) {
            name = trunk.name
            (kind, icon) = Self.badge(trunk.state)
            state = language["trunks.state_\(trunk.state.rawValue)"]
            checked = trunk.checked
            destinations = trunk.destinations.map { Destination($0, language) }
            let parts = [
                trunk.publishesLineState ? language["trunks.line_state"] : "",
                trunk.isPresenceGateway ? language["trunks.gateway"] : "", trunk.domains.joined(separator: ", "),
                language("trunks.routes", ["count": "\(trunk.routes)"]),
            ]
            uses = parts.filter { !$0.isEmpty }.joined(separator: " · ")
            trusted = trunk.trusted.isEmpty ? language["trunks.trusts_nobody"] : trunk.trusted.joined(separator: ", ")
            counts = language(
                "trunks.counts",
                [
                    "received": ConsoleNumbers.grouped(trunk.received), "sent": ConsoleNumbers.grouped(trunk.sent),
                    "failed": ConsoleNumbers.grouped(trunk.failed),
                ])
        }

        static func badge(_ state: AdminSIPTrunk.State) -> (String, String) {
            switch state {
            case .up: ("good", "check")
            case .down: ("bad", "cross")
            case .unknown: ("", "info")
            }
        }
    }

    struct Destination: Sendable {
        var address: String
        var state: String
        var problem: String?

        init(_ destination: AdminSIPTrunk.Destination, _ language: ConsoleLanguage) {
            address = destination.address
            state = language["trunks.state_\(destination.state.rawValue)"]
            problem = destination.problem.isEmpty ? nil : destination.problem
        }
    }

    struct Step: Sendable {
        var title: String
        var detail: String
    }

    struct Result: Sendable {
        var verdict: String
        var targets: [String]
        var hasTargets: Bool
        var steps: [Step]

        init(_ resolved: AdminSIPResolution, _ language: ConsoleLanguage) {
            verdict = language["trunks.verdict_\(resolved.verdict.rawValue)"] + " " + resolved.text
            targets = resolved.targets
            hasTargets = !resolved.targets.isEmpty
            steps = resolved.steps.map { step in
                Step(title: language.optional("trunks.question_\(step.question)") ?? step.question, detail: step.answer)
            }
        }
    }

    var rows: [Row]
    var hasRows: Bool
    var uri: String
    var from: String
    var problem: String?
    var result: Result?
}
